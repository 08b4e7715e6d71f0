"""Pipeline transform that filters frames by a median."""

import random

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class MedianBlur(BaseTransform):
    """Replace each pixel of the frame by the median of its neighbourhood.

    Removes specks and keeps edges; labels are unchanged. Requires and changes ``img``,
    (H, W) or (H, W, C) uint8; each channel is filtered separately.

    Args:
        ksize: Side of the square neighbourhood in pixels, odd, at least 3; default 3.
        prob: Probability of filtering a frame, in [0, 1]; default 1, as required in a
            test pipeline.

    Raises:
        ValueError: ``ksize`` or ``prob`` is out of range.
    """

    def __init__(self, ksize: int = 3, prob: float = 1.0) -> None:
        if not isinstance(ksize, int) or ksize < 3 or ksize % 2 == 0:
            raise ValueError(f"ksize must be an odd integer of at least 3, got {ksize}")
        if not 0 <= prob <= 1:
            raise ValueError(f"prob must lie in [0, 1], got {prob}")
        self.ksize = ksize
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Filter the frame of a sample.

        Raises:
            ValueError: The frame is not 8-bit; OpenCV filters others up to 5x5 only.
        """
        frame = results["img"]
        if frame.dtype != np.uint8:
            raise ValueError(
                f"MedianBlur needs an 8-bit frame, got {frame.dtype}: place it before "
                f"transforms that convert to float"
            )
        if random.random() < self.prob:
            results["img"] = cv2.medianBlur(frame, self.ksize)
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}(ksize={self.ksize}, prob={self.prob})"

"""Pipeline transform that changes all frames of a clip alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform, Compose
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets.views import random_states, set_random_states


@TRANSFORMS.register_module()
class EachFrame(BaseTransform):
    """Apply transforms to each frame of a clip, with the same random numbers.

    For transforms of images of three channels, such as ``PhotoMetricDistortion``, which
    draw the same whatever the image is. Requires ``img`` (H, W, nC), as of
    ``LoadClip``; changes it, and other entries as the transforms do.

    Args:
        transforms: Configs of the transforms; they must not change the size.
        channels: Channels of a frame, C >= 1; default 3.

    Raises:
        ValueError: ``channels`` is below 1.
    """

    def __init__(self, transforms: Sequence[dict], channels: int = 3) -> None:
        if type(channels) is not int or channels < 1:
            raise ValueError(f"channels must be an integer >= 1, got {channels!r}")
        self.transforms = Compose(list(transforms))
        self.channels = channels

    def transform(self, results: dict) -> dict | None:
        """Change the frames.

        Raises:
            ValueError: The channels are no whole number of frames, a transform drops a
                frame, or changes its size.
        """
        image = results["img"]
        if image.ndim != 3 or image.shape[2] % self.channels:
            raise ValueError(
                f"EachFrame got an image of shape {image.shape}, which is no whole "
                f"number of frames of {self.channels} channels: set channels, or take "
                f"LoadClip"
            )
        frames = np.split(image, image.shape[2] // self.channels, axis=2)
        before = random_states()
        changed: list[Any] = []
        found: Any = results
        for frame in frames:
            set_random_states(before)
            one: Any = {**results, "img": np.ascontiguousarray(frame)}
            found = self.transforms(one)
            if found is None or found["img"].shape != frame.shape:
                raise ValueError(
                    f"EachFrame: {self.transforms} drops a frame or changes its size: "
                    f"put it after EachFrame"
                )
            changed.append(found["img"])
        return {**found, "img": np.concatenate(changed, axis=2)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.transforms}, channels={self.channels})"

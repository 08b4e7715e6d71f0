"""Pipeline transform that checks the sizes of labels."""

from typing import Literal, get_args

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

Size = Literal["img_shape", "ori_shape"]


@TRANSFORMS.register_module()
class CheckShapes(BaseTransform):
    """Refuse labels of the wrong size; the last step before packing.

    mmseg's losses and metrics resize logits to the label, so a label that missed a
    resize or a crop causes no error. In a training pipeline, labels pass all transforms
    of the frame and have the size of ``img``. In a test pipeline they are loaded after
    resizing and have the size of the image file, at which scores are computed. A sample
    without labels passes. Requires ``img``, (H, W) or (H, W, C).

    Args:
        labels_at: Size of the labels: ``'img_shape'``, the current size of ``img``
            (default), or ``'ori_shape'``, its size when it was loaded.

    Raises:
        ValueError: ``labels_at`` has another value.
    """

    def __init__(self, labels_at: Size = "img_shape") -> None:
        if labels_at not in get_args(Size):
            raise ValueError(
                f"labels_at must be one of {get_args(Size)}, got {labels_at!r}"
            )
        self.labels_at = labels_at

    def transform(self, results: dict) -> dict:
        """Check a sample and return it unchanged.

        Raises:
            ValueError: A label is not an (H, W) uint8 map of the required size; the
                message names the frame and both shapes.
        """
        frame = results["img"].shape[:2]
        expected = frame if self.labels_at == "img_shape" else results["ori_shape"][:2]
        for field in results.get("seg_fields", []):
            label = results[field]
            if label.shape != tuple(expected) or label.dtype != np.uint8:
                raise ValueError(
                    f"{field} of frame {results.get('img_path')} has shape "
                    f"{label.shape} and dtype {label.dtype}, expected {expected} and "
                    f"uint8: {self._remedy()} The frame now has {frame}."
                )
        return results

    def _remedy(self) -> str:
        if self.labels_at == "img_shape":
            return (
                "load labels before the first transform that moves pixels, or, in a "
                "test pipeline, give CheckShapes labels_at='ori_shape'."
            )
        return (
            "in a test pipeline, load labels after the last transform that moves "
            "pixels, or give CheckShapes labels_at='img_shape'."
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(labels_at={self.labels_at!r})"

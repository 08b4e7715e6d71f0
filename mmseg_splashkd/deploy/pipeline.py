"""The test pipeline of a config, as far as a deployed file repeats it."""

from typing import Any

from mmcv.transforms import LoadImageFromFile, Resize
from mmengine.config import Config
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs

from mmseg_splashkd.config.types import is_a, type_name
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.transforms import CheckShapes, LoadGrayLabels

OF_LABELS = (LoadAnnotations, LoadGrayLabels, CheckShapes)  # frames pass unchanged
STEPS = (LoadImageFromFile, Resize, *OF_LABELS, PackSegInputs)


def trained_size(cfg: Config) -> tuple[int, int] | None:
    """(H, W) to which the validation part resizes frames; None: they stay as they are.

    Args:
        cfg: Resolved config.

    Raises:
        ValueError: The pipeline does what a deployed file cannot: the message names the
            step.
    """
    sizes = {_size_of(leaf) for leaf in loader_leaves(cfg, "val_dataloader")}
    if not sizes:
        raise ValueError(
            "the config has no val_dataloader, by whose pipeline a deployed file reads "
            "frames: add one"
        )
    if len(sizes) > 1:
        raise ValueError(
            f"the data sets of val_dataloader resize frames differently: {sizes}"
        )
    return sizes.pop()


def _size_of(leaf: Any) -> tuple[int, int] | None:
    size = None
    for step in leaf.pipeline:
        if not any(is_a(step, kind) for kind in STEPS):
            raise ValueError(
                f"{type_name(step)} in the pipeline of val_dataloader cannot be "
                f"exported: only a Resize to one size can"
            )
        if is_a(step, LoadImageFromFile) and step.get("color_type", "color") != "color":
            raise ValueError(
                f"color_type={step['color_type']!r} in the pipeline of val_dataloader "
                f"cannot be exported: a deployed file reads RGB frames"
            )
        if is_a(step, Resize):
            size = _scale(step)
    return size


def _scale(step: Any) -> tuple[int, int]:
    scale = step.get("scale")
    is_size = isinstance(scale, list | tuple) and len(scale) == 2
    if not is_size or step.get("keep_ratio") or step.get("scale_factor") is not None:
        raise ValueError(
            f"Resize in the pipeline of val_dataloader depends on the frame "
            f"({dict(step)}): a deployed file has one size, scale=(width, height) with "
            f"keep_ratio=False"
        )
    if step.get("interpolation", "bilinear") != "bilinear":
        raise ValueError(
            f"Resize with interpolation={step['interpolation']!r} cannot be exported: "
            f"only 'bilinear' can"
        )
    width, height = scale
    return int(height), int(width)

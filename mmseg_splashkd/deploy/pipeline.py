"""The test pipeline of a config, as far as a deployed file repeats it."""

from typing import Any

from mmcv.transforms import LoadImageFromFile, Resize
from mmengine.config import Config
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs

from mmseg_splashkd.config.types import classes, is_a, type_name
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.transforms import CheckShapes, LoadClip, LoadGrayLabels

OF_LABELS = (LoadAnnotations, LoadGrayLabels, CheckShapes)  # frames pass unchanged
STEPS = (LoadImageFromFile, Resize, *OF_LABELS, PackSegInputs)
MAKERS = {"mmcv", "mmseg", "mmseg_splashkd"}
# What a deployed file repeats of the arguments.
READ = {"color_type": "color"}  # who decodes a frame is not part of the file
RESIZED = {"interpolation": "bilinear", "backend": "cv2"}


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
    resizes = [step for step in leaf.pipeline if is_a(step, Resize)]
    if len(resizes) > 1:
        raise ValueError(
            f"the pipeline of val_dataloader has {len(resizes)} Resize, and a deployed "
            f"file has one: keep the last"
        )
    for step in leaf.pipeline:
        if is_a(step, LoadClip):
            raise ValueError(
                "LoadClip in the pipeline of val_dataloader cannot be exported: a "
                "deployed file reads single frames. Export a student of single frames"
            )
        if not _is_repeated(step):
            raise ValueError(
                f"{type_name(step)} in the pipeline of val_dataloader cannot be "
                f"exported: only a Resize to one size can"
            )
        for name, value in READ.items():
            _check_argument(step, LoadImageFromFile, name, value, "reads RGB frames")
        for name, value in RESIZED.items():
            _check_argument(step, Resize, name, value, "resizes bilinearly")
    return _scale(resizes[0]) if resizes else None


def _is_repeated(step: Any) -> bool:
    """Whether a step is one of ``STEPS``, of the host or ours.

    A subclass of somebody else does what is not known here.
    """
    makers = {kind.__module__.partition(".")[0] for kind in classes(step["type"])}
    return makers <= MAKERS and any(is_a(step, kind) for kind in STEPS)


def _check_argument(step: Any, kind: type, name: str, value: Any, does: str) -> None:
    """Refuse an argument of a step whose effect a deployed file does not repeat."""
    given = step.get(name, value)
    if is_a(step, kind) and given != value:
        raise ValueError(
            f"{name}={given!r} of {kind.__name__} in the pipeline of val_dataloader "
            f"cannot be exported: a deployed file {does}, as {name}={value!r} does"
        )


def _scale(step: Any) -> tuple[int, int]:
    scale = step.get("scale")
    is_size = isinstance(scale, list | tuple) and len(scale) == 2
    if not is_size or step.get("keep_ratio") or step.get("scale_factor") is not None:
        raise ValueError(
            f"Resize in the pipeline of val_dataloader depends on the frame "
            f"({dict(step)}): a deployed file has one size, scale=(width, height) with "
            f"keep_ratio=False"
        )
    width, height = scale
    return int(height), int(width)

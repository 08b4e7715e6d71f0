"""Test-time augmentation at the size of the test pipeline."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmcv.transforms import Resize
from mmengine.config import Config

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import loader_leaves


def check_tta(cfg: Config) -> None:
    """Check that ``tta_pipeline`` resizes frames to the size of the test pipeline.

    Several sizes are accepted if that of the test pipeline is among them, and so are
    factors (``scale_factor``).

    Raises:
        ValueError: It resizes to other sizes only.
    """
    if not cfg.get("tta_pipeline"):
        return
    averaged = list(_resizes(cfg.tta_pipeline, "tta_pipeline"))
    if any(step.get("scale") is None for _, step in averaged):
        return
    for leaf in loader_leaves(cfg, "test_dataloader"):
        tested = {_size(step) for _, step in _resizes(leaf.get("pipeline"), "")}
        sizes = {_size(step): key for key, step in averaged}
        tested.discard(None)
        if tested and not tested & sizes.keys():
            (size, key), *_ = [*sizes.items(), (None, "tta_pipeline")]
            raise ValueError(
                f"{key}.scale={size} differs from the size of the test pipeline, "
                f"{', '.join(map(str, tested))}, for which the model "
                f"is tested: set {key}.scale to it, or the variable of the config "
                f"(size) that both are computed from"
            )


def _size(step: Mapping[str, Any]) -> tuple | None:
    scale = step.get("scale")
    if scale is None:
        return None
    return (scale, scale) if isinstance(scale, int) else tuple(scale)


def _resizes(node: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, Mapping):
        if is_a(node, Resize):
            yield key, node
        for name, child in node.items():
            yield from _resizes(child, f"{key}.{name}")
    elif isinstance(node, list | tuple):
        for index, child in enumerate(node):
            yield from _resizes(child, f"{key}.{index}")

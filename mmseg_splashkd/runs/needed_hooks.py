"""Hooks whose files every other tool reads, for configs that do not name them."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmseg.models.segmentors import DepthEstimator

from mmseg_splashkd.config.types import classes, is_a
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.hooks import (
    ExportWeightsHook,
    FrameScoresHook,
    WholeCheckpointHook,
)


def add_needed_hooks(cfg: Config) -> None:
    """Add the hooks that write scores and weights of a run, where a config lacks them.

    Comparisons, reports, sweeps and the search for label errors read these files. The
    weights are not exported where ``save_best`` names several metrics, so that there
    is no best checkpoint; a depth estimator has no scores of classes.

    Args:
        cfg: Config of the run; ``custom_hooks`` is changed in place.
    """
    named = list(cfg.get("custom_hooks") or ())
    wanted: list[type] = []
    if has_classes(cfg.model):
        wanted.append(FrameScoresHook)
    if not _has_several_best(cfg):
        wanted.append(ExportWeightsHook)
    missing = [kind for kind in wanted if not any(is_a(each, kind) for each in named)]
    if missing:
        cfg.custom_hooks = [*named, *({"type": kind.__name__} for kind in missing)]


def has_classes(model: Any) -> bool:
    """Whether a model predicts classes, or else maps of numbers, by its config."""
    return not is_a(plain_model(model), DepthEstimator)


def whole_checkpoints(hook: Any) -> Any:
    """A hook's config, with mmengine's ``CheckpointHook`` replaced by ours.

    A subclass of another's stays as it is.

    Args:
        hook: Config of a hook, or a hook.
    """
    if not isinstance(hook, Mapping) or CheckpointHook not in classes(hook.get("type")):
        return hook
    return {**hook, "type": WholeCheckpointHook}


def _has_several_best(cfg: Config) -> bool:
    hook: Any = (cfg.get("default_hooks") or {}).get("checkpoint")
    best = hook.get("save_best") if isinstance(hook, Mapping) else None
    return isinstance(best, (list, tuple)) and len(best) > 1

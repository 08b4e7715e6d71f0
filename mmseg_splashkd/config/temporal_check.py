"""Checks that neighbours are drawn where, and only where, something takes them."""

from typing import Any

from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config

from mmseg_splashkd.config.faults import ConfigError
from mmseg_splashkd.config.types import is_a, is_from, type_name
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.transforms.load_clip import LoadClip


def check_temporal(cfg: Config) -> None:
    """Check ``neighbour`` and ``clip`` of the data sets against what takes them.

    ``neighbour`` is taken by ``temporal_loss`` of the model, ``clip`` by ``LoadClip``.

    Raises:
        ConfigError: One is set without the other.
    """
    check_clips(cfg)
    compares = cfg.model.get("temporal_loss") is not None
    for leaf in loader_leaves(cfg, "train_dataloader"):
        draws = is_a(leaf, TimeSplitDataset) and leaf.get("neighbour") is not None
        if compares and not draws:
            raise ConfigError(
                f"model.temporal_loss compares neighbouring frames, and the "
                f"{type_name(leaf)} of train_dataloader draws none: set neighbour of a "
                f"TimeSplitDataset to a little more than the interval of its frames, "
                f"such as neighbour='2s', or remove temporal_loss"
            )
        if draws and not compares:
            raise ConfigError(
                f"neighbour={leaf['neighbour']!r} of train_dataloader draws pairs of "
                f"frames that nothing compares: add model.temporal_loss (of a "
                f"TemporalEncoderDecoder or TemporalDistillSegmentor), or remove it"
            )


def check_clips(cfg: Config) -> None:
    """Check ``clip`` of all data sets against ``LoadClip`` in their pipelines.

    Raises:
        ConfigError: One is set without the other.
    """
    for leaf in loader_leaves(cfg):
        clip = leaf.get("clip") if is_a(leaf, TimeSplitDataset) else None
        steps = leaf.get("pipeline") or ()
        if clip is not None and any(map(_loads_one, steps)):
            raise ConfigError(
                f"clip={clip!r} of a data set names frames that its pipeline does not "
                f"load: begin the pipeline with dict(type='LoadClip'), or remove it"
            )
        if clip is None and any(is_a(step, LoadClip) for step in steps):
            raise ConfigError(
                f"LoadClip in the pipeline of a {type_name(leaf)} without clip: set "
                f"clip of a TimeSplitDataset to a little more than the interval of its "
                f"frames, such as clip='2s'"
            )


def _loads_one(step: Any) -> bool:
    """Whether a step loads a single frame: others' loaders may load a clip."""
    return (
        is_a(step, LoadImageFromFile)
        and not is_a(step, LoadClip)
        and is_from(step, "mmcv", "mmseg", "mmseg_splashkd")
    )

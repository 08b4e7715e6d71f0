"""Checks that pairs of frames are drawn where, and only where, a loss compares them."""

from mmengine.config import Config

from mmseg_splashkd.config.faults import ConfigError
from mmseg_splashkd.config.types import is_a, type_name
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.time_split import TimeSplitDataset


def check_temporal(cfg: Config) -> None:
    """Check ``temporal_loss`` of the model against ``neighbour`` of the data sets.

    Raises:
        ConfigError: One is set without the other.
    """
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

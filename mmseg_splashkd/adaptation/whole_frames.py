"""Loaders of whole frames, in their order, without a run around them."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_splashkd.adaptation.config_file import frames_of_table


def frames_of(cfg: Config, part: str) -> Any:
    """Data loader of the whole frames of a part, in their order.

    Args:
        cfg: Config.
        part: ``'val'`` or ``'test'``.
    """
    return Runner.build_dataloader(cfg[f"{part}_dataloader"])


def frames_of_target(cfg: Config, table: Path) -> Any:
    """Data loader of the whole frames of a target, in their order, one at a time.

    Args:
        cfg: Config of a segmentor, which reads them as its validation part.
        table: Split table of the frames, all in the training part.
    """
    dataset = frames_of_table(cfg, table, "all")
    options = {"batch_size": 1, "drop_last": False, "dataset": dataset}
    return Runner.build_dataloader({**cfg.val_dataloader, **options})

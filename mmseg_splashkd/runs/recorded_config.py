"""The config of a recorded run, as its text in the record defines it."""

import tempfile
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_text
from mmseg_splashkd.datasets.time_split import RENAMED
from mmseg_splashkd.records.record import RunRecord

CONFIG = "config.py"


def recorded_config(record: RunRecord, options: dict[str, Any] | None = None) -> Config:
    """Read the recorded config.

    Args:
        record: Record of the run.
        options: Dotted keys that override it.

    Raises:
        ValueError: The record holds no config.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, CONFIG)
        path.write_text(recorded_text(record), encoding="utf-8")
        return read_config(path, options)


def recorded_text(record: RunRecord) -> str:
    """Text of the recorded config.

    Variables of former names, which older configs had beside their data sets, are left
    out: they have no effect in a resolved config.

    Raises:
        ValueError: The record holds no config.
    """
    if record.config_text is None:
        raise ValueError(f"the record of run {record.name} holds no config")
    cfg = Config.fromstring(record.config_text, ".py")
    former = [key for key in RENAMED if key in cfg]
    for key in former:
        cfg.pop(key)
    return config_text(cfg) if former else record.config_text

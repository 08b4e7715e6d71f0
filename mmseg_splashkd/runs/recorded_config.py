"""The config of a recorded run, as its text in the record defines it."""

import tempfile
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.embedded import embedded_values
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import values_text
from mmseg_splashkd.datasets.time_split import RENAMED
from mmseg_splashkd.records.record import RunRecord

CONFIG = "config.py"


def recorded_config(
    record: RunRecord, options: dict[str, Any] | None = None, trust: bool = False
) -> Config:
    """Read the recorded config.

    Args:
        record: Record of the run.
        options: Dotted keys that override it.
        trust: See ``embedded_values``.

    Raises:
        ValueError: The record holds no config, or one that would run code.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, CONFIG)
        path.write_text(recorded_text(record, trust), encoding="utf-8")
        return read_config(path, options)


def recorded_text(record: RunRecord, trust: bool = False) -> str:
    """Text of the recorded config, written anew from its values.

    Variables of former names, which older configs had beside their data sets, are left
    out: they have no effect in a resolved config.

    Args:
        record: Record of the run.
        trust: See ``embedded_values``.

    Raises:
        ValueError: The record holds no config, or one that would run code.
    """
    values = embedded_values(record, trust)
    return values_text({k: each for k, each in values.items() if k not in RENAMED})

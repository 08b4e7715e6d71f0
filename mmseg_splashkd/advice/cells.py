"""The measured cells of the map, as they are shipped."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from mmseg_splashkd.advice.setting import Setting
from mmseg_splashkd.files import write_whole

FILE = "cells.json"
PAYS, COSTS, UNKNOWN = "pays", "costs", "cannot tell"
STEPS_ONLY = "pays at equal steps only"


@dataclass(frozen=True)
class Gain:
    """Mean difference over seeds with its 95 % interval, in points."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


@dataclass(frozen=True)
class MappedCell:
    """What one comparison of the map says.

    Args:
        name: Its name on the page.
        title: Data, student and schedule, in words.
        score: Name of the score whose points these are.
        setting: What it was measured on.
        taught: Name of the best taught arm.
        config: Its config file, the recipe.
        options: Dotted config keys beside it that make the recipe.
        losses: Its losses, see ``loss_words``.
        rate: Learning rate that it chose.
        control: Name of the best arm without what the teacher knows.
        over_plain: Gain of the taught arm over the plain student.
        over_control: Its gain over the best control.
        equal_time: Its gain over the best of plain student and best control with the
            time of student, cache and teacher together; None: not run.
        seeds: Number of seeds.
        date: Day of the last run.
    """

    name: str
    title: str
    score: str
    setting: Setting
    taught: str
    config: str
    options: Mapping[str, Any]
    losses: str
    rate: float
    control: str
    over_plain: Gain
    over_control: Gain
    equal_time: Gain | None
    seeds: int
    date: str

    @property
    def verdict(self) -> str:
        """What its gains say; see ``verdict_of``."""
        return verdict_of(self.over_control, self.equal_time)


def verdict_of(over_control: Any, equal_time: Any) -> str:
    """``PAYS``, ``STEPS_ONLY``, ``COSTS`` or ``UNKNOWN``.

    It pays where the interval over the best control is above 0 and the mean at equal
    time is not below 0.

    Args:
        over_control: Gain over the best control, with ``value``, ``low`` and ``high``.
        equal_time: Gain at equal time; None: not run.
    """
    if over_control.high < 0:
        return COSTS
    if over_control.low <= 0:
        return UNKNOWN
    if equal_time is None or equal_time.value < 0:
        return STEPS_ONLY
    return PAYS


def shipped_cells() -> list[MappedCell]:
    """The cells that this version knows of."""
    text = files("mmseg_splashkd.advice").joinpath(FILE).read_text(encoding="utf-8")
    return [_cell(each) for each in json.loads(text)]


def write_cells(path: Path, cells: Sequence[MappedCell]) -> None:
    """Write cells, to be shipped."""
    write_whole(path, json.dumps([asdict(cell) for cell in cells], indent=1) + "\n")


def _cell(values: Mapping[str, Any]) -> MappedCell:
    gains = {
        key: values[key] and Gain(**values[key])
        for key in ("over_plain", "over_control", "equal_time")
    }
    return MappedCell(**{**values, **gains, "setting": Setting(**values["setting"])})

"""Gains of the arms of a cell, with intervals over seeds."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from map_cell import Cell

from mmseg_splashkd.advice.cells import Gain, MappedCell
from mmseg_splashkd.advice.look import WORTH
from mmseg_splashkd.advice.setting import Setting
from mmseg_splashkd.report.experiments.crossing import saturation
from mmseg_splashkd.statistics.intervals import Interval, interval_of

FEWEST_SEEDS = 5  # of a cell that is told to others before its plan is done


class Longer(NamedTuple):
    """Runs of an arm with the time of the dearest taught one.

    Attributes:
        iterations: Their length.
        scores: (n,) on the test part, one per seed.
    """

    iterations: int
    scores: np.ndarray


@dataclass(frozen=True)
class CellResults:
    """What was measured of a cell.

    Args:
        cell: The cell.
        stored: Content of its file of results.
    """

    cell: Cell
    stored: dict[str, Any]

    @cached_property
    def seeds(self) -> list[int]:
        """Planned seeds with which every arm has run at its rate."""
        by_arm = [set(self._compared[arm]) for arm in self.cell.arms]
        return sorted(set.intersection(*by_arm) & set(self.cell.seeds))

    @property
    def is_whole(self) -> bool:
        """Whether enough seeds are done to tell others: all of the plan, or five."""
        enough = min(FEWEST_SEEDS, len(self.cell.seeds))
        return "setting" in self.stored and len(self.seeds) >= enough

    @cached_property
    def _compared(self) -> dict[str, dict[int, dict[str, Any]]]:
        rates = self.stored.get("rates", {})
        runs: dict[str, dict[int, dict[str, Any]]] = {arm: {} for arm in self.cell.arms}
        for run in self.stored["runs"]:
            if run["arm"] in runs and run["rate"] == rates[run["arm"]]:
                runs[run["arm"]][run["seed"]] = run
        return runs

    def runs(self, arm: str) -> list[dict[str, Any]]:
        """The runs of an arm, by seed."""
        return [self._compared[arm][seed] for seed in self.seeds]

    def scores(self, arm: str, score: str | None = None) -> np.ndarray:
        """Scores on the test part, one per seed."""
        score = score or self.cell.tested
        return np.array([run["test"][score] for run in self.runs(arm)])

    def without_rarest(self, arm: str) -> np.ndarray:
        """Mean IoU of all classes but the rarest, one per seed."""
        left = [name for name in self.classes if name != self.cell.rarest]
        return np.mean([self.scores(arm, f"IoU.{name}") for name in left], axis=0)

    @property
    def machines(self) -> dict[str, int]:
        """Hardware -> number of compared runs on it."""
        runs = [run for arm in self.cell.arms for run in self.runs(arm)]
        return dict(Counter(run.get("hardware", "not recorded") for run in runs))

    @property
    def tuning(self) -> dict[str, dict[float, float]]:
        """Arm -> rate -> mean score on the validation part; NaN where it diverged."""
        scores: dict[str, dict[float, list[float]]] = {}
        for run in self.stored["tuning"]:
            score = run["val"][self.cell.metric] if "val" in run else math.nan
            of_arm = scores.setdefault(run["arm"], {})
            of_arm.setdefault(run["rate"], []).append(score)
        return {
            arm: {rate: float(np.mean(each)) for rate, each in rates.items()}
            for arm, rates in scores.items()
        }

    @cached_property
    def classes(self) -> list[str]:
        """Names of the classes."""
        test = self.stored["runs"][0]["test"]
        names = [key.partition(".")[2] for key in test if key.startswith("IoU.")]
        return [name for name in names if name]

    @cached_property
    def best_control(self) -> str:
        """The control with the highest mean on the test part: the strictest choice."""
        controls = [
            name for name, arm in self.cell.arms.items() if arm.kind != "taught"
        ]
        return max(controls, key=lambda name: self.scores(name).mean())

    @property
    def untaught(self) -> list[str]:
        """The plain student, and the best control where that is another arm."""
        return [*dict.fromkeys((self.plain, self.best_control))]

    @property
    def taught(self) -> list[str]:
        """The arms that a trained teacher teaches."""
        return [name for name, arm in self.cell.arms.items() if arm.kind == "taught"]

    @property
    def may_pay(self) -> bool:
        """Whether time decides: the gain over the best control is not below 0."""
        return self.gain(self.best_taught, self.best_control).low >= 0

    @property
    def compared_in_time(self) -> list[str]:
        """Arms whose time must be known for a comparison at equal time."""
        return self.untaught + self.taught

    @cached_property
    def best_taught(self) -> str:
        """The taught arm with the highest mean on the validation part."""
        return max(self.taught, key=self._validated)

    @property
    def dearest_taught(self) -> str:
        """The taught arm that takes longest, of those whose time was measured."""
        seconds = self.stored["costs"]["seconds"]
        timed = [name for name in self.taught if name in seconds]
        return max(timed, key=lambda name: sum(seconds[name].values()))

    @cached_property
    def with_equal_time(self) -> dict[str, Longer]:
        """Arm -> its runs with the time of a taught arm."""
        longer = {}
        for arm in self.untaught:
            runs = [each for each in self.stored["equal time"] if each["arm"] == arm]
            last = (
                runs[-1]["iterations"] if runs else None
            )  # others are of another plan
            by_seed = {
                each["seed"]: each for each in runs if each["iterations"] == last
            }
            if all(seed in by_seed for seed in self.seeds):
                own = [by_seed[seed] for seed in self.seeds]
                longer[arm] = Longer(
                    own[0]["iterations"],
                    np.array([each["test"][self.cell.tested] for each in own]),
                )
        return longer

    def _validated(self, arm: str) -> float:
        values = [run["val"][self.cell.metric] for run in self.runs(arm)]
        return float(np.mean(values))

    @property
    def plain(self) -> str:
        """The plain student."""
        return next(iter(self.cell.arms))

    @property
    def lead(self) -> np.ndarray:
        """Lead of each teacher over the mean plain student, in points, on the test."""
        teachers = [run["test"][self.cell.tested] for run in self.stored["teachers"]]
        return np.array(teachers) - self.scores(self.plain).mean()

    def curve(self, arm: str) -> np.ndarray:
        """(n, 2) iterations and mean scores on the validation part."""
        return np.mean([run["curve"] for run in self.runs(arm)], axis=0)

    def has_saturated(self, arm: str) -> bool:
        """Whether the mean curve of an arm gained nothing in its last third."""
        steps, values = self.curve(arm).T
        found = saturation((steps, values), WORTH)
        return found is not None and found.is_flat

    @property
    def lead_in_validation(self) -> float:
        """Lead of the mean teacher over the mean plain student, without the test."""
        teachers = [run["val"][self.cell.metric] for run in self.stored["teachers"]]
        return float(np.mean(teachers)) - self._validated(self.plain)

    def gain(self, arm: str, other: str) -> Interval:
        """Gain of an arm over another one on the test part, paired by seed."""
        return paired(self.scores(arm), self.scores(other))

    @cached_property
    def at_equal_time(self) -> Interval | None:
        """Gain over the best arm with the time of the taught one and its teacher."""
        if self.best_control not in self.with_equal_time:
            return None
        longer = [each.scores for each in self.with_equal_time.values()]
        best = max(longer, key=lambda scores: scores.mean())
        return paired(self.scores(self.best_taught), best)

    @cached_property
    def mapped(self) -> MappedCell:
        """What the map says of this cell."""
        taught, control = self.best_taught, self.best_control
        equal = self.at_equal_time
        return MappedCell(
            name=self.cell.name,
            title=self.cell.title,
            score=self.cell.tested,
            setting=Setting(**self.stored["setting"]),
            taught=taught,
            config=self.cell.arms[taught].config or self.cell.plain,
            options={**self.cell.recipe, **self.cell.arms[taught].options},
            losses=self.stored["losses"][taught],
            rate=self.stored["rates"][taught],
            control=control,
            over_plain=_rounded(self.gain(taught, self.plain)),
            over_control=_rounded(self.gain(taught, control)),
            equal_time=None if equal is None else _rounded(equal),
            seeds=len(self.seeds),
            date=self.stored["date"],
        )


def _rounded(gain: Interval) -> Gain:
    return Gain(*(round(each, 3) for each in (gain.value, gain.low, gain.high)))


def paired(values: np.ndarray, others: np.ndarray) -> Interval:
    """Interval of the mean difference over seeds.

    Args:
        values: (n,) scores in points, n > 1.
        others: (n,) scores of the same seeds.
    """
    return mean_of(values - others)


def mean_of(values: np.ndarray) -> Interval:
    """Student's t interval of a mean over seeds; (n,) values, n > 1."""
    count = len(values)
    return interval_of(
        float(values.mean()), float(values.var(ddof=1)) / count, count - 1
    )


def read_results(cells: Sequence[Cell], folder: Path) -> list[CellResults]:
    """What has been measured of cells, whose comparison may not have begun.

    Args:
        cells: The cells.
        folder: Folder of their results.
    """
    files = [(cell, folder / f"{cell.name}.json") for cell in cells]
    return [
        CellResults(cell, json.loads(file.read_text()))
        for cell, file in files
        if file.is_file()
    ]

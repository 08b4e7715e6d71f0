"""The page docs/adaptation.md: tables and pictures of all shifts."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from map_page import words
from map_results import mean_of, paired
from matplotlib.axes import Axes
from shifts import ARMS, SOURCE, Shift

from mmseg_splashkd.adaptation.evidence import Shown, write_evidence
from mmseg_splashkd.adaptation.methods import METHODS
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.figures import BAD, GOOD, NEUTRAL, grid, svg_figure
from mmseg_splashkd.statistics.intervals import Interval

BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
START = "start"


@dataclass(frozen=True)
class ShiftResults:
    """What was measured of a shift.

    Args:
        shift: The shift.
        stored: Content of its file of results.
    """

    shift: Shift
    stored: dict[str, Any]

    @cached_property
    def runs(self) -> dict[str, dict[int, dict[str, Any]]]:
        """Arm -> seed -> run."""
        runs: dict[str, dict[int, dict[str, Any]]] = {}
        for run in self.stored["runs"]:
            runs.setdefault(run["arm"], {})[run["seed"]] = run
        return runs

    @cached_property
    def arms(self) -> list[str]:
        """Start and arms that have run with every planned seed, and none refused."""
        planned = set(self.shift.seeds)
        arms = (START, *self.shift.arms)
        done = [arm for arm in arms if planned <= self.runs.get(arm, {}).keys()]
        return [arm for arm in done if not self.refused(arm)]

    def refused(self, arm: str) -> list[str]:
        """Reasons for which a method refused to begin, by seed."""
        runs = self.runs.get(arm, {}).values()
        return [run["refused"] for run in runs if "refused" in run]

    def values(self, arm: str, score: str | None = None) -> np.ndarray:
        """Scores on the target's test part, one per seed."""
        score = score or self.shift.tested
        return np.array([self.runs[arm][s]["test"][score] for s in self.shift.seeds])

    def signs(self, arm: str, sign: str) -> float:
        """Mean of a sign over seeds."""
        runs = [self.runs[arm][seed]["signs"][sign] for seed in self.shift.seeds]
        return float(np.mean(runs))

    def seconds(self, arm: str) -> float:
        """Mean time of a run, and of those from which it goes on."""
        arms = self.shift.arms
        before = arms[arm].start if arm in arms else None
        if arm in arms and arms[arm].statistics:
            before = SOURCE
        own = np.mean([self.runs[arm][s]["seconds"] for s in self.shift.seeds])
        return float(own) + (self.seconds(before) if before else 0.0)

    @property
    def shown(self) -> Shown:
        """What the methods brought, for others."""
        shift, tables = self.shift, self.shift.tables
        gains = {
            arm: [round(each, 3) for each in (gain.value, gain.low, gain.high)]
            for arm in self.arms
            # A new network has more iterations than the source alone.
            if arm in METHODS and METHODS[arm].taught is None
            for gain in [self.gain(arm)]
        }
        return Shown(
            shift=shift.name,
            title=shift.title,
            score=shift.tested,
            two_classes=shift.threshold is not None,
            same=tables.get("source_table", "") == tables.get("target_table"),
            gains=gains,
            date=self.stored["date"],
        )

    def gain(self, arm: str, other: str = SOURCE) -> Interval:
        """Gain over another arm, such as the source alone, paired by seed."""
        return paired(self.values(arm), self.values(other))

    @property
    def controlled(self) -> Iterator[tuple[str, str]]:
        """A taught arm, and the one whose teacher has not seen the target."""
        arms = self.shift.arms
        without = {
            (str(arm.taught), arm.small): name
            for name, arm in arms.items()
            if arm.taught is not None and arm.start == SOURCE and name in self.arms
        }
        for name in self.arms:
            arm = arms.get(name)
            if arm is None or (before := arms.get(str(arm.start))) is None:
                continue
            control = without.get((str(arm.taught), arm.small))
            if control not in (None, name) and before.taught is None:
                yield name, control


def write_page(shifts: Sequence[Shift], folder: Path, shipped: Path) -> None:
    """Write the measured part of the page, and its pictures beside the results.

    What was measured of the methods is also written for ``tools/adapt.py``.

    Args:
        shifts: The shifts, in the order of the page.
        folder: Folder of their results; the page is ``<folder>.md``.
        shipped: File of what ``tools/adapt.py`` reads.
    """
    files = [(shift, folder / f"{shift.name}.json") for shift in shifts]
    read = [
        ShiftResults(shift, json.loads(file.read_text()))
        for shift, file in files
        if file.is_file()
    ]
    measured = [each for each in read if SOURCE in each.arms]
    page = folder.with_suffix(".md")
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    text = "\n".join(_lines(measured, folder))
    write_whole(page, f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    of_all = [each.shown for each in measured if each.shift.arms is ARMS]
    write_evidence(shipped, of_all)


def _lines(measured: Sequence[ShiftResults], folder: Path) -> Iterator[str]:
    if not measured:
        yield "No shift has been measured yet."
    for results in measured:
        shift, picture = results.shift, folder / f"{results.shift.name}.svg"
        _save(picture, results)
        yield f"## {shift.name}\n"
        runs = results.stored["runs"]
        machines = sorted({run["hardware"] for run in runs if "hardware" in run})
        about = [f"{len(shift.seeds)} seeds", results.stored["date"], *machines]
        yield f"{shift.title} {', '.join(about)}.\n"
        yield f"![Gains with 95 % intervals]({folder.name}/{picture.name})\n"
        yield (
            f"| arm | {shift.tested} | gain over {SOURCE} | entropy | sure, % "
            f"| last class, % | agreement with the start | time |"
        )
        yield "|---|---|---|---|---|---|---|---|"
        yield from (_row(results, arm) for arm in results.arms)
        for arm, control in results.controlled:
            gain = words(results.gain(arm, control))
            yield f"\n{arm} over {control}: {gain}."
        for arm in shift.arms:
            if reasons := results.refused(arm):
                seeds = f"{len(reasons)} of {len(shift.seeds)} seeds"
                yield f"\n{arm} was refused with {seeds}: {reasons[0]}."
        yield ""


def _row(results: ShiftResults, arm: str) -> str:
    mean = mean_of(results.values(arm))
    shares = np.mean(
        [results.runs[arm][s]["signs"]["shares"] for s in results.shift.seeds], axis=0
    )
    agreement = np.nanmean(
        [results.runs[arm][s]["signs"]["agreement"] for s in results.shift.seeds]
    )
    cells = [
        arm,
        f"{mean.value:.2f} ± {mean.high - mean.value:.2f}",
        "" if arm in (SOURCE, START) else words(results.gain(arm)),
        f"{results.signs(arm, 'entropy'):.3f}",
        f"{100 * results.signs(arm, 'sure'):.1f}",
        f"{100 * shares[-1]:.2f}",
        f"{100 * agreement:.0f}",
        f"{results.seconds(arm) / results.seconds(SOURCE):.2f} x",
    ]
    return f"| {' | '.join(cells)} |"


def _save(file: Path, results: ShiftResults) -> None:
    arms = [arm for arm in results.arms if arm not in (SOURCE, START)]
    with svg_figure((7.0, 1.6 + 0.35 * len(arms)), file.stem) as drawn:
        _gains(drawn.axes, results, arms)
    write_whole(file, str(drawn.svg))


def _gains(axes: Axes, results: ShiftResults, arms: Sequence[str]) -> None:
    for row, arm in enumerate(arms):
        gain = results.gain(arm)
        color = GOOD if gain.low > 0 else BAD if gain.high < 0 else NEUTRAL
        axes.plot([gain.low, gain.high], [row, row], color=color)
        axes.plot(gain.value, row, "o", color=color)
    axes.axvline(0, color=NEUTRAL, linewidth=1)
    axes.set_yticks(range(len(arms)), arms)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlabel(f"gain in points of {results.shift.tested} over {SOURCE}")
    grid(axes)

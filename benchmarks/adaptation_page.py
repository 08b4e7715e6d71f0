"""The page docs/adaptation.md: tables and pictures of all shifts."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from map_page import words
from map_results import mean_of, paired
from matplotlib.axes import Axes
from shifts import CONTROLS, SOURCE, Shift

from mmseg_splashkd.adaptation.evidence import HARM, Shown, write_evidence
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
        """Reasons for which a method refused to begin, or did not end, by seed."""
        runs = self.runs.get(arm, {}).values()
        failed = ("refused", "diverged")
        return [run[each] for run in runs for each in failed if each in run]

    @property
    def has_controls(self) -> bool:
        """Whether there are controls beside the source alone."""
        return len(set(CONTROLS) & self.shift.arms.keys()) > 1

    @property
    def is_whole(self) -> bool:
        """Whether all controls and methods are done with all seeds, or failed."""
        seeds = set(self.shift.seeds)
        named = [arm for arm in self.shift.arms if arm in (*CONTROLS, *METHODS)]
        return all(seeds <= self.runs.get(arm, {}).keys() for arm in named)

    def best_control(self, arm: str | None = None) -> str:
        """The control, other than an arm, of the highest mean on the test part.

        It is the strictest choice: no user could make it.
        """
        others = [each for each in CONTROLS if each in self.arms and each != arm]
        return max(others, key=lambda each: float(self.values(each).mean()))

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
        shift = self.shift
        # A new network has more iterations than the source alone.
        methods = [
            arm for arm in self.arms if arm in METHODS and METHODS[arm].taught is None
        ]
        return Shown(
            shift=shift.name,
            title=shift.title,
            score=shift.tested,
            two_classes=shift.threshold is not None,
            same=shift.same,
            gains={arm: _rounded(self.gain(arm)) for arm in methods},
            over_control={
                arm: _rounded(self.gain(arm, self.best_control(arm))) for arm in methods
            },
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


def _rounded(gain: Interval) -> list[float]:
    return [round(each, 3) for each in (gain.value, gain.low, gain.high)]


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
    left = [each.shift.name for each in read if each not in measured]
    text = "\n".join([*_lines(measured, folder), *_left_out(left)])
    write_whole(page, f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    of_all = [
        each.shown
        for each in measured
        if METHODS.keys() <= each.shift.arms.keys() and each.is_whole
    ]
    write_evidence(shipped, of_all)


def _lines(measured: Sequence[ShiftResults], folder: Path) -> Iterator[str]:
    if not measured:
        yield "No shift has been measured yet."
    by_name = {each.shift.name: each for each in measured}
    for results in measured:
        shift, picture = results.shift, folder / f"{results.shift.name}.svg"
        _save(picture, results)
        yield f"## {shift.name}\n"
        runs = results.stored["runs"]
        machines = sorted({run["hardware"] for run in runs if "hardware" in run})
        about = [f"{len(shift.seeds)} seeds", results.stored["date"], *machines]
        yield f"{shift.title} {', '.join(about)}.\n"
        yield f"![Gains with 95 % intervals]({folder.name}/{picture.name})\n"
        heads = ["arm", *_columns(results, SOURCE)]
        yield f"| {' | '.join(heads)} |"
        yield "|---" * len(heads) + "|"
        for arm in results.arms:
            yield f"| {arm} | {' | '.join(_columns(results, arm).values())} |"
        yield ""
        if results.has_controls:
            yield f"The best control is *{results.best_control()}*.\n"
        for arm, control in results.controlled:
            gain = words(results.gain(arm, control))
            yield f"- {arm} over {control}: {gain}"
        yield from _compared(results, by_name)
        if shift.same:
            yield from _harm(results)
        for arm in shift.arms:
            if reasons := results.refused(arm):
                seeds = f"{len(reasons)} of {len(shift.seeds)} seeds"
                yield f"- {arm} was refused, or diverged, with {seeds}: {reasons[0]}"
        yield ""
    yield from _doubted(measured)


def _left_out(names: Sequence[str]) -> Iterator[str]:
    """Shifts whose control failed, or is not done."""
    if names:
        shown = ", ".join(names)
        yield f"Not shown, as *{SOURCE}* has not all seeds: {shown}."


def _compared(
    results: ShiftResults, by_name: Mapping[str, ShiftResults]
) -> Iterator[str]:
    """Gains over other arms, also over those of another shift on the same frames."""
    for arm, other, of in results.shift.pairs_of_arms:
        beside = by_name.get(of or results.shift.name)
        if beside is None or arm not in results.arms or other not in beside.arms:
            continue
        gain = words(paired(results.values(arm), beside.values(other)))
        place = f" of the shift {of}" if of else ""
        yield f"- {arm} over {other}{place}: {gain}"


def _harm(results: ShiftResults) -> Iterator[str]:
    """Which methods are shown to harm by less than is allowed, and which by more."""
    kinds: dict[str, list[str]] = {"less": [], "more": [], "open": []}
    for arm in results.shown.gains:
        gain = results.gain(arm)
        shown = "less" if gain.low >= HARM else "more" if gain.high < HARM else "open"
        kinds[shown].append(arm)
    for kind, words_of in (
        ("less", f"Less harm than {-HARM:g} point is shown for"),
        ("more", f"More harm than {-HARM:g} point is shown for"),
        ("open", "The interval leaves both open for"),
    ):
        if kinds[kind]:
            yield f"- {words_of} {', '.join(kinds[kind])}"


def _doubted(measured: Sequence[ShiftResults]) -> Iterator[str]:
    """How often there were doubts where a method helped, and where it harmed."""
    counts: dict[str, list[bool]] = {"harmed": [], "helped": []}
    for results in measured:
        for arm in results.shown.gains:
            gains = results.values(arm) - results.values(SOURCE)
            for seed, gain in zip(results.shift.seeds, gains, strict=True):
                doubts = results.runs[arm][seed]["signs"].get("doubts")
                if doubts is not None and (gain < HARM or gain > 0):
                    counts["harmed" if gain < HARM else "helped"].append(bool(doubts))
    if not any(counts.values()):
        return
    yield "## How often the warnings are right\n"
    yield (
        "Runs of all methods but those that teach a new network, on all shifts above, "
        f"by their gain over *{SOURCE}* with the same seed; warnings are of any kind, "
        "and of the frames of the test part:\n"
    )
    yield "| gain | runs | with a warning |"
    yield "|---|---|---|"
    for kind, text in (("harmed", f"below {HARM:g}"), ("helped", "above 0")):
        yield f"| {text} | {len(counts[kind])} | {sum(counts[kind])} |"
    yield ""


def _columns(results: ShiftResults, arm: str) -> dict[str, str]:
    """Name -> cell of a row."""
    shift = results.shift
    runs = [results.runs[arm][seed] for seed in shift.seeds]
    mean = mean_of(results.values(arm))
    signs = [run["signs"] for run in runs]
    shares = np.mean([each["shares"] for each in signs], axis=0)
    agreement = np.nanmean([each["agreement"] for each in signs])
    cells = {
        shift.tested: f"{mean.value:.2f} ± {mean.high - mean.value:.2f}",
        f"gain over {SOURCE}": ""
        if arm in (SOURCE, START)
        else words(results.gain(arm)),
    }
    if results.has_controls:
        is_method = arm not in (*CONTROLS, START)
        gain = results.gain(arm, results.best_control()) if is_method else None
        cells["over the best control"] = words(gain) if gain else ""
    if shift.threshold is not None:
        best = [run["best"] for run in runs if "best" in run]
        text = f"{np.mean(best):.2f}" if len(best) == len(runs) else ""
        cells["at its best threshold, chosen by the target's labels"] = text
    if shift.rare:
        rare = [[run["test"][f"IoU.{name}"] for name in shift.rare] for run in runs]
        others = _without(runs, shift.rare[-1])
        cells[f"IoU of {', '.join(shift.rare)}"] = f"{np.mean(rare):.2f}"
        cells[f"mIoU without {shift.rare[-1]}"] = f"{others:.2f}"
    doubted = [bool(each["doubts"]) for each in signs if "doubts" in each]
    return cells | {
        "entropy": f"{results.signs(arm, 'entropy'):.3f}",
        "sure, %": f"{100 * results.signs(arm, 'sure'):.1f}",
        "last class, %": f"{100 * shares[-1]:.2f}",
        "agreement with the start": f"{100 * agreement:.0f}",
        "warned": f"{sum(doubted)} of {len(doubted)}",
        "time": f"{results.seconds(arm) / results.seconds(SOURCE):.2f} x",
    }


def _without(runs: Sequence[Mapping[str, Any]], name: str) -> float:
    """Mean IoU of all classes but one, over runs."""
    kept = [
        value
        for run in runs
        for key, value in run["test"].items()
        if key.startswith("IoU.") and key != f"IoU.{name}"
    ]
    return float(np.nanmean(kept))


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

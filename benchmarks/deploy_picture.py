"""The picture of benchmarks/deploy_table.py: differences from the weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.figures import BAD, GOOD, NEUTRAL, grid, svg_figure
from mmseg_splashkd.statistics import Difference

COLORS = {"equivalent": GOOD, "better": GOOD, "worse": BAD}
APART = 0.24  # of a row, between two students


def draw(
    found: Mapping[str, Mapping[str, Sequence[Difference]]], margin: float, file: Path
) -> None:
    """Write an SVG: a row for each data set and step, the first student open.

    Args:
        found: Data set -> student -> differences of its steps from its weights.
        margin: Margin of equivalence in points.
        file: The file.
    """
    rows = sum(len(next(iter(students.values()))) for students in found.values())
    with svg_figure((7.6, 1.4 + 0.36 * rows), file.stem) as drawn:
        _rows(drawn.axes, found, margin)
    write_whole(file, f"{drawn.svg}\n")


def _rows(
    axes: Axes,
    found: Mapping[str, Mapping[str, Sequence[Difference]]],
    margin: float,
) -> None:
    names: list[str] = []
    for data, students in found.items():
        for index, differences in enumerate(students.values()):
            shift = APART * (index - (len(students) - 1) / 2)
            for row, difference in enumerate(differences, len(names)):
                _mark(axes, difference, row + shift, filled=index > 0)
        names += [f"{data}: {each.arm}" for each in differences]
    axes.axvspan(-margin, margin, color=NEUTRAL, alpha=0.15, linewidth=0)
    axes.axvline(0, color=NEUTRAL, linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    first, *others = next(iter(found.values()))
    filled = f"; filled: {', '.join(others)}" if others else ""
    axes.set_xlabel(f"points from the weights, 90 % interval\nopen: {first}{filled}")
    grid(axes)


def _mark(axes: Axes, difference: Difference, height: float, *, filled: bool) -> None:
    answer = difference.equivalence
    color = NEUTRAL if answer is None else COLORS.get(answer.verdict, NEUTRAL)
    if answer is not None:
        axes.plot([answer.low, answer.high], [height] * 2, color=color)
    face = color if filled else "none"
    axes.plot(difference.value, height, "o", color=color, markerfacecolor=face)

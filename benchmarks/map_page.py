"""The page docs/when_it_pays.md: a table and pictures of all cells."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from map_cell import Cell
from map_results import CellResults, mean_of, paired, read_results
from matplotlib.axes import Axes

from mmseg_splashkd.advice.cells import verdict_of, write_cells
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.figures import (
    BAD,
    COLORS,
    GOOD,
    NEUTRAL,
    grid,
    line,
    svg_figure,
)
from mmseg_splashkd.statistics.intervals import Interval

MARKERS = ("", "o", "s")
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"


def write_page(cells: Sequence[Cell], folder: Path, shipped: Path) -> None:
    """Write the measured part of the page, and its pictures beside the results.

    What whole cells say is also written for ``tools/advise.py``.

    Args:
        cells: The cells, in the order of the page.
        folder: Folder of their results; the page is ``<folder>.md``.
        shipped: File of what ``tools/advise.py`` reads.
    """
    read = read_results(cells, folder)
    measured = [results for results in read if len(results.seeds) > 1]
    tuned = [results for results in read if len(results.seeds) < 2]
    page = folder.with_suffix(".md")
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    lines = [*_lines(measured, folder), *_only_tuned(tuned)]
    text = "\n".join(lines)
    write_whole(page, f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    whole = [
        results.mapped
        for results in measured
        if results.is_whole and results.cell.has_controls
    ]
    write_cells(shipped, whole)


def _lines(measured: Sequence[CellResults], folder: Path) -> Iterator[str]:
    yield "## All cells\n"
    _save(folder / "gains.svg", lambda axes: _gains(axes, measured), len(measured))
    yield f"![Gains with 95 % intervals]({folder.name}/gains.svg)\n"
    yield (
        "| cell | lead of the teachers | best taught arm | gain over plain "
        "| best control | gain over it | gain at equal time | verdict |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for results in measured:
        yield _row(results)
    for results in measured:
        yield ""
        yield from _section(results, folder)


def _only_tuned(tuned: Sequence[CellResults]) -> Iterator[str]:
    for results in tuned:
        yield f"\n## {results.cell.name}: tuned, not compared\n"
        teachers = results.stored["teachers"]
        scores = [f"{each['val'][results.cell.metric]:.1f}" for each in teachers]
        yield f"{results.cell.title} Teachers, validation part: {', '.join(scores)}.\n"
        yield from _tuning(results)


def _row(results: CellResults) -> str:
    taught, control = results.best_taught, results.best_control
    over_plain = results.gain(taught, results.plain)
    over_control = results.gain(taught, control)
    equal_time = results.at_equal_time
    lead = ", ".join(f"{value:+.1f}" for value in results.lead)
    cells = [
        f"[{results.cell.name}](#{results.cell.name})",
        lead,
        taught,
        words(over_plain),
        control,
        words(over_control),
        "not run" if equal_time is None else words(equal_time),
        verdict_of(over_control, equal_time)
        if results.cell.has_controls
        else "no controls",
    ]
    return f"| {' | '.join(cells)} |"


def words(gain: Interval) -> str:
    """A gain and its interval."""
    return f"{gain.value:+.2f} ({gain.low:+.2f} to {gain.high:+.2f})"


def _section(results: CellResults, folder: Path) -> Iterator[str]:
    cell = results.cell
    seeds = f"{len(results.seeds)} of {len(cell.seeds)} seeds"
    yield f"## {cell.name}\n"
    machines = [f"{name} ({count} runs)" for name, count in results.machines.items()]
    yield f"{cell.title} {seeds}, {results.stored['date']}, {', '.join(machines)}.\n"
    rare = f" | without {cell.rarest}" if cell.rarest else ""
    beside = "".join(f" | {name}" for name in cell.beside)
    yield f"| arm | rate | {cell.tested} | gain over plain{rare}{beside} | saturated |"
    yield "|---|---|---|---|---|" + "---|" * (len(cell.beside) + bool(cell.rarest))
    for arm in cell.arms:
        yield _arm_row(results, arm)
    yield ""
    yield from _classes(results)
    yield from _longer(results)
    yield from _tuning(results)
    curves = folder / f"{cell.name}_curves.svg"
    _save(curves, lambda axes: _curves(axes, results), 8)
    yield f"![Curves on the validation part]({folder.name}/{curves.name})"


def _classes(results: CellResults) -> Iterator[str]:
    """Differences of each class, where there are more than two."""
    if results.cell.rarest is None:
        return
    taught = results.best_taught
    others = results.untaught
    yield f"IoU of each class, *{taught}* over:\n"
    yield f"| class | mean IoU | {' | '.join(others)} |"
    yield "|---" * (2 + len(others)) + "|"
    for name in results.classes:
        own = results.scores(taught, f"IoU.{name}")
        gains = [paired(own, results.scores(o, f"IoU.{name}")) for o in others]
        yield f"| {name} | {own.mean():.1f} | {' | '.join(map(words, gains))} |"
    yield ""


def _longer(results: CellResults) -> Iterator[str]:
    cell, longer = results.cell, results.with_equal_time
    if not longer:
        return
    costs = results.stored["costs"]
    yield "With the time of the dearest taught arm and its teacher, in seconds of"
    yield f"{costs['hardware']} ({costs['date']}):"
    arms = (results.plain, results.dearest_taught)
    yield "; ".join(f"{arm}: {_seconds(results, arm)}" for arm in arms) + ".\n"
    yield f"| arm | iterations | {cell.tested} |"
    yield "|---|---|---|"
    for arm, runs in longer.items():
        mean = mean_of(runs.scores)
        half = mean.high - mean.value
        yield f"| {arm} | {runs.iterations:,} | {mean.value:.2f} ± {half:.2f} |"
    yield ""


def _tuning(results: CellResults) -> Iterator[str]:
    rates = results.cell.rates
    seeds = ", ".join(map(str, results.cell.tuning_seeds))
    yield f"Tuning: {results.cell.metric} on the validation part, seed {seeds}.\n"
    yield f"| arm | {' | '.join(f'{rate:g}' for rate in rates)} |"
    yield "|---|" + "---|" * len(rates)
    for arm, scores in results.tuning.items():
        cells = [f"{scores[rate]:.1f}" if rate in scores else "" for rate in rates]
        yield f"| {' | '.join([arm, *cells])} |"
    yield ""


def _seconds(results: CellResults, arm: str) -> str:
    parts = results.stored["costs"]["seconds"][arm]
    named = [f"{name} {value:,.0f}" for name, value in parts.items() if value]
    return " + ".join(named)


def _arm_row(results: CellResults, arm: str) -> str:
    cell, scores = results.cell, results.scores(arm)
    mean = mean_of(scores)
    rate = results.stored["rates"][arm]
    edge = " (edge)" if rate in (cell.rates[0], cell.rates[-1]) else ""
    base = arm == results.plain
    cells = [arm, f"{rate:g}{edge}", f"{mean.value:.2f} ± {mean.high - mean.value:.2f}"]
    cells.append("" if base else words(results.gain(arm, results.plain)))
    if cell.rarest:
        rest = results.without_rarest(arm)
        others = results.without_rarest(results.plain)
        cells.append("" if base else words(paired(rest, others)))
    for name in cell.beside:
        other = mean_of(results.scores(arm, name))
        cells.append(f"{other.value:.3g} ± {other.high - other.value:.2g}")
    cells.append("yes" if results.has_saturated(arm) else "no")
    return f"| {' | '.join(cells)} |"


def _save(file: Path, draw, rows: int) -> None:
    with svg_figure((7.0, 1.6 + 0.35 * rows), file.stem) as drawn:
        draw(drawn.axes)
    write_whole(file, str(drawn.svg))


def _gains(axes: Axes, measured: Sequence[CellResults]) -> None:
    for row, results in enumerate(measured):
        taught = results.best_taught
        for other, shift in ((results.plain, 0.12), (results.best_control, -0.12)):
            gain = results.gain(taught, other)
            color = GOOD if gain.low > 0 else BAD if gain.high < 0 else NEUTRAL
            filled = "none" if other == results.plain else color
            axes.plot([gain.low, gain.high], [row - shift] * 2, color=color)
            axes.plot(gain.value, row - shift, "o", color=color, markerfacecolor=filled)
    axes.axvline(0, color=NEUTRAL, linewidth=1)
    axes.set_yticks(range(len(measured)), [each.cell.name for each in measured])
    axes.set_ylim(len(measured) - 0.5, -0.5)
    axes.set_xlabel("gain in points; open: over plain, filled: over the best control")
    grid(axes)


def _curves(axes: Axes, results: CellResults) -> None:
    for index, arm in enumerate(results.cell.arms):
        marker = MARKERS[index // len(COLORS) % len(MARKERS)]  # styles repeat
        style = {"linewidth": 1.8, "marker": marker, "markersize": 5, **line(index)}
        axes.plot(*results.curve(arm).T, label=arm, **style)
    axes.set_xlabel("iteration")
    axes.set_ylabel(f"{results.cell.metric}, validation part")
    axes.legend(
        frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5)
    )
    grid(axes)

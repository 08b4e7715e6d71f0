"""Says whether distilling is likely to pay, or that the map does not know."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_splashkd.advice.cells import (
    COSTS,
    PAYS,
    STEPS_ONLY,
    MappedCell,
    shipped_cells,
)
from mmseg_splashkd.advice.look import Look, look
from mmseg_splashkd.report.formatting import duration

LEAST_LEAD = 3.0  # points
PAGE = "docs/when_it_pays.md"


def advise(
    config: str,
    folder: Path,
    length: int | None = None,
    cfg_options: Mapping[str, Any] | None = None,
) -> str:
    """Look at a task, and say what the map says of it; arguments as for ``look``."""
    seen = look(config, folder, length, cfg_options)
    return "\n".join([*described(seen), "", *verdict(seen, shipped_cells())])


def described(seen: Look) -> Iterator[str]:
    """What was seen, in words."""
    teacher, shares, gained = seen.teacher, seen.shares, seen.saturation.gain
    yield (
        f"Plain student: {seen.metric} {seen.plain:.1f} on the validation part after "
        f"{seen.length:,} of {seen.whole:,} steps of the loop; the last third of this "
        f"run gained {gained:+.1f}"
    )
    yield (
        f"Teacher: {seen.metric} {teacher['skill']:.1f}, a lead of "
        f"{seen.setting.lead:+.1f}; expected calibration error {teacher['ece']:.3f}, "
        f"fitted temperature {teacher['temperature']:.2f} (1: calibrated; "
        f"below: under-confident)"
    )
    yield (
        f"Labels: {shares.labelled:,} frames with, {shares.unlabelled:,} without; "
        f"rarest class {shares.rarest}, {seen.setting.rarest_share:.2f} % of the pixels"
    )
    yield from _times(seen)


def _times(seen: Look) -> Iterator[str]:
    plain, taught = seen.steps["plain"], seen.steps["distilled"]
    whole = plain.iterations
    yield (
        f"Time on this machine, without validations: plain "
        f"{duration(whole * plain.seconds.median)} ({whole:,} x "
        f"{plain.seconds.median:.3f} s), distilled with the teacher in the loop "
        f"{duration(whole * taught.seconds.median)}"
    )
    if seen.view is not None:
        view, count = seen.view.seconds.median, seen.view.views
        yield (
            f"A cache of the teacher takes {duration(count * view)} ({count:,} views x "
            f"{view:.3f} s) once; a step is then about a plain one"
        )


def verdict(seen: Look, cells: Sequence[MappedCell]) -> Iterator[str]:
    """What to do, how sure that is, and on what it stands.

    Args:
        seen: The look.
        cells: The cells of the map.
    """
    lead = seen.setting.lead
    if lead < LEAST_LEAD:
        yield (
            f"Do not distil: the teacher leads by {lead:+.1f} points, and below "
            f"{LEAST_LEAD:g} there is nothing to distil. A longer plain run can only "
            f"lower this. Take a better teacher, or the plain student"
        )
        yield from _without_lead(cells)
        return
    alike = [cell for cell in cells if not seen.setting.differences(cell.setting)]
    if not alike:
        yield from _refusal(seen, cells)
        return
    verdicts = {cell.verdict for cell in alike}
    words = {
        frozenset({PAYS}): "Distil: it is likely to pay here",
        frozenset({STEPS_ONLY}): (
            "Distil only where the teacher exists already or serves several students: "
            "with the teacher's time, the plain student was as good"
        ),
        frozenset({COSTS}): "Do not distil: where it was measured, it cost",
    }
    said = words.get(
        frozenset(verdicts),
        "Cannot tell: what was measured does not say one thing",
    )
    yield f"{said}. {_sureness(len(alike))}"
    for cell in alike:
        yield _cited(cell)


def _sureness(count: int) -> str:
    if count == 1:
        return "It stands on one cell of the map, and so is a guess for other data:"
    return f"It stands on {count} cells of the map:"


def _cited(cell: MappedCell) -> str:
    equal = "not run" if cell.equal_time is None else str(cell.equal_time)
    return (
        f"  {PAGE}#{cell.name} ({cell.title} {cell.seeds} seeds, {cell.date}): "
        f"{cell.taught} by {cell.config}, {cell.score} {cell.over_plain} over plain, "
        f"{cell.over_control} over the best control ({cell.control}), at equal time "
        f"{equal}: {cell.verdict}"
    )


def _without_lead(cells: Sequence[MappedCell]) -> Iterator[str]:
    below = [cell for cell in cells if cell.setting.lead < LEAST_LEAD]
    if below:
        yield "Cells of the map with as small a lead:"
        yield from map(_cited, below)


def _refusal(seen: Look, cells: Sequence[MappedCell]) -> Iterator[str]:
    yield (
        f"No advice: no cell of the map ({PAGE}, {len(cells)} cells) is like this one, "
        f"and it is not extrapolated"
    )
    if not seen.setting.saturated:
        yield (
            f"The plain student still gains, so that its lead of "
            f"{seen.setting.lead:+.1f} is an upper bound: give --length "
            f"{min(seen.whole, 3 * seen.length)}"
        )
    if cells:
        compared = [(seen.setting.differences(cell.setting), cell) for cell in cells]
        differing, nearest = min(compared, key=lambda each: len(each[0]))
        yield f"The nearest, {nearest.name}, differs in"
        yield from (f"  {each}" for each in differing)
    yield (
        "To find out here: tools/sweep.py --budget both with the plain student, "
        "teacher=labels and the teacher as arms, three seeds or more"
    )

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
from mmseg_splashkd.advice.look import WORTH, Look, look
from mmseg_splashkd.models.teacher.gate import LEAST_LEAD
from mmseg_splashkd.report.formatting import duration
from mmseg_splashkd.runs.measure_steps import StepTime

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
        f"Plain student: {seen.metric} {seen.plain:.1f} on the validation part, after "
        f"{seen.length:,} of {seen.whole:,} iterations or epochs; best of the last "
        f"third {gained:+.1f} against the best before"
    )
    if gained < -WORTH:
        yield (
            "  It falls at the end. Its last score counts, as on the map: first try a "
            "shorter run or a lower rate"
        )
    yield (
        f"Teacher: {seen.metric} {seen.teacher_score:.1f}, a lead of "
        f"{seen.setting.lead:+.1f} (one run, no interval); expected calibration error "
        f"{teacher['ece']:.3f}, fitted temperature {teacher['temperature']:.2f} "
        f"(1: calibrated; below: under-confident)"
    )
    yield (
        f"Labels: {shares.labelled:,} frames with, {shares.unlabelled:,} without; "
        f"rarest class {shares.rarest}, {seen.setting.rarest_share:.2f} % of the pixels"
    )
    yield from _times(seen)


def _times(seen: Look) -> Iterator[str]:
    plain, taught = seen.steps["plain"], seen.steps["distilled"]
    yield (
        f"Time on this machine, without validations: plain {_whole(plain)}, distilled "
        f"with the teacher in the loop {_whole(taught)}"
    )
    if seen.view is not None:
        view, count = seen.view.seconds.median, seen.view.views
        yield (
            f"A cache of the teacher takes {duration(count * view)} ({count:,} views x "
            f"{view:.3f} s) once; a step is then about a plain one"
        )


def _whole(step: StepTime) -> str:
    seconds = step.seconds.median
    whole = duration(step.iterations * seconds)
    return f"{whole} ({step.iterations:,} x {seconds:.3f} s)"


def verdict(seen: Look, cells: Sequence[MappedCell]) -> Iterator[str]:
    """What to do, how sure that is, and on what it stands.

    Args:
        seen: The look.
        cells: The cells of the map.
    """
    alike = [cell for cell in cells if not seen.setting.differences(cell.setting)]
    if alike:  # what was measured goes before the rule, which it may contradict
        said = {cell.verdict: cell for cell in alike}
        yield f"{_summed_up(said)}. {_sureness(len(alike))}"
        yield from map(_cited, alike)
        yield from _other_recipe(seen, alike)
    elif seen.setting.lead < LEAST_LEAD:
        yield from _no_lead(seen.setting.lead, cells)
    else:
        yield from _refusal(seen, cells)


def _no_lead(lead: float, cells: Sequence[MappedCell]) -> Iterator[str]:
    yield (
        f"Probably not: the teacher leads by {lead:+.1f} points in one run, and with "
        f"less than {LEAST_LEAD:g} there is little that it could teach. Take a better "
        f"teacher, or the plain student. This is a rule, not a measurement on data "
        f"like these"
    )
    below = [cell for cell in cells if cell.setting.lead < LEAST_LEAD]
    yield (
        "Cells of the map with as small a lead:"
        if below
        else "No cell of the map has as small a lead"
    )
    yield from map(_cited, below)


def _summed_up(said: Mapping[str, MappedCell]) -> str:
    """One sentence for the verdicts of all cells that are alike."""
    if set(said) == {PAYS}:
        return "Distil: it is likely to pay here"
    if set(said) == {COSTS}:
        control = said[COSTS].control
        return f"Do not distil: the control {control} was better"
    if set(said) <= {PAYS, STEPS_ONLY}:
        return (
            "Distil only where the teacher exists already or serves several students: "
            "at equal steps it paid, and with the teacher's time it did not or was "
            "not run"
        )
    return "Cannot tell: what was measured does not say one thing"


def _sureness(count: int) -> str:
    if count == 1:
        return "It stands on one cell of the map, and so is a guess for other data:"
    return f"It stands on {count} cells of the map:"


def _cited(cell: MappedCell) -> str:
    equal = "not run" if cell.equal_time is None else str(cell.equal_time)
    options = " ".join(f"{key}={value}" for key, value in cell.options.items())
    recipe = f"{cell.config} {options}".strip()
    return (
        f"  {PAGE}#{cell.name} ({cell.title} {cell.seeds} seeds, {cell.date}): "
        f"{cell.taught}, which is {recipe} at the rate {cell.rate:g}: {cell.score} "
        f"{cell.over_plain} over plain, "
        f"{cell.over_control} over the best control ({cell.control}), at equal time "
        f"{equal}: {cell.verdict}"
    )


def _other_recipe(seen: Look, cells: Sequence[MappedCell]) -> Iterator[str]:
    measured = sorted({cell.losses for cell in cells})
    if seen.losses not in measured:
        yield (
            f"That was measured with {' and with '.join(measured)}; this config has "
            f"{seen.losses}, of which the cells say nothing"
        )


def _refusal(seen: Look, cells: Sequence[MappedCell]) -> Iterator[str]:
    yield (
        f"No advice: no cell of the map ({PAGE}, {len(cells)} cells) is like this one, "
        f"and it is not extrapolated"
    )
    if seen.length < seen.whole:
        yield (
            f"The plain student was trained for {seen.length:,} of {seen.whole:,}, and "
            f"a longer run may be like one: --length {seen.whole}"
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

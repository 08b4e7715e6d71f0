"""Pixel accuracy and cost per frame of arms."""

from collections.abc import Mapping

from mmseg_splashkd.records.costs import measured_in_turn
from mmseg_splashkd.records.record import Cost
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.findings import Findings, cost_of, pixel_accuracy
from mmseg_splashkd.report.formatting import number, plural

MS, RELATIVE = "ms/frame", "Relative time (quartiles)"


def extras_of(findings: Findings) -> dict[ArmRuns, dict[str, str]]:
    """Pixel accuracy and cost per frame of each arm, by headings that all have.

    Empty unless an arm has a recorded cost. Times are among them if they were measured
    in turn: others depend on what the machine did beside.
    """
    costs = {arm: cost_of(arm) for arm in findings.shown}
    if not any(costs.values()):
        return {arm: {} for arm in costs}
    in_turn = _compare(costs)
    return {arm: _extras(arm, cost, in_turn) for arm, cost in costs.items()}


def about_cost(findings: Findings) -> str:
    """Where and how the cost per frame was measured; empty where it was not."""
    costs = {arm: cost for arm in findings.shown if (cost := cost_of(arm))}
    devices = " and ".join(dict.fromkeys(cost.device for cost in costs.values()))
    timings = [cost.timing for cost in costs.values() if cost.timing]
    if not devices:
        return ""
    if not _compare(costs):
        return f"{devices}; times are left out: they were not measured in turn"
    reference = timings[0].reference
    names = {run.record.name: arm.title for arm in costs for run in arm.runs.values()}
    return (
        f"{devices}; time: median of {plural(timings[0].rounds, 'round')} in turn, "
        f"relative to {names.get(reference, reference)}"
    )


def narrow(extras: Mapping[str, str]) -> dict[str, str]:
    """The same for a terminal: the relative time below the time, without quartiles."""
    figures = {key: value for key, value in extras.items() if key != RELATIVE}
    if RELATIVE in extras:
        figures[MS] += f"\nx {extras[RELATIVE].partition(' ')[0]}"
    return figures


def _compare(costs: Mapping[ArmRuns, Cost | None]) -> bool:
    return measured_in_turn([cost for cost in costs.values() if cost])


def _extras(arm: ArmRuns, cost: Cost | None, in_turn: bool) -> dict[str, str]:
    figures = {
        "Pixel accuracy (%)": number(pixel_accuracy(arm)),
        "Parameters (M)": number(cost and cost.parameters / 1e6),
        "GMACs": number(cost and cost.gmacs),
    }
    if in_turn:
        figures[MS] = number(cost and cost.ms_per_frame, 1)
        figures[RELATIVE] = _relative(cost)
    return figures


def _relative(cost: Cost | None) -> str:
    if cost is None or cost.timing is None:
        return number(None)
    low, high = cost.timing.ratio_quartiles
    return f"{cost.timing.ratio:.2f} ({low:.2f} to {high:.2f})"

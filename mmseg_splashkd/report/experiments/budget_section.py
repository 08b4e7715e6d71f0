"""The section of the page on equal steps and equal wall-clock."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.experiments.budget import VIEWS, Budgets, View, charge_of
from mmseg_splashkd.report.experiments.crossing import Crossing, cross, saturation
from mmseg_splashkd.report.experiments.learning_curves import (
    SHOWN,
    learning_curves,
    mean_curve,
    over_time,
)
from mmseg_splashkd.report.experiments.tables import Figure, difference_figure
from mmseg_splashkd.report.figures import line_style
from mmseg_splashkd.report.formatting import duration, number, plural, signed
from mmseg_splashkd.report.tables import name_of
from mmseg_splashkd.report.titles import EQUAL_TIME

RULES = {
    "once": "Each run is charged the whole of its teacher and of its cache, as "
    "somebody is who needs one student.",
    "shared": "The seconds of a teacher and of a cache are divided among the runs that "
    "use them.",
}
Table = tuple[str, list[str], list[list[str]]]  # caption, headings, rows


def about_budget(budgets: Budgets, metrics: Mapping[str, str]) -> dict[str, Any]:
    """Content of the section of the page.

    Args:
        budgets: The views.
        metrics: Name in the log -> caption, of the scores that are drawn.

    Returns:
        ``sentences``; ``charges``, ``scores``, ``crossings`` and ``saturation``:
        caption, headings and rows of tables; ``charts``: keys and charts of at most
        six arms.
    """
    return {
        "sentences": _sentences(budgets),
        "charges": _charges(budgets),
        "scores": [_scores(budgets, metric) for metric in _metrics(budgets)],
        "crossings": _crossings(budgets, metrics),
        "saturation": _saturation(budgets, metrics),
        "charts": [_charts(group, metrics) for group in _groups(budgets)],
    }


def _metrics(budgets: Budgets) -> list[str]:
    return budgets.views[0].findings.metrics


def charged_seconds(arm: ArmRuns) -> float:
    """Seconds that a run of an arm is charged: teacher, cache and its own steps."""
    charge = charge_of(arm)
    return charge.teacher_s + charge.cache_s + charge.step_s * arm.record.iteration


def _sentences(budgets: Budgets) -> list[str]:
    charge = charge_of(budgets.arms[0])
    steps = "Equal steps: each run has the iterations of its config. "
    wall = (
        f"Equal wall-clock: each run has {_seconds(charge.budget_s)}, which the "
        f"dearest arm takes for the iterations of its config; cheaper ones train "
        f"longer, with schedules stretched in proportion. "
    )
    shown = {view.name for view in budgets.views}
    parts = [text for name, text in (("steps", steps), ("wall", wall)) if name in shown]
    alone = ""
    if shown == {"wall"}:
        alone = " Equal steps are shown for a sweep with --budget both."
    return [
        "".join(parts).strip() + alone,
        f"{RULES[charge.rule]} Seconds are iterations times the median of a step, "
        f"measured in turn with all other arms on one machine before the first run. "
        f"Validations, of which all arms have as many, are not charged, and neither is "
        f"finding the settings.",
    ]


def _seconds(value: float) -> str:
    return f"{number(value, 1)} s" if value < 60 else duration(value)


def _charges(budgets: Budgets) -> Table:
    heads = ["Arm", "View", "Iterations", "Step (s)", "Teacher (s)", "Cache (s)"]
    heads += ["Own steps (s)", "Charged (s)"]
    rows = []
    for arm in budgets.arms:
        charge, done = charge_of(arm), arm.record.iteration
        seconds = charge.teacher_s, charge.cache_s, charge.step_s * done
        rows.append(
            [
                arm.title,
                "both" if len(charge.views) > 1 else VIEWS["".join(charge.views)],
                f"{done:,}",
                f"{charge.step_s:.4f}",
                *(number(each, 1) for each in seconds),
                number(charged_seconds(arm), 1),
            ]
        )
    return "What each run is charged", heads, rows


def _scores(
    budgets: Budgets, metric: str
) -> tuple[str, list[str], list[tuple[str, list[Figure | None]]]]:
    heads = ["Arm"]
    for view in budgets.views:
        title = VIEWS[view.name].capitalize()
        heads += [f"{title}: {name_of(metric)}", "Points from plain"]
    names: dict[str, str] = {}
    for arm in budgets.arms:
        title = arm.title.replace(f", {EQUAL_TIME}", "")
        names.setdefault(charge_of(arm).arm, title)
    rows = []
    for key, name in names.items():
        cells: list[Figure | None] = []
        for view in budgets.views:
            arms = {charge_of(arm).arm: arm for arm in view.findings.arms}
            cells += _figures(view, arms.get(key), metric)
        rows.append((name, cells))
    return f"{name_of(metric)} (%) in both views, and iterations", heads, rows


def _figures(view: View, arm: ArmRuns | None, metric: str) -> list[Figure | None]:
    """Score and difference of an arm in a view; None where there is none."""
    if arm is None:
        return [None, None]
    value = number(view.findings.scores(arm).scores[metric], 1)
    score = Figure(value, plural(arm.record.iteration, "iteration"))
    difference = view.findings.difference(arm, metric)
    return [score, None if difference is None else difference_figure(difference)]


def _crossings(budgets: Budgets, metrics: Mapping[str, str]) -> Table:
    rows = []
    for view in budgets.views:
        plain, *others = view.findings.arms
        for arm in others:
            for key, caption in metrics.items():
                words = crossing_in_words(view, plain, arm, key)
                rows.append([arm.title, VIEWS[view.name], caption, words])
    heads = ["Arm", "View", "Score", "Against the plain student of this view"]
    return "Where the mean learning curves cross", heads, rows


def crossing_in_words(view: View, plain: ArmRuns, arm: ArmRuns, key: str) -> str:
    """Where the mean curve of an arm crosses that of the plain student, in words."""
    curves = [mean_curve(each, key) for each in (plain, arm)]
    if view.timed:
        both = zip(curves, (plain, arm), strict=True)
        curves = [over_time(curve, each.record) for curve, each in both]
    crossing = cross(curves[0], curves[1])
    if crossing is None:
        return "no validation in common"
    if crossing.begin == crossing.end:
        return f"one place in common, {_place(view, crossing.end)}: {_leader(crossing)}"
    if not crossing.places:
        common = f"from {_place(view, crossing.begin)} to {_place(view, crossing.end)}"
        return f"do not cross {common}: {_leader(crossing)}"
    last = _place(view, crossing.places[-1])
    several = len(crossing.places) > 1
    times = f"cross {len(crossing.places)} times, the last" if several else "cross"
    return f"{times} at {last}: {_leader(crossing)} from there"


def _place(view: View, place: float) -> str:
    return _seconds(place) if view.timed else f"iteration {place:,.0f}"


def _leader(crossing: Crossing) -> str:
    if crossing.first_leads is None:
        return "equal at the end"
    return "the plain student leads" if crossing.first_leads else "this arm leads"


def _saturation(budgets: Budgets, metrics: Mapping[str, str]) -> Table:
    worth = plural(1, "point") if budgets.worth == 1 else f"{budgets.worth:g} points"
    rows = []
    for arm in budgets.arms:
        for key, caption in metrics.items():
            end = saturation(mean_curve(arm, key), budgets.worth)
            gain, answer = "", "cannot tell: fewer than 3 validations"
            if end is not None:
                gain = signed(end.gain)
                answer = "saturated" if end.is_flat else "still gains"
            done = f"{arm.record.iteration:,}"
            rows.append([arm.title, caption, done, gain, answer])
    caption = (
        f"Saturated: the mean curve has not gained more than {worth} for the last "
        f"third of the run (its highest value there, from the highest one before)"
    )
    heads = ["Arm", "Score", "Iterations", "Gain in the last third", "Answer"]
    return caption, heads, rows


def _groups(budgets: Budgets) -> list[list[ArmRuns]]:
    """Every arm, with the plain students of all views, at most six in a chart."""
    plain = list(dict.fromkeys(view.findings.baseline for view in budgets.views))
    others = [arm for arm in budgets.arms if arm not in plain]
    size = SHOWN - len(plain)
    parts = [others[start : start + size] for start in range(0, len(others), size)]
    return [[*plain, *part] for part in parts]


def _charts(arms: Sequence[ArmRuns], metrics: Mapping[str, str]) -> dict[str, Any]:
    charts: list[tuple[str, Markup]] = []
    for key, caption in metrics.items():
        for over, charged in (("iterations", False), ("charged time", True)):
            svg = learning_curves(arms, key, charged)
            charts += [(f"{caption} over {over}", svg)] if svg else []
    keys = [(arm.title, line_style(index)) for index, arm in enumerate(arms)]
    return {"keys": keys, "charts": charts}

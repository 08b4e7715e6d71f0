"""One self-contained HTML page about a sweep, or any other set of runs."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.comparison.words import explanation, verdict_in_words
from mmseg_splashkd.report.curves import NEUTRAL, line_style
from mmseg_splashkd.report.experiments.arms import ArmRuns, Aside
from mmseg_splashkd.report.experiments.disagreement import (
    Panels,
    disagreements,
    panels,
)
from mmseg_splashkd.report.experiments.forest import place
from mmseg_splashkd.report.experiments.found import RunRecord
from mmseg_splashkd.report.experiments.headline import headline
from mmseg_splashkd.report.experiments.learning import arms_to_draw, learning_curves
from mmseg_splashkd.report.experiments.over_time import (
    RECORDINGS,
    recordings_of,
    share_over_time,
)
from mmseg_splashkd.report.experiments.provenance import (
    commands,
    conditions,
    duration,
    endings,
    seconds_of,
)
from mmseg_splashkd.report.experiments.ratio_curve import RatioCurve, ratio_curves
from mmseg_splashkd.report.experiments.statistics import (
    Findings,
    class_scores,
    confusion_of,
)
from mmseg_splashkd.report.experiments.tables import (
    difference_figure,
    metrics_of,
    name_of,
    rows_of,
)
from mmseg_splashkd.report.operating_point import operating_curve
from mmseg_splashkd.report.page import ENVIRONMENT
from mmseg_splashkd.report.runs import number

PARTS = {"val": "validation part", "test": "test part"}


@dataclass(frozen=True, eq=False)
class Subject:
    """What a page is about.

    Args:
        title: Of the page.
        runs: All that were asked for.
        findings: What those that can be compared tell.
        aside: The others, and why.
        part: ``'val'`` or ``'test'``.
        weights: ``'last'`` or ``'best'``.
        remarks: How the figures were had, a sentence or two each.
    """

    title: str
    runs: Sequence[RunRecord]
    findings: Findings
    aside: Sequence[Aside]
    part: str
    weights: str
    remarks: Sequence[str]


def write_experiments_page(subject: Subject, out: str | Path) -> Path:
    """Write the page.

    Args:
        subject: What it is about.
        out: The HTML file to write, whole or not at all; it refers to nothing outside
            itself.

    Returns:
        ``out``.
    """
    findings = subject.findings
    # The two that stand side by side: the baseline alone, if there is nothing else.
    pair = list(dict.fromkeys([findings.baseline, _rival(findings)]))
    page = ENVIRONMENT.get_template("experiments/page.html.j2").render(
        subject=subject,
        findings=findings,
        part=PARTS[subject.part],
        headline=headline(findings),
        metrics=metrics_of(findings),
        name_of=name_of,
        named=named,
        number=number,
        rows=rows_of(findings),
        forest=_forest(findings),
        verdicts=_verdicts(findings),
        ratio=_ratio(findings),
        learning=_learning(findings),
        classes=_classes(findings),
        matrices=[_matrix(arm) for arm in pair],
        panels=_panels(pair, subject.part),
        pair=[(arm.title, line_style(index)) for index, arm in enumerate(pair)],
        time=_time(pair),
        points=_operating_points(pair),
        endings=endings(subject.runs, subject.aside),
        conditions=conditions(subject.runs),
        hours=duration(sum(map(seconds_of, subject.runs)) or None),
        commands=commands(subject.runs, findings.shown),
        neutral=NEUTRAL,
    )
    return write_whole(Path(out), page)


def named(text: str) -> Markup:
    """Text with names of arms: broken after a ``_``, but not within ``r = 0.5``."""
    whole = escape(text).replace(" = ", Markup("&nbsp;=&nbsp;"))
    return whole.replace("_", Markup("_<wbr>"))


def _rival(findings: Findings) -> ArmRuns:
    """Whom the baseline is shown beside: the arm with the highest figure but it."""
    return findings.arms[1] if len(findings.arms) > 1 else findings.baseline


def _forest(findings: Findings) -> dict[str, Any] | None:
    """An axis for all metrics, and a lane an arm with a strip a metric."""
    told = {
        (arm, metric): found
        for arm in findings.shown
        for metric in metrics_of(findings)
        if (found := findings.difference(arm, metric)) is not None
    }
    if not told:
        return None
    axis, strips = place(list(told.values()))
    lanes: dict[ArmRuns, list[tuple]] = {}
    for ((arm, metric), found), strip in zip(told.items(), strips, strict=True):
        cell = metric, strip, difference_figure(found)
        lanes.setdefault(arm, []).append(cell)
    return {"axis": axis, "lanes": lanes}


def _verdicts(findings: Findings) -> list[tuple[str, str, list[str]]]:
    """Arm and metric, the verdict, and what it rests on."""
    told = []
    for arm in findings.shown:
        for metric in metrics_of(findings):
            found = findings.difference(arm, metric)
            if found is not None:
                subject = f"{arm.title}, {name_of(metric)}"
                told.append((subject, verdict_in_words(found), explanation(found)))
    return told


def _ratio(findings: Findings) -> list[tuple[str, list[RatioCurve]]]:
    """Metric -> a plot for each family of arms."""
    drawn = [
        (metric, ratio_curves(findings.baseline, findings.arms, metric))
        for metric in metrics_of(findings)
    ]
    return [(metric, curves) for metric, curves in drawn if curves]


def _learning(findings: Findings) -> dict[str, Any]:
    arms = arms_to_draw(findings)
    captions = {"loss": "Training loss, each arm's own sum of terms"}
    captions |= {m: f"Validation {name_of(m)} (%)" for m in metrics_of(findings)}
    drawn = [(text, learning_curves(arms, key)) for key, text in captions.items()]
    return {
        "keys": [(arm.title, line_style(index)) for index, arm in enumerate(arms)],
        "charts": [(text, svg) for text, svg in drawn if svg],
        "left_out": len(findings.arms) - len(arms),
    }


def _classes(findings: Findings) -> list[dict[str, Any]]:
    """A group of rows for each class, that which is looked at first."""
    scores = {arm.title: class_scores(arm) for arm in findings.shown}
    focus = findings.baseline.arm.first.focus
    names = sorted(findings.baseline.arm.first.classes, key=lambda name: name != focus)
    return [
        {"name": name, "rows": [(arm, of[name]) for arm, of in scores.items()]}
        for name in names
    ]


def _matrix(arm: ArmRuns) -> dict[str, Any]:
    """The confusion matrix of an arm, each row in percent of its true pixels."""
    counts = confusion_of(arm)
    classes = arm.arm.first.classes
    rows = []
    for name, row in zip(classes, counts, strict=True):
        total = int(row.sum())
        cells = [
            {"count": int(c), "share": 100 * int(c) / total if total else math.nan}
            for c in row
        ]
        rows.append({"name": name, "cells": cells, "total": total})
    return {
        "title": arm.title,
        "classes": classes,
        "rows": rows,
        "runs": len(arm.arm.runs),
    }


def _panels(pair: Sequence[ArmRuns], part: str) -> Panels | None:
    if len(pair) < 2:
        return None
    return panels(pair[0], pair[1], disagreements(pair[0], pair[1]), part)


def _time(pair: Sequence[ArmRuns]) -> dict[str, Any]:
    recordings = recordings_of(pair)
    drawn = [
        (recording.name, len(recording.times), share_over_time(recording))
        for recording in recordings[:RECORDINGS]
    ]
    return {"charts": drawn, "left_out": len(recordings) - len(drawn)}


def _operating_points(pair: Sequence[ArmRuns]) -> list[tuple[str, Markup]]:
    """Precision, recall and Dice over the threshold, where probabilities are known."""
    drawn = []
    for index, arm in enumerate(pair):
        pooled = _pooled(list(arm.arm.runs.values()))
        if pooled is not None:
            svg = _with_own_ids(operating_curve(pooled), f"arm{index}")
            drawn.append((arm.title, Markup(svg)))
    return drawn


def _with_own_ids(svg: str, prefix: str) -> str:
    """Two plots of the same class have the same ids, and a page may hold each once."""
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\1{prefix}", svg)


def _pooled(runs: Sequence[FrameScores]) -> FrameScores | None:
    """All frames of some runs as of one; None without probabilities or the class."""
    histograms = [run.histogram for run in runs]
    known = [each for each in histograms if each is not None]
    if len(known) < len(runs) or not sum(int(each[:, 1].sum()) for each in known):
        return None

    def joined(of: Callable[[FrameScores], tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(value for run in runs for value in of(run))

    return FrameScores(
        confusion=np.concatenate([run.confusion for run in runs]),
        histogram=np.concatenate(known),
        frames=joined(lambda run: run.frames),
        recordings=joined(lambda run: run.recordings),
        timestamps=np.concatenate([run.timestamps for run in runs]),
        classes=runs[0].classes,
        focus=runs[0].focus,
    )

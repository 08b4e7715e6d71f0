"""The HTML page of a report on experiments."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from mmseg_splashkd.evaluation.operating_point import METRIC
from mmseg_splashkd.records.store import Run
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.experiments.across_farms import AcrossFarms
from mmseg_splashkd.report.experiments.across_section import about_across
from mmseg_splashkd.report.experiments.budget import Budgets
from mmseg_splashkd.report.experiments.budget_section import about_budget
from mmseg_splashkd.report.experiments.costs import about_cost
from mmseg_splashkd.report.experiments.forest import axis_limits, forest
from mmseg_splashkd.report.experiments.headline import headline
from mmseg_splashkd.report.experiments.learning_curves import (
    arms_to_draw,
    learning_curves,
)
from mmseg_splashkd.report.experiments.over_time import (
    RECORDINGS,
    recordings_of,
    share_over_time,
)
from mmseg_splashkd.report.experiments.panels import panels
from mmseg_splashkd.report.experiments.provenance import (
    commands,
    conditions,
    endings,
    seconds_of,
)
from mmseg_splashkd.report.experiments.ratio_curve import RatioCurve, ratio_curves
from mmseg_splashkd.report.experiments.tables import rows_of
from mmseg_splashkd.report.figures import NEUTRAL, line_style
from mmseg_splashkd.report.findings import (
    Findings,
    class_scores,
    confusion_of,
    score_by_fold,
)
from mmseg_splashkd.report.formatting import duration, number
from mmseg_splashkd.report.html import write_page
from mmseg_splashkd.report.operating_point import operating_curve
from mmseg_splashkd.report.scored_runs import LeftOut
from mmseg_splashkd.report.tables import name_of
from mmseg_splashkd.report.words import explanation, verdict_in_words
from mmseg_splashkd.statistics import Difference

PARTS = {"val": "validation part", "test": "test part"}


@dataclass(frozen=True, eq=False)
class ExperimentsReport:
    """Content of the page.

    Args:
        title: Title of the page.
        runs: All runs.
        findings: Comparison of the runs that can be compared.
        left_out: The other runs, with reasons.
        part: ``'val'`` or ``'test'``.
        weights: ``'last'`` or ``'best'``.
        remarks: Paragraphs below the table of arms; one in backquotes is a command.
        budgets: Views of runs that a sweep has charged their time; None without any.
        across: Scores on recordings seen in training and not; None where all were seen.
    """

    title: str
    runs: Sequence[Run]
    findings: Findings
    left_out: Sequence[LeftOut]
    part: str
    weights: str
    remarks: Sequence[str]
    budgets: Budgets | None = None
    across: AcrossFarms | None = None


def write_experiments_page(report: ExperimentsReport, out: str | Path) -> Path:
    """Write the page atomically.

    Args:
        report: Content of the page.
        out: The HTML file, without external references.

    Returns:
        ``out``.
    """
    findings = report.findings
    pair, rows = findings.arms[:2], rows_of(findings)
    ratio = _ratio(findings)
    folds = list(score_by_fold(findings.baseline, findings.focus))
    return write_page(
        "experiments/page.html.j2",
        out,
        report=report,
        findings=findings,
        focus=findings.baseline.arm.first.focus,
        part=PARTS[report.part],
        headline=headline(findings),
        name_of=name_of,
        named=named,
        rows=rows,
        about_cost=about_cost(findings),
        extras=[[row.arm.title, *row.extras.values()] for row in rows],
        forests=_forests(findings),
        verdicts=_verdicts(findings),
        ratio=ratio,
        ratio_heads=["Arm", "Score", "r", "Mean", *map(_fold_head, folds)],
        ratio_rows=_ratio_rows(ratio, folds),
        learning=_learning(findings),
        budget=_budget(report),
        across=report.across and about_across(report.across, findings),
        classes=_classes(findings),
        matrices=[_matrix(arm) for arm in pair],
        panels=panels(_shown_in_panels(findings, report.part), report.part),
        pair=[(arm.title, line_style(index)) for index, arm in enumerate(pair)],
        time=_time(pair),
        points=_operating_points(pair),
        endings=endings(report.runs, report.left_out),
        conditions=conditions(report.runs),
        hours=duration(sum(map(seconds_of, report.runs)) or None),
        commands=commands(report.runs, findings.shown),
        neutral=NEUTRAL,
    )


def named(text: str) -> Markup:
    """Escape the title of an arm: breaks after ``_``, but not within ``r = 0.5``."""
    whole = escape(text).replace(" = ", Markup("&nbsp;=&nbsp;"))
    return whole.replace("_", Markup("_<wbr>"))


def _shown_in_panels(findings: Findings, part: str) -> Sequence[ArmRuns]:
    """The baseline, the best other arm, and a teacher that has predictions, too."""
    pair = findings.arms[:2]
    for teacher in findings.teachers:
        single = all(len(arm.runs) == 1 for arm in (*pair, teacher))
        paired = single or set(pair[0].runs) <= set(teacher.runs)
        folders = [run.work_dir / "predictions" / part for run in teacher.runs.values()]
        if paired and all(folder.is_dir() for folder in folders):
            return [*pair, teacher]
    return pair


def _differences(findings: Findings) -> dict[str, dict[ArmRuns, Difference]]:
    """Metric -> arm -> difference from the baseline."""
    return {
        metric: {
            arm: difference
            for arm in findings.shown
            if (difference := findings.difference(arm, metric)) is not None
        }
        for metric in findings.metrics
    }


def _forests(findings: Findings) -> list[tuple[str, Markup]]:
    """One plot per metric, all with the same axis; none without a second arm."""
    drawn = {
        metric: {
            f"{arm.title} (teacher)" if arm.is_teacher else arm.title: each
            for arm, each in by_arm.items()
        }
        for metric, by_arm in _differences(findings).items()
        if by_arm
    }
    every = [each for lanes in drawn.values() for each in lanes.values()]
    limits = axis_limits(every)
    return [(m, forest(lanes, limits, f"forest {m}")) for m, lanes in drawn.items()]


def _verdicts(findings: Findings) -> list[tuple[str, str, list[str]]]:
    """Arm and metric, the verdict, and its explanation."""
    return [
        (f"{arm.title}, {name_of(metric)}", verdict_in_words(each), explanation(each))
        for metric, by_arm in _differences(findings).items()
        for arm, each in by_arm.items()
    ]


def _ratio(findings: Findings) -> list[tuple[str, list[RatioCurve]]]:
    """Metric -> one plot per family of arms."""
    drawn = [
        (metric, ratio_curves(findings.baseline, findings.arms, metric))
        for metric in findings.metrics
    ]
    return [(metric, curves) for metric, curves in drawn if curves]


def _fold_head(fold: int | None) -> str:
    return "All" if fold is None else f"Fold {fold}"


def _ratio_rows(
    ratio: Sequence[tuple[str, list[RatioCurve]]], folds: Sequence[int | None]
) -> list[list[str]]:
    """Family, metric, ratio, mean over folds, and the score of each fold."""
    return [
        [
            curve.family,
            name_of(metric),
            f"{r:g}",
            number(float(np.mean(list(scores.values()))), 1),
            *(number(scores[fold], 1) if fold in scores else "" for fold in folds),
        ]
        for metric, curves in ratio
        for curve in curves
        for r, scores in curve.points.items()
    ]


def _validated(findings: Findings) -> dict[str, str]:
    """Scores in the log -> their captions."""
    captions = {m: f"Validation {name_of(m)} (%)" for m in findings.metrics}
    if findings.hidden is not None:
        focus = findings.baseline.arm.first.focus
        captions[METRIC] = f"Validation Dice of {focus} at the operating point (%)"
    return captions


def _budget(report: ExperimentsReport) -> dict[str, Any] | None:
    if report.budgets is None:
        return None
    return about_budget(report.budgets, _validated(report.findings))


def _learning(findings: Findings) -> dict[str, Any]:
    arms = arms_to_draw(findings)
    captions = {"loss": "Training loss, the sum of each arm's own terms"}
    captions |= _validated(findings)
    drawn = [(text, learning_curves(arms, key)) for key, text in captions.items()]
    return {
        "keys": [(arm.title, line_style(index)) for index, arm in enumerate(arms)],
        "charts": [(text, svg) for text, svg in drawn if svg],
        "left_out": len(findings.shown) - len(arms),
    }


def _classes(findings: Findings) -> list[dict[str, Any]]:
    """A group of rows per class, the focus class first."""
    scores = {arm.title: class_scores(arm) for arm in findings.shown}
    focus = findings.baseline.arm.first.focus
    names = sorted(findings.baseline.arm.first.classes, key=lambda name: name != focus)
    return [
        {"name": name, "rows": [(arm, of[name]) for arm, of in scores.items()]}
        for name in names
    ]


def _matrix(arm: ArmRuns) -> dict[str, Any]:
    """Confusion matrix of an arm, each row in percent of its true pixels."""
    classes = arm.arm.first.classes
    rows = []
    for name, row in zip(classes, confusion_of(arm), strict=True):
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
        "runs": len(arm.runs),
    }


def _time(pair: Sequence[ArmRuns]) -> dict[str, Any]:
    recordings = recordings_of(pair)
    drawn = [
        (recording.name, len(recording.times), share_over_time(recording))
        for recording in recordings[:RECORDINGS]
    ]
    return {
        "charts": drawn,
        "left_out": len(recordings) - len(drawn),
        "known": all(recording.timed for recording in recordings),
    }


def _operating_points(pair: Sequence[ArmRuns]) -> list[tuple[str, Markup]]:
    """Precision, recall and Dice over the threshold, where there are probabilities."""
    drawn = []
    for arm in pair:
        runs = arm.arm.runs.values()
        histograms = [run.histogram for run in runs if run.histogram is not None]
        if len(histograms) == len(runs):
            pooled, focus = np.concatenate(histograms), arm.arm.first.focus
            if pooled[:, 1].any():
                svg = operating_curve(pooled, focus, salt=arm.title).svg
                drawn.append((arm.title, svg))
    return drawn

"""The HTML page of a report on experiments."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.records.store import Run
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.experiments.forest import place
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
from mmseg_splashkd.report.experiments.tables import (
    devices,
    difference_figure,
    metrics_of,
    name_of,
    rows_of,
)
from mmseg_splashkd.report.figures import NEUTRAL, line_style
from mmseg_splashkd.report.findings import Findings, class_scores, confusion_of
from mmseg_splashkd.report.formatting import duration
from mmseg_splashkd.report.html import write_page
from mmseg_splashkd.report.operating_point import operating_curve
from mmseg_splashkd.report.scored_runs import LeftOut
from mmseg_splashkd.report.words import explanation, verdict_in_words

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
    """

    title: str
    runs: Sequence[Run]
    findings: Findings
    left_out: Sequence[LeftOut]
    part: str
    weights: str
    remarks: Sequence[str]


def write_experiments_page(report: ExperimentsReport, out: str | Path) -> Path:
    """Write the page atomically.

    Args:
        report: Content of the page.
        out: The HTML file, which refers to nothing outside itself.

    Returns:
        ``out``.
    """
    findings = report.findings
    pair, rows = pair_of(findings), rows_of(findings)
    return write_page(
        "experiments/page.html.j2",
        out,
        report=report,
        findings=findings,
        focus=findings.baseline.arm.first.focus,
        part=PARTS[report.part],
        headline=headline(findings),
        metrics=metrics_of(findings),
        name_of=name_of,
        named=named,
        rows=rows,
        devices=devices(findings),
        extras=[[row.arm.title, *row.extras.values()] for row in rows],
        forest=_forest(findings),
        verdicts=_verdicts(findings),
        ratio=_ratio(findings),
        learning=_learning(findings),
        classes=_classes(findings),
        matrices=[_matrix(arm) for arm in pair],
        panels=panels(shown_in_panels(findings, report.part), report.part),
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


def pair_of(findings: Findings) -> list[ArmRuns]:
    """The baseline and the best other arm; the baseline alone if there is none."""
    return list(findings.arms[:2])


def shown_in_panels(findings: Findings, part: str) -> list[ArmRuns]:
    """The baseline, the best other arm, and a teacher that has predictions, too.

    Args:
        findings: The findings.
        part: ``'val'`` or ``'test'``.
    """
    pair = pair_of(findings)
    for teacher in findings.teachers:
        single = len(teacher.runs) == 1 and all(len(arm.runs) == 1 for arm in pair)
        paired = single or set(pair[0].runs) <= set(teacher.runs)
        folders = [run.work_dir / "predictions" / part for run in teacher.runs.values()]
        if paired and all(folder.is_dir() for folder in folders):
            return [*pair, teacher]
    return pair


def _forest(findings: Findings) -> dict[str, Any] | None:
    """One axis for all metrics, and a lane per arm with a strip per metric."""
    differences = {
        (arm, metric): difference
        for arm in findings.shown
        for metric in metrics_of(findings)
        if (difference := findings.difference(arm, metric)) is not None
    }
    if not differences:
        return None
    axis, strips = place(list(differences.values()))
    lanes: dict[ArmRuns, list[tuple]] = {}
    for (arm, metric), strip in zip(differences, strips, strict=True):
        cell = metric, strip, difference_figure(differences[arm, metric])
        lanes.setdefault(arm, []).append(cell)
    return {"axis": axis, "lanes": lanes}


def _verdicts(findings: Findings) -> list[tuple[str, str, list[str]]]:
    """Arm and metric, the verdict, and its explanation."""
    verdicts = []
    for arm in findings.shown:
        for metric in metrics_of(findings):
            difference = findings.difference(arm, metric)
            if difference is not None:
                label = f"{arm.title}, {name_of(metric)}"
                sentence = verdict_in_words(difference)
                verdicts.append((label, sentence, explanation(difference)))
    return verdicts


def _ratio(findings: Findings) -> list[tuple[str, list[RatioCurve]]]:
    """Metric -> one plot per family of arms."""
    drawn = [
        (metric, ratio_curves(findings.baseline, findings.arms, metric))
        for metric in metrics_of(findings)
    ]
    return [(metric, curves) for metric, curves in drawn if curves]


def _learning(findings: Findings) -> dict[str, Any]:
    arms = arms_to_draw(findings)
    captions = {"loss": "Training loss, the sum of each arm's own terms"}
    captions |= {m: f"Validation {name_of(m)} (%)" for m in metrics_of(findings)}
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
    return {"charts": drawn, "left_out": len(recordings) - len(drawn)}


def _operating_points(pair: Sequence[ArmRuns]) -> list[tuple[str, Markup]]:
    """Precision, recall and Dice over the threshold, where there are probabilities."""
    pooled = [(arm.title, _pooled(list(arm.arm.runs.values()))) for arm in pair]
    return [
        (title, operating_curve(scores, salt=title))
        for title, scores in pooled
        if scores is not None
    ]


def _pooled(runs: Sequence[FrameScores]) -> FrameScores | None:
    """All frames of several runs; None without probabilities or the focus class."""
    histograms = [run.histogram for run in runs if run.histogram is not None]
    if len(histograms) < len(runs) or not sum(int(h[:, 1].sum()) for h in histograms):
        return None

    def joined(of: Callable[[FrameScores], tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(value for run in runs for value in of(run))

    return FrameScores(
        confusion=np.concatenate([run.confusion for run in runs]),
        histogram=np.concatenate(histograms),
        frames=joined(lambda run: run.frames),
        recordings=joined(lambda run: run.recordings),
        timestamps=np.concatenate([run.timestamps for run in runs]),
        classes=runs[0].classes,
        focus=runs[0].focus,
    )

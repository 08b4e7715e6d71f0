"""Comparison of arms: intervals of scores and differences, p-values, verdicts."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from mmseg_splashkd.statistics.arms import Arm
from mmseg_splashkd.statistics.equivalence import (
    EACH_POWER,
    TWO_SIDED,
    Equivalence,
    equivalence_of,
    equivalence_p,
)
from mmseg_splashkd.statistics.intervals import ALPHA, Interval, corrected_resampled
from mmseg_splashkd.statistics.measured import MARGIN_OF_COPIES, measured_rate
from mmseg_splashkd.statistics.metrics import Metric
from mmseg_splashkd.statistics.notes import check_alike, notes_on
from mmseg_splashkd.statistics.planning import frames_needed, holm
from mmseg_splashkd.statistics.results import (
    ArmScores,
    Comparison,
    Difference,
)
from mmseg_splashkd.statistics.sampling import sampling_in_words
from mmseg_splashkd.statistics.settings import Settings
from mmseg_splashkd.statistics.sources import source_of
from mmseg_splashkd.statistics.views import (
    Estimate,
    View,
    estimate_over_frames,
    view_of,
)


def compare(arms: Sequence[Arm], settings: Settings | None = None) -> Comparison:
    """Compare each arm with the first.

    One pair of runs is compared by a paired block bootstrap over frames; several pairs
    on the same frames by that bootstrap plus the variance between pairs; several folds
    by the corrected resampled t-test: see ``Difference.method``, docs/significance.md.

    Args:
        arms: The baseline and the other arms; a single arm gets intervals of its scores
            only.
        settings: Settings of the comparison.

    Raises:
        ValueError: There is no arm, a metric is unknown, arms were tested on different
            frames, classes or labels, or share no pair of fold and seed.
    """
    settings = settings or Settings()
    if not arms:
        raise ValueError("arms is empty: give at least one run")
    check_alike(arms, settings.allowed)
    metrics = settings.metrics_of(arms[0].first)
    views = [view_of([arm], settings) for arm in arms]
    return Comparison(
        metrics=tuple(metric.name for metric in metrics),
        arms=tuple(
            _arm_scores(arm, view, metrics, settings)
            for arm, view in zip(arms, views, strict=True)
        ),
        differences=tuple(differences_of(arms, settings)),
        block=str(views[0].blocks.length or views[0].blocks.unit),
        notes=tuple(notes_on(arms, views[0].layouts[0], views[0].blocks)),
        unit=views[0].blocks.unit,
        sampling=_sampling(views[0]),
    )


def _sampling(view: View) -> str:
    layout = view.layouts[0]
    timed = bool((layout.timestamps >= 0).any())
    return sampling_in_words(view.blocks, len(set(layout.recordings)), timed)


def differences_of(arms: Sequence[Arm], settings: Settings) -> list[Difference]:
    """Differences from the first arm, without the scores of the arms.

    Args:
        arms: The baseline and the other arms.
        settings: Settings of the comparison.

    Returns:
        Differences by arm, then by metric.

    Raises:
        ValueError: For the reasons listed in ``compare``.
    """
    metrics = settings.metrics_of(arms[0].first)
    views = [view_of([arms[0], arm], settings) for arm in arms[1:]]
    found = [
        _difference(view, metric, settings) for view in views for metric in metrics
    ]
    return _with_equivalence(_with_verdicts(found))


def _over_folds(view: View, metric: Metric) -> Estimate:
    """Estimate from the differences by fold and seed that are defined."""
    folds = view.layouts[0].folds
    of_fold = [view.layouts[0].fold == fold for fold in range(folds)]
    areas = [
        np.stack([layout.areas[:, frames].sum(1) for frames in of_fold], 1)
        for layout in view.layouts
    ]
    by_run = view.values(metric, areas)
    by_run = by_run[~np.isnan(by_run)]
    if len(by_run) < 2:
        return Estimate(math.nan)
    interval = corrected_resampled(by_run, view.layouts[0].overlap)
    return Estimate(interval.value, interval)


def _arm_scores(
    arm: Arm, view: View, metrics: Sequence[Metric], settings: Settings
) -> ArmScores:
    found = {
        metric.name: estimate_over_frames(view, metric, settings) for metric in metrics
    }
    return ArmScores(
        name=view.names[0],
        runs=view.runs,
        frames=len(view.layouts[0].recordings),
        blocks=len(view.blocks),
        scores={name: each.value for name, each in found.items()},
        intervals={
            name: each.interval and each.interval.within(0.0, 100.0)
            for name, each in found.items()
        },
        source=source_of(list(arm.runs.values())),
    )


def _difference(view: View, metric: Metric, settings: Settings) -> Difference:
    layout = view.layouts[0]
    by_folds = layout.folds > 1
    pooled = estimate_over_frames(view, metric, settings)
    found = _over_folds(view, metric) if by_folds else pooled
    interval, frames = found.interval, len(layout.recordings)
    single = len(layout.areas) == 1
    method = "folds" if by_folds else "frames" if single else "frames and runs"
    unit = view.blocks.unit

    def more(difference: float, **rates: float) -> int | None:
        if interval is None:
            return None
        needed = frames_needed(
            difference,
            interval,
            frames,
            found.share_of_runs,
            more_blocks=method == "frames",
            independent=unit in ("frame", "recording"),
            **rates,
        )
        return None if needed is None else max(0, needed - frames)

    return Difference(
        baseline=view.names[0],
        arm=view.names[1],
        metric=metric.name,
        method=method,
        pairs=view.runs,
        frames=frames,
        blocks=len(view.blocks),
        value=found.value,
        interval=interval,
        pooled=pooled.interval if by_folds else None,
        p=interval and interval.p,
        comparisons=1,
        verdict="no verdict",
        more_frames=more(found.value),
        worth=settings.worth,
        more_frames_for_worth=more(settings.worth),
        # Measured on time series only.
        false_claims=measured_rate(method, frames) if unit == "time" else None,
        correlated=found.correlated,
        unit=unit,
        equivalence=_asked(
            interval,
            settings.equivalent,
            more,
            _rate_of_copies(metric, settings.equivalent, frames)
            if method == "frames" and unit == "time"
            else None,
        ),
    )


def _rate_of_copies(
    metric: Metric, margin: float | None, frames: int
) -> tuple[int, float] | None:
    """The rate that was measured, for Dice of a class and one margin."""
    if not metric.name.startswith("Dice.") or margin != MARGIN_OF_COPIES:
        return None
    return measured_rate("equivalence", frames)


def _asked(
    interval: Interval | None,
    margin: float | None,
    more: Callable[..., int | None],
    rate: tuple[int, float] | None,
) -> Equivalence | None:
    """The question of equivalence, still without a verdict."""
    if interval is None or margin is None:
        return None
    needed = more(margin, alpha=TWO_SIDED, power=EACH_POWER)
    p = equivalence_p(interval, margin)
    return equivalence_of(interval, margin, p, "no verdict", needed, rate)


def _with_verdicts(differences: Sequence[Difference]) -> list[Difference]:
    """Holm-adjust the p-values of each metric over the arms, and add verdicts."""
    adjusted = list(differences)
    for index, p, count in _adjusted(differences, lambda each: each.p):
        found = differences[index]
        direction = "better" if found.value > 0 else "worse"
        adjusted[index] = replace(
            found,
            p=p,
            comparisons=count,
            verdict=direction if p < ALPHA else "cannot tell",
        )
    return adjusted


def _with_equivalence(differences: Sequence[Difference]) -> list[Difference]:
    """The same for the question of equivalence, where it is asked."""
    adjusted = list(differences)
    asked = _adjusted(differences, lambda each: each.equivalence and each.equivalence.p)
    for index, p, _ in asked:
        found = differences[index]
        of, interval = found.equivalence, found.interval
        assert of is not None
        assert interval is not None
        answer = equivalence_of(
            interval, of.margin, p, found.verdict, of.more_frames, of.false_claims
        )
        adjusted[index] = replace(found, equivalence=answer)
    return adjusted


def _adjusted(
    differences: Sequence[Difference], p_of: Callable[[Difference], float | None]
) -> Iterator[tuple[int, float, int]]:
    """Index, Holm-adjusted p-value, and number of arms that it is adjusted for."""
    for metric in {each.metric for each in differences}:
        p_values = {
            index: p
            for index, each in enumerate(differences)
            if each.metric == metric and (p := p_of(each)) is not None
        }
        for index, p in zip(p_values, holm(list(p_values.values())), strict=True):
            yield index, p, len(p_values)

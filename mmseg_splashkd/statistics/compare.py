"""Comparison of arms: intervals of scores and differences, p-values, verdicts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmseg_splashkd.statistics.arms import (
    Arm,
    Layout,
    common_runs,
    lay_out,
)
from mmseg_splashkd.statistics.blocks import FEWEST, Blocks, cut_blocks
from mmseg_splashkd.statistics.intervals import (
    ALPHA,
    Interval,
    corrected_resampled,
    over_frames,
    over_frames_and_runs,
)
from mmseg_splashkd.statistics.measured import measured_rate
from mmseg_splashkd.statistics.metrics import Metric
from mmseg_splashkd.statistics.notes import check_alike, notes_on
from mmseg_splashkd.statistics.planning import frames_needed, holm
from mmseg_splashkd.statistics.resampling import (
    MOST_CORRELATION,
    Statistic,
    block_bootstrap,
)
from mmseg_splashkd.statistics.results import (
    ArmScores,
    Comparison,
    Difference,
)
from mmseg_splashkd.statistics.sampling import sampling_in_words
from mmseg_splashkd.statistics.settings import Settings
from mmseg_splashkd.statistics.sources import source_of


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
    views = [_view([arm], settings) for arm in arms]
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


def _sampling(view: "_View") -> str:
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
    views = [_view([arms[0], arm], settings) for arm in arms[1:]]
    return _with_verdicts(
        [_difference(view, metric, settings) for view in views for metric in metrics]
    )


@dataclass(frozen=True, eq=False)
class _View:
    """One arm, or the baseline and another arm, on the same frames and blocks."""

    names: tuple[str, ...]
    layouts: tuple[Layout, ...]
    blocks: Blocks
    runs: int

    def values(self, metric: Metric, areas: Sequence[np.ndarray]) -> np.ndarray:
        """Score, or difference of scores, of (..., 3, C) areas of each arm."""
        return _last_less_first([metric.of(counts) for counts in areas])

    def statistic(self, metric: Metric) -> Statistic:
        """(J, R) score, or difference of scores, of J runs from weights of blocks."""
        sums = [self.blocks.sums(layout.areas).astype(float) for layout in self.layouts]

        def scores_of(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
            weighted = weights @ counts.reshape(*counts.shape[:2], -1)
            areas = weighted.reshape(*weighted.shape[:2], *counts.shape[2:])
            return metric.of(areas, counts.sum(1, keepdims=True))

        def statistic(weights: np.ndarray) -> np.ndarray:
            return _last_less_first([scores_of(counts, weights) for counts in sums])

        return statistic


def _last_less_first(scores: Sequence[np.ndarray]) -> np.ndarray:
    return scores[-1] - scores[0] if len(scores) > 1 else scores[0]


def _view(arms: Sequence[Arm], settings: Settings) -> _View:
    runs = common_runs(arms)
    layouts = tuple(lay_out(arm, runs, arms[0]) for arm in arms)
    blocks = cut_blocks(layouts[0].recordings, layouts[0].timestamps, settings.block)
    return _View(tuple(arm.name for arm in arms), layouts, blocks, len(runs))


@dataclass(frozen=True)
class _Estimate:
    """Estimate of a score or difference, with its interval where there is one."""

    value: float
    interval: Interval | None = None
    share_of_runs: float = 0.0
    correlated: bool = False


def _over_frames(view: _View, metric: Metric, settings: Settings) -> _Estimate:
    by_run = view.values(metric, [layout.areas.sum(1) for layout in view.layouts])
    value = float(by_run.mean())
    if len(view.blocks) < FEWEST or math.isnan(value):
        return _Estimate(value)
    spread = block_bootstrap(
        view.statistic(metric), len(view.blocks), settings.resamples, settings.seed
    )
    correlated = spread.correlation >= MOST_CORRELATION
    if len(by_run) == 1:
        return _Estimate(value, over_frames(spread), 0.0, correlated)
    interval, share = over_frames_and_runs(spread, by_run, view.layouts[0].overlap)
    return _Estimate(value, interval, share, correlated)


def _over_folds(view: _View, metric: Metric) -> _Estimate:
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
        return _Estimate(math.nan)
    interval = corrected_resampled(by_run, view.layouts[0].overlap)
    return _Estimate(interval.value, interval)


def _arm_scores(
    arm: Arm, view: _View, metrics: Sequence[Metric], settings: Settings
) -> ArmScores:
    found = {metric.name: _over_frames(view, metric, settings) for metric in metrics}
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


def _difference(view: _View, metric: Metric, settings: Settings) -> Difference:
    layout = view.layouts[0]
    by_folds = layout.folds > 1
    pooled = _over_frames(view, metric, settings)
    found = _over_folds(view, metric) if by_folds else pooled
    interval, frames = found.interval, len(layout.recordings)
    single = len(layout.areas) == 1
    method = "folds" if by_folds else "frames" if single else "frames and runs"
    unit = view.blocks.unit

    def more(difference: float) -> int | None:
        if interval is None:
            return None
        needed = frames_needed(
            difference,
            interval,
            frames,
            found.share_of_runs,
            more_blocks=method == "frames",
            independent=unit in ("frame", "recording"),
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
    )


def _with_verdicts(differences: Sequence[Difference]) -> list[Difference]:
    """Holm-adjust the p-values of each metric over the arms, and add verdicts."""
    adjusted = list(differences)
    for metric in {each.metric for each in differences}:
        p_values = {
            index: each.p
            for index, each in enumerate(differences)
            if each.metric == metric and each.p is not None
        }
        for index, p in zip(p_values, holm(list(p_values.values())), strict=True):
            found = differences[index]
            direction = "better" if found.value > 0 else "worse"
            adjusted[index] = replace(
                found,
                p=p,
                comparisons=len(p_values),
                verdict=direction if p < ALPHA else "cannot tell",
            )
    return adjusted

"""Arms side by side: intervals of their scores, of their differences, verdicts."""

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
from mmseg_splashkd.statistics.settings import Settings


def compare(arms: Sequence[Arm], settings: Settings | None = None) -> Comparison:
    """Compare arms with the first of them.

    One pair of runs is compared by a paired block bootstrap over frames; several on the
    same frames by the same and the spread between pairs; several folds by the corrected
    resampled t-test: see ``Difference.method``, and docs/significance.md.

    Args:
        arms: The baseline and others; one alone gets intervals of its scores.
        settings: How.

    Raises:
        ValueError: There is no arm, a metric is unknown, arms were tested on different
            frames, classes or labels, or have no pair of runs in common.
    """
    settings = settings or Settings()
    if not arms:
        raise ValueError("arms is empty: give one run at least")
    check_alike(arms, settings.allowed)
    metrics = settings.metrics_of(arms[0].first)
    views = [_view([arm], settings) for arm in arms]
    return Comparison(
        metrics=tuple(metric.name for metric in metrics),
        arms=tuple(_arm_scores(view, metrics, settings) for view in views),
        differences=tuple(differences_of(arms, settings)),
        block=str(views[0].blocks.length),
        notes=tuple(notes_on(arms, views[0].layouts[0], views[0].blocks)),
    )


def differences_of(arms: Sequence[Arm], settings: Settings) -> list[Difference]:
    """Differences alone, without the arms' own scores: see ``compare``.

    Args:
        arms: The baseline and others.
        settings: How.

    Returns:
        By arm, then by metric.

    Raises:
        ValueError: As ``compare``.
    """
    metrics = settings.metrics_of(arms[0].first)
    views = [_view([arms[0], arm], settings) for arm in arms[1:]]
    return _with_verdicts(
        [_difference(view, metric, settings) for view in views for metric in metrics]
    )


@dataclass(frozen=True, eq=False)
class _View:
    """One arm, or the baseline and another, on the same frames in the same blocks."""

    names: tuple[str, ...]
    layouts: tuple[Layout, ...]
    blocks: Blocks
    runs: int

    def values(self, metric: Metric, areas: Sequence[np.ndarray]) -> np.ndarray:
        """Score, or difference, of (..., 3, C) counts of each arm."""
        scores = [metric.of(counts) for counts in areas]
        return scores[-1] - scores[0] if len(scores) > 1 else scores[0]

    def statistic(self, metric: Metric) -> Statistic:
        """Score, or difference, of each run, (J, R), from weights of the blocks."""
        sums = [self.blocks.sums(layout.areas).astype(float) for layout in self.layouts]

        def scores_of(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
            weighted = weights @ counts.reshape(*counts.shape[:2], -1)
            areas = weighted.reshape(*weighted.shape[:2], *counts.shape[2:])
            return metric.of(areas, counts.sum(1, keepdims=True))

        def statistic(weights: np.ndarray) -> np.ndarray:
            scores = [scores_of(counts, weights) for counts in sums]
            return scores[-1] - scores[0] if len(scores) > 1 else scores[0]

        return statistic


def _view(arms: Sequence[Arm], settings: Settings) -> _View:
    cells = common_runs(arms)
    layouts = tuple(lay_out(arm, cells, arms[0]) for arm in arms)
    blocks = cut_blocks(layouts[0].recordings, layouts[0].timestamps, settings.block)
    return _View(tuple(arm.name for arm in arms), layouts, blocks, len(cells))


@dataclass(frozen=True)
class _Found:
    """What the frames, and the runs on them, tell of a score or difference."""

    value: float
    interval: Interval | None = None
    share_of_runs: float = 0.0
    correlated: bool = False


def _over_frames(view: _View, metric: Metric, settings: Settings) -> _Found:
    by_run = view.values(metric, [layout.areas.sum(1) for layout in view.layouts])
    value = float(by_run.mean())
    if len(view.blocks) < FEWEST or math.isnan(value):
        return _Found(value)
    spread = block_bootstrap(
        view.statistic(metric), len(view.blocks), settings.resamples, settings.seed
    )
    correlated = spread.correlation >= MOST_CORRELATION
    if len(by_run) == 1:
        return _Found(value, over_frames(spread), 0.0, correlated)
    interval, share = over_frames_and_runs(spread, by_run, view.layouts[0].overlap)
    return _Found(value, interval, share, correlated)


def _over_folds(view: _View, metric: Metric) -> _Found:
    """Of the difference in each fold with each seed, where it is defined."""
    folds = view.layouts[0].folds
    owned = [view.layouts[0].fold == fold for fold in range(folds)]
    areas = [
        np.stack([layout.areas[:, mine].sum(1) for mine in owned], 1)
        for layout in view.layouts
    ]
    by_cell = view.values(metric, areas)
    by_cell = by_cell[~np.isnan(by_cell)]
    if len(by_cell) < 2:
        return _Found(math.nan)
    interval = corrected_resampled(by_cell, view.layouts[0].overlap)
    return _Found(interval.value, interval)


def _arm_scores(
    view: _View, metrics: Sequence[Metric], settings: Settings
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
    )


def _difference(view: _View, metric: Metric, settings: Settings) -> Difference:
    layout = view.layouts[0]
    by_folds = layout.folds > 1
    pooled = _over_frames(view, metric, settings)
    found = _over_folds(view, metric) if by_folds else pooled
    interval, frames = found.interval, len(layout.recordings)
    single = len(layout.areas) == 1
    method = "folds" if by_folds else "frames" if single else "frames and runs"

    def more(difference: float) -> int | None:
        if interval is None:
            return None
        needed = frames_needed(
            difference, interval, frames, found.share_of_runs, method == "frames"
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
        false_claims=measured_rate(method, frames),
        correlated=found.correlated,
    )


def _with_verdicts(differences: Sequence[Difference]) -> list[Difference]:
    """Adjust p-values for the number of arms, metric by metric, and judge."""
    judged = {}
    for metric in {found.metric for found in differences}:
        asked = [found for found in differences if found.metric == metric]
        known = [found for found in asked if found.p is not None]
        adjusted = holm([found.p for found in known if found.p is not None])
        for found, p in zip(known, adjusted, strict=True):
            claim = "better" if found.value > 0 else "worse"
            judged[id(found)] = replace(
                found,
                p=p,
                comparisons=len(known),
                verdict=claim if p < ALPHA else "cannot tell",
            )
    return [judged.get(id(found), found) for found in differences]

"""Arms laid out on the same frames and blocks, and estimates over these frames."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmseg_splashkd.statistics.arms import Arm, Layout, common_runs, lay_out
from mmseg_splashkd.statistics.blocks import FEWEST, Blocks, cut_blocks
from mmseg_splashkd.statistics.intervals import (
    Interval,
    over_frames,
    over_frames_and_runs,
)
from mmseg_splashkd.statistics.metrics import Metric
from mmseg_splashkd.statistics.resampling import (
    MOST_CORRELATION,
    Statistic,
    block_bootstrap,
)
from mmseg_splashkd.statistics.settings import Settings


@dataclass(frozen=True, eq=False)
class View:
    """One layout, or two that are compared, on the same frames and blocks.

    Args:
        names: Label of each layout.
        layouts: One layout, or the baseline and what is compared with it.
        blocks: Blocks of their frames.
        runs: Number of runs of each.
        counted: Number of blocks that estimate the variance, at most those of
            ``blocks``; None: all. Fewer where a layout has pixels in some blocks only.
    """

    names: tuple[str, ...]
    layouts: tuple[Layout, ...]
    blocks: Blocks
    runs: int
    counted: int | None = None

    def values(self, metric: Metric, areas: Sequence[np.ndarray]) -> np.ndarray:
        """Score, or difference of scores, of (..., 3, C) areas of each layout."""
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


def view_of(arms: Sequence[Arm], settings: Settings) -> View:
    """Lay out one arm, or two, on the frames and blocks of the first.

    Raises:
        ValueError: The arms share no fold and seed, or were tested on different frames,
            classes or labels.
    """
    runs = common_runs(arms)
    layouts = tuple(lay_out(arm, runs, arms[0]) for arm in arms)
    blocks = cut_blocks(layouts[0].recordings, layouts[0].timestamps, settings.block)
    return View(tuple(arm.name for arm in arms), layouts, blocks, len(runs))


@dataclass(frozen=True)
class Estimate:
    """Estimate of a score or difference, with its interval where there is one.

    Args:
        value: The estimate, in points.
        interval: Its interval; None with fewer than ``FEWEST`` blocks.
        share_of_runs: Share of its squared standard error in [0, 1] that comes from
            runs alone.
        correlated: Whether neighbouring blocks are so correlated that the interval may
            be too narrow.
    """

    value: float
    interval: Interval | None = None
    share_of_runs: float = 0.0
    correlated: bool = False


def estimate_over_frames(view: View, metric: Metric, settings: Settings) -> Estimate:
    """Score, or difference of scores, by a block bootstrap over frames, and over runs.

    Args:
        view: One layout, or two.
        metric: The score.
        settings: Resamples and seed of the bootstrap.
    """
    by_run = view.values(metric, [layout.areas.sum(1) for layout in view.layouts])
    value = float(by_run.mean())
    blocks = len(view.blocks)
    counted = blocks if view.counted is None else view.counted
    if counted < FEWEST or math.isnan(value):
        return Estimate(value)
    spread = block_bootstrap(
        view.statistic(metric), blocks, settings.resamples, settings.seed
    )
    spread = replace(spread, blocks=counted)
    correlated = spread.correlation >= MOST_CORRELATION
    if len(by_run) == 1:
        return Estimate(value, over_frames(spread), 0.0, correlated)
    interval, share = over_frames_and_runs(spread, by_run, view.layouts[0].overlap)
    return Estimate(value, interval, share, correlated)

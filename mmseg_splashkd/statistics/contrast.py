"""Scores of one arm on two sets of recordings, and the difference between them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.statistics.arms import Arm, Layout, common_runs, lay_out
from mmseg_splashkd.statistics.blocks import BlockLength, Blocks, cut_blocks
from mmseg_splashkd.statistics.compare import compare
from mmseg_splashkd.statistics.intervals import Interval
from mmseg_splashkd.statistics.metrics import Metric
from mmseg_splashkd.statistics.results import ArmScores
from mmseg_splashkd.statistics.settings import Settings
from mmseg_splashkd.statistics.views import View, estimate_over_frames


@dataclass(frozen=True)
class Contrast:
    """Scores of an arm on two sets of recordings.

    Args:
        first: Scores on the first set; None where it has no frame.
        second: Scores on the second set; None where it has no frame.
        differences: Metric -> score on the first set minus score on the second, in
            points, with its interval; NaN where only one of them is defined.
    """

    first: ArmScores | None
    second: ArmScores | None
    differences: dict[str, tuple[float, Interval | None]]


def contrast(
    arm: Arm,
    first: Collection[str],
    second: Collection[str],
    settings: Settings | None = None,
) -> Contrast:
    """Compare the scores of an arm on two sets of recordings.

    Each score is that of ``compare`` on the frames of its set. The interval of their
    difference is by the same block bootstrap over the frames of both sets, in which
    each score counts its own frames alone: recordings that overlap in time share their
    blocks, and several runs are resampled together. By default blocks are as long as
    those of the smaller set alone; the degrees of freedom are those of the set with
    fewer blocks, and there is no interval where a score has none.

    Args:
        arm: The arm, whose runs were tested on the same frames.
        first: Names of recordings.
        second: Names of other recordings.
        settings: Settings of the comparison.

    Raises:
        ValueError: A recording is in both sets, or the runs of the arm were tested on
            different frames.
    """
    settings = settings or Settings()
    if both := sorted(set(first) & set(second)):
        raise ValueError(
            f"recording {both[0]!r} is in both sets: give each recording to one of them"
        )
    layout = lay_out(arm, common_runs([arm]))
    layout = _of_frames(layout, _is_in(layout, {*first, *second}))
    sides = [_is_in(layout, names) for names in (first, second)]
    view = _both(arm.name, layout, sides, settings) if all(map(np.any, sides)) else None
    return Contrast(
        first=_scores(arm, first, settings),
        second=_scores(arm, second, settings),
        differences={
            metric.name: (np.nan, None)
            if view is None
            else _difference(view, metric, settings)
            for metric in settings.metrics_of(arm.first)
        },
    )


def _both(
    name: str, layout: Layout, sides: Sequence[np.ndarray], settings: Settings
) -> View:
    """Both sets on the blocks of all frames, each with its own pixels alone."""
    alone = [_cut(_of_frames(layout, side), settings.block) for side in sides]
    blocks = _cut(layout, settings.block or _shorter(alone))
    within = [len(np.unique(blocks.index[side])) for side in sides]
    return View(
        names=(name, name),
        # The difference is that of the last layout from the first one.
        layouts=tuple(_counting(layout, side) for side in sides[::-1]),
        blocks=blocks,
        runs=len(layout.areas),
        counted=min(*within, *map(len, alone)),
    )


def _difference(
    view: View, metric: Metric, settings: Settings
) -> tuple[float, Interval | None]:
    if not _is_comparable(view, metric):
        return np.nan, None
    found = estimate_over_frames(view, metric, settings)
    return found.value, found.interval


def _cut(layout: Layout, length: BlockLength | None) -> Blocks:
    return cut_blocks(layout.recordings, layout.timestamps, length)


def _shorter(alone: Sequence[Blocks]) -> BlockLength | None:
    """Length for both sets: longer blocks would leave the smaller one with too few."""
    lengths = [each.length for each in alone if each.length and each.unit == "time"]
    if len(lengths) < len(alone):
        return None
    return min(lengths, key=lambda length: length.frames)


def _is_in(layout: Layout, recordings: Collection[str]) -> np.ndarray:
    return np.isin(np.array(layout.recordings), sorted(recordings))


def _of_frames(layout: Layout, chosen: np.ndarray) -> Layout:
    return replace(
        layout,
        areas=layout.areas[:, chosen],
        recordings=tuple(np.array(layout.recordings)[chosen].tolist()),
        timestamps=layout.timestamps[chosen],
        fold=layout.fold[chosen],
    )


def _counting(layout: Layout, chosen: np.ndarray) -> Layout:
    """The layout with the pixels of some frames alone."""
    return replace(layout, areas=layout.areas * chosen[:, None, None])


def _is_comparable(view: View, metric: Metric) -> bool:
    """Whether both sets have pixels of the class, or a mean is over the same classes.

    A class of which a set has no pixel is undefined there, or 0 by one false alarm.
    """
    labelled = [layout.areas[0, :, 2].sum(0) > 0 for layout in view.layouts]
    if metric.class_id is None:
        return bool((labelled[0] == labelled[1]).all())
    return all(bool(each[metric.class_id]) for each in labelled)


def _scores(
    arm: Arm, recordings: Collection[str], settings: Settings
) -> ArmScores | None:
    runs = {run: _of_recordings(each, recordings) for run, each in arm.runs.items()}
    if not all(len(each) for each in runs.values()):
        return None
    return compare([Arm(arm.name, runs)], settings).arms[0]


def _of_recordings(scores: FrameScores, recordings: Collection[str]) -> FrameScores:
    chosen = np.isin(np.array(scores.recordings), sorted(recordings))
    histogram = scores.histogram
    return replace(
        scores,
        confusion=scores.confusion[chosen],
        histogram=None if histogram is None else histogram[chosen],
        frames=tuple(np.array(scores.frames)[chosen].tolist()),
        recordings=tuple(np.array(scores.recordings)[chosen].tolist()),
        timestamps=scores.timestamps[chosen],
    )

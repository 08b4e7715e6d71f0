"""Shares of the focus class over time, against counts made by hand."""

import numpy as np

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.experiments.over_time import recordings_of, share_over_time
from mmseg_splashkd.statistics import FoldSeed, arm_of

SECOND = 10**9


def scores(missed, seconds, recordings, counted=100, splash=20):
    """Frames of 100 pixels, 20 of them splash, of which some are missed."""
    confusion = [[[counted - splash, 0], [each, splash - each]] for each in missed]
    return FrameScores(
        confusion=np.array(confusion),
        histogram=None,
        frames=tuple(f"{second}.png" for second in seconds),
        recordings=tuple(recordings),
        timestamps=np.array(seconds) * SECOND,
        classes=("background", "splash"),
        focus="splash",
    )


def runs(*scores_of, title="arm"):
    """An arm with one seed per scores."""
    seeds = [(FoldSeed(None, seed), each) for seed, each in enumerate(scores_of)]
    return ArmRuns(arm_of(title, seeds), {}, title)


def test_shares_are_means_over_runs_in_the_order_of_time():
    first = scores([5, 0, 10], [30, 10, 20], ["b", "b", "a"])
    second = scores([15, 0, 20], [30, 10, 20], ["b", "b", "a"])
    b, a = recordings_of([runs(first, second), runs(first)])
    assert (b.name, a.name) == ("b", "a")
    assert b.times.tolist() == [10 * SECOND, 30 * SECOND]
    assert b.truth.tolist() == [20, 20]
    assert b.predicted[0].tolist() == [20, 10]
    assert b.predicted[1].tolist() == [20, 15]
    assert a.predicted[0].tolist() == [5]


def test_frames_that_an_arm_lacks_are_gaps():
    whole = scores([0, 0], [1, 2], ["a", "a"])
    part = scores([0], [2], ["a"])
    (only,) = recordings_of([runs(whole), runs(part)])
    assert np.isnan(only.predicted[1]).tolist() == [True, False]


def test_a_pause_breaks_the_lines():
    seconds = [0, 1, 2, 3, 100, 101]
    (with_pause,) = recordings_of([runs(scores([0] * 6, seconds, ["a"] * 6))])
    (without,) = recordings_of([runs(scores([0] * 6, range(6), ["a"] * 6))])
    dotted = "stroke-dasharray: 1,2"
    assert share_over_time(with_pause).count(dotted) == 1
    assert dotted not in share_over_time(without)
    assert "00:01:41" in share_over_time(with_pause)

"""Scores of one arm on two sets of recordings."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.statistics import BlockLength, FoldSeed, Settings, arm_of, compare
from mmseg_splashkd.statistics.contrast import contrast
from mmseg_splashkd.statistics.simulation import World, scores_of, simulate
from tests.statistics.builders import SECOND, tiny

FAST = Settings(resamples=200)
DICE = "Dice.splash"


def joined(*sides: FrameScores) -> FrameScores:
    """Scores of several recordings, named a, b, ..., one after the other in time."""
    begins = np.cumsum([0, *(len(side) + 1000 for side in sides)])
    return replace(
        sides[0],
        confusion=np.concatenate([side.confusion for side in sides]),
        frames=tuple(f"{n}/{f}" for n, side in enumerate(sides) for f in side.frames),
        recordings=tuple(
            "abcd"[n] for n, side in enumerate(sides) for _ in side.frames
        ),
        timestamps=np.concatenate(
            [
                np.arange(len(s)) * SECOND + b * SECOND
                for s, b in zip(sides, begins[:-1], strict=True)
            ]
        ),
    )


def run(frames: int, better: float, seed: int) -> FrameScores:
    skill = np.full((1, 1, 2), better)
    rng = np.random.default_rng(seed)
    return scores_of(simulate(World(), rng, frames, skill)[0, 0, 0])


def arm(*runs: FrameScores):
    return arm_of("A", [(FoldSeed(None, n), each) for n, each in enumerate(runs)])


def test_each_side_is_what_compare_says_of_its_frames():
    sides = run(120, 0.5, 0), run(200, -0.5, 1)
    found = contrast(arm(joined(*sides)), ["a"], ["b"], FAST)
    for scores, side in zip((found.first, found.second), sides, strict=True):
        (alone,) = compare([arm(side)], FAST).arms
        assert scores is not None
        assert (scores.scores, scores.frames) == (alone.scores, alone.frames)
        assert scores.intervals == alone.intervals
    for metric, (value, interval) in found.differences.items():
        assert found.first is not None
        assert found.second is not None
        assert value == pytest.approx(
            found.first.scores[metric] - found.second.scores[metric]
        )
        assert interval is not None
        assert interval.low < interval.value < interval.high
        assert interval.value == pytest.approx(value)


def test_the_difference_is_first_minus_second():
    scores = joined(tiny([[8, 0], [0, 8]], 40), tiny([[8, 0], [6, 2]], 40))
    found = contrast(arm(scores), ["a"], ["b"], FAST)
    # Dice 100 and 2 * 2 / (2 + 8); IoU of water 100 and 8 / 14, of splash 100 and 1/4.
    assert found.differences[DICE][0] == pytest.approx(60)
    assert found.differences["mIoU"][0] == pytest.approx(100 - 50 * (8 / 14 + 1 / 4))
    interval = found.differences[DICE][1]
    assert interval is not None
    assert interval.error == pytest.approx(0, abs=1e-9)
    back = contrast(arm(scores), ["b"], ["a"], FAST)
    assert back.differences[DICE][0] == pytest.approx(-60)


def test_the_error_is_that_of_two_independent_scores():
    """An independent oracle: Welch's standard error from the error of each side."""
    found = contrast(arm(joined(run(400, 0, 2), run(400, 0, 3))), ["a"], ["b"])
    assert found.first is not None
    assert found.second is not None
    sides = [side.intervals[DICE] for side in (found.first, found.second)]
    _, interval = found.differences[DICE]
    assert interval is not None
    welch = sum(side.error**2 for side in sides if side is not None) ** 0.5
    assert interval.error == pytest.approx(welch, rel=0.2)


def test_simultaneous_recordings_share_blocks():
    """Two cameras that err at the same times: their difference varies less."""
    one = run(300, 0, 4)
    apart = joined(one, one)
    times = np.tile(np.arange(300) * SECOND, 2)
    together = replace(apart, timestamps=times)
    errors = [
        contrast(arm(each), ["a"], ["b"], FAST).differences[DICE][1]
        for each in (apart, together)
    ]
    assert errors[0] is not None
    assert errors[1] is not None
    assert errors[1].error < 0.1 * errors[0].error


def test_degrees_of_freedom_are_those_of_the_smaller_set():
    found = contrast(arm(joined(run(300, 0, 5), run(60, 0, 6))), ["a"], ["b"], FAST)
    _, interval = found.differences[DICE]
    assert found.second is not None
    assert found.second.blocks == 6
    assert interval is not None
    assert interval.df == 5


def test_no_interval_where_a_side_has_none():
    scores = joined(run(300, 0, 7), run(30, 0, 8))
    found = contrast(arm(scores), ["a"], ["b"], FAST)
    value, interval = found.differences[DICE]
    assert found.second is not None
    assert found.second.intervals[DICE] is None
    assert interval is None
    assert not np.isnan(value)
    shorter = Settings(resamples=200, block=BlockLength(frames=5))
    assert contrast(arm(scores), ["a"], ["b"], shorter).differences[DICE][1]


def test_runs_add_their_variance():
    a, b = run(200, 0, 9), run(200, 0, 10)
    same = arm(joined(a, b), joined(a, b))
    other = arm(joined(a, b), joined(run(200, 1.5, 9), b))
    _, equal = contrast(same, ["a"], ["b"], FAST).differences[DICE]
    _, wide = contrast(other, ["a"], ["b"], FAST).differences[DICE]
    assert equal is not None
    assert wide is not None
    assert wide.error > 2 * equal.error


def test_other_recordings_count_nowhere():
    a, b = run(100, 0, 11), run(100, 0, 12)
    two, three = joined(a, b), joined(a, b, run(500, -2, 13))
    found = [contrast(arm(each), ["a"], ["b"], FAST) for each in (two, three)]
    assert found[0] == found[1]


def test_a_set_without_frames_has_no_scores():
    found = contrast(arm(joined(run(60, 0, 14))), [], ["a"], FAST)
    assert found.first is None
    assert found.second is not None
    assert found.second.frames == 60
    assert all(np.isnan(v) and i is None for v, i in found.differences.values())


@pytest.mark.parametrize("alarms", [0, 3])
def test_a_class_without_pixels_on_one_side_does_not_compare(alarms):
    scores = joined(
        tiny([[8, 0], [1, 7]], 40), tiny([[16 - alarms, alarms], [0, 0]], 40)
    )
    found = contrast(arm(scores), ["a"], ["b"], FAST)
    assert all(np.isnan(value) for value, _ in found.differences.values())
    settings = replace(FAST, metrics=("IoU.water",))
    value, _ = contrast(arm(scores), ["a"], ["b"], settings).differences["IoU.water"]
    assert value == pytest.approx(100 * (8 / 9 - (16 - alarms) / 16))


def test_a_recording_in_both_sets_is_refused():
    with pytest.raises(ValueError, match="recording 'b' is in both sets: give each"):
        contrast(arm(joined(run(9, 0, 15), run(9, 0, 16))), ["a", "b"], ["b"], FAST)


def test_photos_are_resampled_by_recording():
    """Five folders of photos a side make five blocks a side."""
    scores = run(100, 0, 17)
    names = tuple(f"{'ab'[n // 50]}{n % 5}" for n in range(100))
    photos = replace(scores, recordings=names, timestamps=np.full(100, -1))
    first, second = ([f"{side}{n}" for n in range(5)] for side in "ab")
    _, interval = contrast(arm(photos), first, second, FAST).differences[DICE]
    assert interval is not None
    assert interval.df == 4

"""Intervals of scores of events: sums by hand, ratios by linearisation, coverage."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.evaluation.events import (
    EventSettings,
    event_metrics,
    events_of_scores,
    score_events,
)
from mmseg_splashkd.statistics.blocks import BlockLength
from mmseg_splashkd.statistics.event_arms import (
    SUMS,
    are_of_same_frames,
    blocked_events,
    estimate_events,
    figures_of,
)
from mmseg_splashkd.statistics.intervals import critical_t
from tests.evaluation.helpers import frame_scores

SETTINGS = EventSettings(on=0.05, off=0.05, min_seconds=0, gap_seconds=0)
# True negatives, false positives, false negatives, true positives of 100 pixels.
CALM, HIT, LOST, FALSE = (100, 0, 0, 0), (80, 0, 5, 15), (80, 0, 20, 0), (90, 10, 0, 0)


def sums_of(**parts: list[float]) -> np.ndarray:
    count = len(next(iter(parts.values())))
    columns = [parts.get(name, [0.0] * count) for name in SUMS]
    return np.array(columns, float).T


def test_each_event_counts_in_the_block_in_which_it_begins():
    # Blocks of four frames; the second event begins in the last frame of a block.
    counts = [CALM, FALSE, CALM, HIT, HIT, CALM, LOST, LOST, CALM, CALM, FALSE, FALSE]
    scores = frame_scores(counts)
    found = blocked_events(scores, SETTINGS, block=BlockLength(frames=4))
    columns = {name: found.sums[:, place].tolist() for place, name in enumerate(SUMS)}
    assert columns["pairs"] == [1, 0, 0]
    assert columns["found"] == [2, 0, 1]
    assert columns["false"] == [1, 0, 1]
    assert columns["true"] == [1, 1, 0]
    assert columns["areas"] == [1, 0, 0]
    assert columns["area"] == [pytest.approx(-0.25), 0, 0]  # 15 of 20 pixels
    np.testing.assert_allclose(found.sums[:, SUMS.index("hours")], 4 / 3600)


def test_a_pair_is_in_one_block_however_late_it_is_found():
    late = [CALM] * 3 + [LOST, LOST, HIT, CALM, CALM]
    found = blocked_events(frame_scores(late), SETTINGS, block=BlockLength(frames=4))
    of = dict(zip(SUMS, found.sums.T.tolist(), strict=True))
    assert of["pairs"] == of["found"] == of["true"] == [1, 0]
    assert of["onset"] == [2, 0]
    assert of["end"] == [0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_sums_of_all_blocks_are_the_scores_of_the_whole(seed):
    rng = np.random.default_rng(seed)
    kinds = [CALM, HIT, LOST, FALSE]
    counts = [kinds[k] for k in rng.choice(4, 200, p=[0.55, 0.25, 0.1, 0.1])]
    recordings = [f"camera{k}" for k in rng.integers(0, 3, 200)]
    seconds = np.cumsum(rng.uniform(0.5, 1.5, 200)).tolist()
    scores = frame_scores(counts, seconds, recordings)
    test = events_of_scores(scores, SETTINGS)
    whole = event_metrics(score_events(*test, tolerance_s=1.0))
    blocked = blocked_events(scores, SETTINGS, 1.0)
    assert len(blocked.sums) == len(blocked.blocks) > 5
    total = figures_of(blocked.sums.sum(0))
    for name, value in total.items():
        assert value == pytest.approx(whole[f"Events.{name}"]), name


def test_the_interval_of_a_ratio_is_that_of_its_linearisation():
    """Variance of sum(a) / sum(b): that of the residuals a - r b (Cochran, 1977)."""
    rng = np.random.default_rng(0)
    true = rng.poisson(6, 200).astype(float) + 1
    pairs = rng.binomial(true.astype(int), 0.7).astype(float)
    sums = sums_of(pairs=pairs.tolist(), true=true.tolist(), found=true.tolist())
    found = estimate_events(sums)["recall"]
    ratio = pairs.sum() / true.sum()
    error = 100 * np.std(pairs - ratio * true, ddof=1) * np.sqrt(200) / true.sum()
    assert found.value == pytest.approx(100 * ratio)
    assert found.interval is not None
    assert found.interval.error == pytest.approx(error, rel=0.08)
    half = critical_t(199) * found.interval.error
    assert found.interval.high == pytest.approx(min(100, found.value + half))


def test_arms_are_compared_in_pairs():
    """Two arms that differ in little have a narrow difference."""
    rng = np.random.default_rng(1)
    true = rng.poisson(5, 60) + 1
    hard = rng.uniform(0.2, 1.0, 60)
    pairs = rng.binomial(true, hard)
    less = np.maximum(pairs - (np.arange(60) % 10 == 0), 0)
    both = [
        sums_of(pairs=list(each), true=list(true), found=list(true))
        for each in (less, pairs)
    ]
    arm, base = (estimate_events(each)["recall"] for each in both)
    between = estimate_events(both[0], both[1])["recall"]
    assert between.value == pytest.approx(arm.value - base.value)
    assert between.interval is not None
    assert base.interval is not None
    assert between.interval.error < base.interval.error / 3
    assert between.interval.high < 0


def test_95_percent_of_the_intervals_hold():
    """160 tests of 25 blocks with 4 true events each; two binomial errors are 3.4 %."""
    rng = np.random.default_rng(2)
    held = {"recall": 0, "precision": 0}
    for _ in range(160):
        true = rng.poisson(4, 25)
        pairs = rng.binomial(true, 0.75)
        false = rng.poisson(1, 25)
        parts = {"pairs": pairs, "true": true, "found": pairs + false, "false": false}
        sums = sums_of(**{name: list(each) for name, each in parts.items()})
        figures = estimate_events(sums, resamples=200)
        for name, truth in (("recall", 75.0), ("precision", 75.0)):
            interval = figures[name].interval
            assert interval is not None
            held[name] += interval.low <= truth <= interval.high
    for count in held.values():
        assert 0.91 <= count / 160 <= 0.995


def test_blocks_without_events_are_no_degrees_of_freedom():
    """Of 40 blocks, 6 have events: t of 5 degrees, as without the others."""
    rng = np.random.default_rng(3)
    true = np.zeros(40)
    true[:6] = 4
    pairs = np.where(true > 0, rng.binomial(4, 0.6, 40), 0)
    sums = sums_of(pairs=list(pairs), true=list(true), found=list(true))
    found = estimate_events(sums)
    interval = found["recall"].interval
    assert interval is not None
    assert interval.df == 5
    few = true * (np.arange(40) < 4)
    sums = sums_of(pairs=list(few / 2), true=list(few), hours=[1.0] * 40)
    assert estimate_events(sums)["recall"] == (50.0, None)
    base = sums_of(pairs=list(pairs), true=list(true), hours=[1.0] * 40)
    assert estimate_events(base, sums)["recall"].interval is None


def test_there_is_no_interval_where_none_is_known():
    ones = [1.0] * 8
    same = sums_of(pairs=ones, true=ones, found=ones, hours=ones)
    figures = estimate_events(same)
    assert figures["recall"] == (100.0, None)
    assert figures["false_per_hour"] == (0.0, None)
    assert np.isnan(figures["area_mean"].value)
    few = sums_of(pairs=[1, 0, 1, 1], true=[1, 1, 2, 1], found=[1, 0, 1, 2])
    assert estimate_events(few)["recall"].interval is None  # four blocks
    # One block alone has a pair.
    alone = sums_of(pairs=[1, *[0] * 7], true=ones, found=ones, onset=[3, *[0] * 7])
    figures = estimate_events(alone)
    assert figures["onset_abs_mean"] == (3.0, None)
    assert figures["recall"].interval is not None
    assert figures["recall"].interval.low == 0.0


def test_arms_of_other_frames_are_noticed():
    first = frame_scores([CALM, HIT, CALM, CALM])
    unlabelled = frame_scores([CALM, HIT, CALM, (0, 0, 0, 0)])
    later = frame_scores([CALM, HIT, CALM, CALM], seconds=[0, 1, 2, 4])
    found = frame_scores([CALM, LOST, FALSE, CALM])  # other predictions
    relabelled = frame_scores([CALM, HIT, (95, 0, 5, 0), CALM])
    focus = replace(first, focus="water")
    cases = {True: [first, found], False: [unlabelled, later, relabelled, focus]}
    for same, other in [(key, each) for key in cases for each in cases[key]]:
        arms = [first, other]
        assert are_of_same_frames(
            arms, [blocked_events(a, SETTINGS) for a in arms]
        ) is (same)

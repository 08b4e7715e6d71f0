"""Comparison of arms, from counts to verdicts."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from mmseg_splashkd.statistics import (
    Arm,
    BlockLength,
    Comparison,
    FoldSeed,
    Settings,
    arm_of,
    compare,
)
from mmseg_splashkd.statistics import measured as measured_module
from mmseg_splashkd.statistics.metrics import areas_of, parse_metric
from mmseg_splashkd.statistics.simulation import (
    CLASSES,
    World,
    scores_of,
    simulate,
)
from tests.statistics.builders import ONLY, arms, pair, tiny

DICE = parse_metric("Dice.splash", CLASSES)
FAST = Settings(resamples=200)


def dice(counts: np.ndarray) -> float:
    return float(DICE.of(areas_of(counts).sum(0)))


def seeds(count: int, frames: int, better: float, spread: float, folds: int = 1):
    """Two arms of several seeds, and their (J, 2, N, 2, 2) counts."""
    rng = np.random.default_rng(3)
    skill = spread * rng.standard_normal((1, count, 2))
    skill[..., 1] += better
    counts = simulate(World(), rng, frames, skill)[0]
    return [_arm("AB"[i], counts[:, i], folds) for i in (0, 1)], counts


def _arm(name: str, counts: np.ndarray, folds: int) -> Arm:
    runs, size = [], counts.shape[1] // folds
    for seed, fold in product(range(len(counts)), range(folds)):
        part = counts[seed, fold * size : (fold + 1) * size]
        runs.append((FoldSeed(fold, seed), scores_of(part, fold * size)))
    return arm_of(name, runs)


def only(comparison: Comparison, metric: str = "Dice.splash"):
    (found,) = [f for f in comparison.differences if f.metric == metric]
    return found


def test_one_run_each():
    counts = pair(300, better=0.6)
    comparison = compare(arms(counts), FAST)
    found = only(comparison)
    assert found.method == "frames"
    assert (found.frames, found.blocks, found.pairs) == (300, 13, 1)
    assert found.value == pytest.approx(dice(counts[1]) - dice(counts[0]))
    assert found.interval is not None
    assert found.interval.df == 12
    assert found.interval.low > 0
    assert found.verdict == "better"
    assert found.p == pytest.approx(found.interval.p)
    assert comparison.arms[1].scores["Dice.splash"] == pytest.approx(dice(counts[1]))
    assert comparison.metrics == ("mIoU", "Dice.splash")
    back = only(compare(arms(counts[::-1]), FAST))
    assert back.verdict == "worse"
    assert back.value == pytest.approx(-found.value)


def test_pairing_reduces_the_error():
    # Two similar models: effects of frames on both cancel.
    rng, skill = np.random.default_rng(0), np.zeros((1, 1, 2))
    counts = simulate(World(own=0.05, noise=0.05), rng, 200, skill)[0, 0]
    comparison = compare(arms(counts), FAST)
    single, difference = comparison.arms[0].intervals["mIoU"], only(comparison, "mIoU")
    assert single is not None
    assert difference.interval is not None
    assert difference.interval.error < 0.3 * single.error


def test_equal_runs():
    counts = pair(100)[:1]
    found = only(compare(arms(np.concatenate([counts, counts])), FAST))
    assert found.verdict == "cannot tell"
    assert (found.value, found.p, found.more_frames) == (0, 1, None)
    assert found.more_frames_for_worth == 0
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (0, 0)


def test_too_few_blocks_give_no_verdict():
    comparison = compare(arms(pair(30, better=1.0)), FAST)
    found = only(comparison)
    assert found.blocks == 4
    assert (found.interval, found.p, found.verdict) == (None, None, "no verdict")
    assert comparison.arms[0].intervals["mIoU"] is None
    shorter = Settings(resamples=200, block=BlockLength(frames=3))
    assert only(compare(arms(pair(30, better=1.0)), shorter)).interval is not None


def test_an_absent_class():
    counts = pair(100)
    counts[..., 0, 0] += counts.sum((-1, -2)) - counts[..., 0, 0]
    counts[..., 0, 1] = counts[..., 1, :].sum(-1) * 0
    counts[..., 1, :] = 0
    comparison = compare(arms(counts), FAST)
    assert only(comparison).verdict == "no verdict"
    assert np.isnan(only(comparison).value)
    assert only(comparison, "mIoU").verdict == "cannot tell"  # of water alone
    assert any("splash occurs in 0 of 8 blocks" in note for note in comparison.notes)


def test_a_class_of_one_block_does_not_change_the_variance_of_the_mean():
    counts = pair(100, better=0.3)
    three = np.zeros((2, 100, 3, 3), np.int64)
    three[..., :2, :2] = counts
    three[:, 0, 2, 2] = 500  # a bird, found by both
    found = []
    for each, classes in ((counts, CLASSES), (three, (*CLASSES, "bird"))):
        both = [
            arm_of(
                name,
                [(ONLY, replace(scores_of(counts[0]), confusion=c, classes=classes))],
            )
            for name, c in zip("AB", each, strict=True)
        ]
        interval = only(compare(both, FAST), "mIoU").interval
        assert interval is not None
        found.append(interval)
    assert found[1].value == pytest.approx(2 / 3 * found[0].value)
    assert found[1].error == pytest.approx(2 / 3 * found[0].error)


def test_seeds_count_frames_and_runs():
    both, counts = seeds(4, 200, better=0.4, spread=0.2)
    found = only(compare(both, FAST))
    assert (found.method, found.pairs) == ("frames and runs", 4)
    by_pair = [dice(counts[s, 1]) - dice(counts[s, 0]) for s in range(4)]
    assert found.value == pytest.approx(np.mean(by_pair))
    assert found.interval is not None
    of_runs = np.var(by_pair, ddof=1) / 4
    assert found.interval.error**2 > of_runs
    assert 3 < found.interval.df < 13
    single = only(compare([_arm(n, counts[:1, i], 1) for i, n in enumerate("AB")]))
    assert single.method == "frames"


def test_folds_by_the_corrected_resampled_t_test():
    both, counts = seeds(2, 200, better=0.4, spread=0.1, folds=5)
    found = only(compare(both, FAST))
    assert (found.method, found.pairs, found.frames) == ("folds", 10, 200)
    cells = counts.reshape(2, 2, 5, 40, 2, 2)
    by_cell = np.array(
        [
            dice(cells[seed, 1, fold]) - dice(cells[seed, 0, fold])
            for seed, fold in product(range(2), range(5))
        ]
    )
    error = np.sqrt((1 / 10 + 1 / 4) * by_cell.var(ddof=1))
    assert found.value == pytest.approx(by_cell.mean())
    assert found.p == pytest.approx(2 * stats.t.sf(abs(by_cell.mean()) / error, 9))
    assert found.pooled is not None  # and the frames of all folds, by the bootstrap
    whole = [dice(counts[s, 1]) - dice(counts[s, 0]) for s in range(2)]
    assert found.pooled.value == pytest.approx(np.mean(whole))


def test_p_values_of_several_comparisons_are_adjusted():
    frames = 200
    skill = np.array([[[0.0, 0.27]]])
    counts = simulate(World(), np.random.default_rng(5), frames, skill)[0, 0]
    alone = only(compare(arms(counts), FAST))
    more = np.stack([counts[0], counts[1], counts[0], counts[0], counts[0]])
    among = compare(arms(more), FAST)
    found = [f for f in among.differences if f.metric == "Dice.splash"]
    assert [f.arm for f in found] == ["B", "C", "D", "E"]
    assert {f.comparisons for f in found} == {4}
    assert alone.p is not None
    assert 0.0125 < alone.p < 0.05  # significant alone, not among four
    assert found[0].p == pytest.approx(4 * alone.p)
    assert (alone.verdict, found[0].verdict) == ("better", "cannot tell")
    assert found[0].interval == alone.interval


def test_measured_rate_is_given_for_few_frames(monkeypatch: pytest.MonkeyPatch):
    rates = {"frames": {45: 9.0, 60: 8.0, 120: 7.0}}
    monkeypatch.setattr(measured_module, "RATES", rates)
    for frames, expected in ((100, (60, 8.0)), (40, (45, 9.0)), (199, (120, 7.0))):
        assert only(compare(arms(pair(frames)), FAST)).false_claims == expected
    assert only(compare(arms(pair(200)), FAST)).false_claims is None


def test_rates_exist_for_every_method():
    for rates in (
        measured_module.RATES[m] for m in ("frames", "frames and runs", "folds")
    ):
        assert 60 in rates
        assert all(0 < rate < 20 for rate in rates.values())


def test_comparison_is_reproducible():
    both = arms(pair(100))
    assert compare(both, FAST) == compare(both, FAST)


def test_one_arm_alone_gets_intervals():
    comparison = compare(arms(pair(100)[:1]), FAST)
    assert comparison.differences == ()
    assert comparison.arms[0].intervals["mIoU"] is not None
    with pytest.raises(ValueError, match="arms is empty"):
        compare([])


@pytest.mark.parametrize(
    ("about", "other", "what"),
    [
        ({"table_sha256": "1", "table": "a.csv"}, {"table_sha256": "2"}, "table"),
        ({"weights": "last"}, {"weights": "best"}, "weights"),
    ],
)
def test_different_runs_are_refused_unless_allowed(about: dict, other: dict, what: str):
    counts = pair(60)
    both = [*arms(counts[:1], **about), *arms(counts[1:], **other)]
    both[1] = replace(both[1], name="B")
    with pytest.raises(ValueError, match=rf"A and B differ in {what} .*--allow {what}"):
        compare(both, FAST)
    allowed = compare(both, replace(FAST, allowed=(what,)))
    assert f"The runs differ in {what}, which was allowed." in allowed.notes


def test_unknown_values_do_not_differ():
    counts = pair(60)
    both = [*arms(counts[:1], weights=None), *arms(counts[1:], weights="best")]
    compare([both[0], replace(both[1], name="B")], FAST)


def test_notes():
    counts = pair(60)
    best = compare(arms(counts, weights="best", part="val"), FAST)
    assert any("the scores are optimistic" in note for note in best.notes)
    assert compare(arms(counts, weights="best", part="test"), FAST).notes == ()
    one, other = arms(counts[:1], threshold=0.3), arms(counts[1:], threshold=0.5)
    mixed = compare([*one, replace(other[0], name="B")], FAST)
    assert mixed.notes == ("The runs differ in the decision threshold.",)
    both, _ = seeds(3, 60, 0.0, 0.1)
    fewer = Arm("B", dict(list(both[1].runs.items())[:2]))
    (note,) = compare([both[0], fewer], FAST).notes
    assert note.startswith("1 of 3 runs of A have no partner in B (same fold and seed)")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"worth": 0.0}, "worth=0.0"),
        ({"resamples": 99}, "resamples=99"),
        ({"allowed": ("frames",)}, "allowed="),
    ],
)
def test_settings_refused(values: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Settings(**values)


def test_unknown_metric_is_refused():
    both = [arm_of("A", [(ONLY, tiny([[5, 1], [2, 3]], 60))])] * 2
    with pytest.raises(ValueError, match=r"metric 'Dice.fish' is not one of"):
        compare(both, Settings(metrics=("Dice.fish",)))

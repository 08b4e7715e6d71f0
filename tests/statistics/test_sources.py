"""Which part and weights scores are of."""

from dataclasses import replace

import pytest

from mmseg_splashkd.statistics import Arm, FoldSeed, Settings, compare
from mmseg_splashkd.statistics.simulation import scores_of
from mmseg_splashkd.statistics.sources import source_of
from tests.statistics.builders import ONLY, arms, pair, tiny

FAST = Settings(resamples=100)


def test_source_in_words():
    first = {"part": "test", "split": "test", "weights": "best", "iteration": 2000}
    runs = [
        tiny([[1, 0], [0, 1]], **{**first, "threshold": 0.25}),
        tiny([[1, 0], [0, 1]], **{**first, "threshold": 0.5, "iteration": 9000}),
    ]
    assert source_of(runs[:1]) == (
        "test part, best weights, iteration 2,000, p >= 0.25"
    )
    assert source_of(runs) == (
        "test part, best weights, iterations 2,000 to 9,000, p >= 0.25 to 0.5"
    )
    assert source_of([tiny([[1, 0], [0, 1]])]) == ""
    fitted = tiny([[1, 0], [0, 1]], part="val", threshold=(0.3, 0.125, 0.3))
    assert source_of([fitted]) == "validation part, p >= 0.125 to 0.3"
    # A test of the validation part is of the validation part.
    tested = tiny([[1, 0], [0, 1]], part="test", split="val", tta=True)
    assert source_of([tested]) == "validation part, test-time augmentation"


def test_an_arm_of_two_parts_is_refused():
    counts = pair(60)
    runs = {
        FoldSeed(0, 0): scores_of(counts[0], part="val"),
        FoldSeed(1, 0): scores_of(counts[0], 60, part="test"),
    }
    message = (
        r"the runs of A were scored on different parts, val \(fold 0, seed 0\) and "
        r"test \(fold 1, seed 0\): choose one with --part val or --part test"
    )
    with pytest.raises(ValueError, match=message):
        compare([Arm("A", runs)], FAST)


def test_arms_of_two_parts_are_refused_or_told():
    counts = pair(60)
    val = Arm("A", {ONLY: scores_of(counts[0], part="val")})
    test = Arm("B", {ONLY: scores_of(counts[1], 60, part="test")})
    with pytest.raises(ValueError, match=r"on parts test and val \(--part chooses on"):
        compare([val, test], FAST)
    same = Arm("B", {ONLY: scores_of(counts[1], part="test")})
    assert compare([val, same], FAST).notes == (
        "The arms were scored on different parts (val, test), which hold the same "
        "frames.",
    )


def test_arms_say_what_they_are_of():
    both = arms(pair(60), part="val", weights="last", iteration=40)
    found = compare(both, FAST)
    expected = "validation part, last weights, iteration 40"
    assert [arm.source for arm in found.arms] == [expected] * 2
    bare = [replace(both[0], runs={ONLY: tiny([[1, 0], [0, 1]], 60)})]
    assert compare(bare, FAST).arms[0].source == ""

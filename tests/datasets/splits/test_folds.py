import builtins
import re
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import model_selection
from sklearn.model_selection import StratifiedKFold

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import select_frames, write_table
from mmseg_splashkd.datasets.splits.by_time import hold_out
from mmseg_splashkd.datasets.splits.embargo import Embargo
from mmseg_splashkd.datasets.splits.folds import (
    blocked_folds,
    grouped_folds,
    share_bins,
    stratified_folds,
)
from tests.datasets.splits.timelines import (
    QUICK,
    apart,
    embargoes,
    folds,
    frame,
    line,
    shuffled,
    timelines,
)

STRATEGIES = [stratified_folds, blocked_folds, grouped_folds]
strategies = pytest.mark.parametrize("strategy", STRATEGIES)
SHARES = [0, 0, 0, 0, 0.01, 0.02, 0.05, 0.3]


def splashes(count: int, recordings: str = "abcdef", seed: int = 0) -> list[Frame]:
    """Frames with random splash shares."""
    rng = np.random.default_rng(seed)
    return [
        frame(
            n, recordings[n % len(recordings)], splash_share=float(rng.choice(SHARES))
        )
        for n in range(count)
    ]


# Bins


def test_bins_are_no_splash_and_quartiles():
    shares = np.array([0, 0.04, 0.01, 0, 0.03, 0.02, 0.08, 0.06, 0.07, 0.05])
    assert share_bins(shares, 2).tolist() == [0, 2, 1, 0, 2, 1, 4, 3, 4, 3]


def test_equal_shares_are_in_one_bin():
    shares = np.array([0.5, 0, 0.5, 0.5, 0, 0.5])
    assert share_bins(shares, 2).tolist() == [1, 0, 1, 1, 0, 1]


def test_small_bins_are_merged_with_a_neighbour():
    shares = np.array([0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08])
    # 2 frames per quartile: with 3 folds, bin 0 merges with 1, and the last with 3
    assert share_bins(shares, 3).tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert len(set(share_bins(shares, 8))) == 1


@pytest.mark.parametrize(("shares", "count"), [([0] * 9, 0), ([0, 0, 0.1, 0.2], 2)])
def test_fewer_frames_with_splash_than_folds_are_refused(
    shares: list[float], count: int
):
    message = f"{count} of {len(shares)} frames have splash, fewer than the folds=3"
    with pytest.raises(ValueError, match=message):
        share_bins(np.array(shares), 3)


@QUICK
@given(st.lists(st.sampled_from(SHARES), min_size=5, max_size=60), st.integers(2, 5))
def test_any_bins(drawn, count):
    shares = np.array(drawn, float)
    assume((shares > 0).sum() >= count)
    bins = share_bins(shares, count)
    assert set(bins) == set(range(bins.max() + 1))
    assert np.bincount(bins).min() >= count
    order = np.argsort(shares, kind="stable")
    assert (np.diff(bins[order]) >= 0).all()
    if (shares == 0).sum() >= count:
        assert set(shares[bins == 0]) == {0}


# Stratified


def test_stratified_folds_are_those_of_scikit_learn():
    frames = splashes(90)
    bins = share_bins(np.array([f.splash_share for f in frames]), 5)
    splitter = StratifiedKFold(5, shuffle=True, random_state=3)
    expected = [held.tolist() for _, held in splitter.split(bins, bins)]
    split = stratified_folds(shuffled(frames), 5, seed=3)
    assert [
        [i for i, f in enumerate(split) if f.fold == k] for k in range(5)
    ] == expected
    assert folds(stratified_folds(frames, 5, seed=4)) != folds(split)


def test_split_of_the_original_experiments():
    split = stratified_folds(hold_out(splashes(360), 1 / 6), folds=5)
    assert Counter(folds(split)) == {None: 60, **dict.fromkeys(range(5), 60)}
    assert {f.split for f in split[:300]} == {"train"}
    assert {f.split for f in split[300:]} == {"test"}
    with_splash = [
        sum(f.fold == k and (f.splash_share or 0) > 0 for f in split) for k in range(5)
    ]
    assert max(with_splash) - min(with_splash) <= 4  # one per bin of splash share
    for fold in range(5):
        train, val, test = (
            select_frames(split, s, fold) for s in ("train", "val", "test")
        )
        assert [len(train), len(val), len(test)] == [240, 60, 60]
        assert {f.fold for f in val} == {fold}


def test_error_names_a_frame_with_unknown_share():
    frames = [*splashes(20), frame(99)]
    with pytest.raises(ValueError, match=f"splash share of {frames[-1].image} is unkn"):
        stratified_folds(frames)


@QUICK
@given(timelines(least=10), st.integers(2, 5), st.integers(0, 3))
def test_any_stratified_folds(frames, count, seed):
    split = hold_out(frames, 0.2)
    inside = [f for f in split if f.split == "train"]
    shares = np.array([f.splash_share for f in inside])
    assume((shares > 0).sum() >= count)
    folded = stratified_folds(split, count, seed)
    check_folds(folded, split, count)
    bins = share_bins(shares, count)
    fold_of = np.array([f.fold for f in folded if f.fold is not None])
    for number in (None, *set(bins)):
        chosen = fold_of if number is None else fold_of[bins == number]
        ideal = len(chosen) / count
        assert all(abs((chosen == k).sum() - ideal) < 1 for k in range(count))
    assert stratified_folds(shuffled(split, seed), count, seed) == folded


# Blocked


def test_blocks_are_consecutive_and_of_equal_size():
    split = blocked_folds(shuffled(line(11)), folds=3)
    assert folds(split) == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert not any(f.embargo for f in split)


def test_training_keeps_its_distance_from_both_ends_of_a_block():
    split = blocked_folds(line(9), 3, Embargo(frames=1))
    expected = [(), (), (1,), (0,), (), (2,), (1,), (), ()]
    assert [f.embargo for f in split] == expected
    kept = select_frames(split, "train", 1)
    assert kept == [split[0], split[1], split[7], split[8]]


def test_frame_can_be_too_near_to_several_blocks():
    split = blocked_folds(line(8), 4, Embargo(frames=2))
    expected = [(1,), (1,), (0, 2), (0, 2), (1, 3), (1, 3), (2,), (2,)]
    assert [f.embargo for f in split] == expected


def test_frames_outside_folds_have_no_embargo():
    split = blocked_folds(hold_out(line(10), 0.2, Embargo(frames=1)), 2, Embargo(1))
    assert [f.split for f in split[7:]] == ["embargo", "test", "test"]
    assert not any(f.embargo for f in split[7:])


def test_embargo_without_remaining_training_frames_is_refused():
    message = r"embargo 20 s leaves no training frame for fold 0, which has 3 of 6"
    with pytest.raises(ValueError, match=message):
        blocked_folds(line(6), 2, Embargo(seconds=20))


@QUICK
@given(timelines(least=12), st.integers(2, 4), embargoes, st.integers(0, 9))
def test_any_blocked_folds(frames, count, embargo, seed):
    split = hold_out(frames, 0.2, embargo)
    try:
        folded = blocked_folds(split, count, embargo)
    except ValueError as error:
        assume(
            "leaves no training" not in str(error)
            and "outside the test part" not in str(error)
        )
        raise
    check_folds(folded, split, count)
    order = [f.fold for f in folded if f.fold is not None]
    assert order == sorted(order)
    check_training(folded, count, embargo)
    assert blocked_folds(shuffled(split, seed), count, embargo) == folded


# Grouped


def test_recordings_stay_whole_and_sizes_are_balanced():
    sizes = {"a": 6, "b": 5, "c": 4, "d": 3, "e": 2}
    frames = [frame(n, name) for name, size in sizes.items() for n in range(size)]
    split = grouped_folds(shuffled(frames), 2)
    assert sorted(Counter(folds(split)).values()) == [9, 11]
    assert all(
        len({f.fold for f in split if f.recording == name}) == 1 for name in sizes
    )


def test_seed_orders_recordings_of_equal_size():
    assigned = {
        tuple(folds(grouped_folds(splashes(12), 3, seed))) for seed in range(20)
    }
    assert len(assigned) > 3


def test_embargo_between_grouped_folds_of_one_video():
    frames = [frame(n, "abc"[n // 4]) for n in range(12)]
    split = grouped_folds(frames, 3, embargo=Embargo(frames=1))
    fold_of = {f.recording: f.fold for f in split}
    assert split[3].embargo == (fold_of["b"],)
    assert split[4].embargo == (fold_of["a"],)


def test_fewer_recordings_than_folds_are_refused():
    with pytest.raises(ValueError, match="folds=4, but there are only 3 recordings"):
        grouped_folds(splashes(12, "abc"), 4)


def test_error_names_a_recording_partly_in_the_test_part():
    split = hold_out(splashes(12, "abc"), 0.25)
    with pytest.raises(ValueError, match="recording 'a' has frames in the test part"):
        grouped_folds(split, 2)


@QUICK
@given(timelines(least=8), st.integers(2, 3), st.integers(0, 3), embargoes)
def test_any_grouped_folds(frames, count, seed, embargo):
    assume(len({f.recording for f in frames}) >= count)
    try:
        folded = grouped_folds(frames, count, seed, embargo)
    except ValueError as error:
        assume("leaves no training" not in str(error))
        raise
    check_folds(folded, in_time_order(frames), count)
    for name in "abc":
        assert len({f.fold for f in folded if f.recording == name}) <= 1
    check_training(folded, count, embargo)
    assert grouped_folds(shuffled(frames, seed), count, seed, embargo) == folded


# All


def check_folds(folded: list[Frame], split: list[Frame], count: int) -> None:
    """Folds are disjoint and complete, and the test part is in none."""
    assert [f.image for f in folded] == [f.image for f in split]
    for before, after in zip(split, folded, strict=True):
        assert (after.fold is None) == (before.split in ("test", "embargo"))
        assert after.split == ("train" if after.fold is not None else before.split)
        assert after.fold is None or after.fold not in after.embargo
    assert {f.fold for f in folded} - {None} == set(range(count))


def check_training(folded: list[Frame], count: int, embargo: Embargo) -> None:
    """Training frames are exactly those outside the embargo, by brute force."""
    for fold in range(count):
        held = select_frames(folded, "val", fold)
        train = select_frames(folded, "train", fold)
        assert train
        for candidate in folded:
            if candidate.fold is not None and candidate.fold != fold:
                far = all(apart(candidate, f, folded, embargo, True) for f in held)
                assert (candidate in train) == far


@strategies
def test_earlier_folds_are_ignored(strategy: Callable):
    frames = splashes(40)
    once = strategy(frames)
    assert strategy(shuffled(once)) == once


@strategies
def test_tables_are_equal_to_the_byte(tmp_path, strategy: Callable):
    frames = splashes(60)
    tables = [
        write_table(tmp_path / name, strategy(hold_out(given_frames)))
        for name, given_frames in (("a.csv", frames), ("b.csv", shuffled(frames)))
    ]
    assert tables[0].read_bytes() == tables[1].read_bytes()


@strategies
@pytest.mark.parametrize("count", [1, 0, -2])
def test_fewer_than_two_folds_are_refused(strategy: Callable, count: int):
    with pytest.raises(ValueError, match=f"folds={count} must be at least 2"):
        strategy(splashes(20), count)


@strategies
def test_fewer_frames_than_folds_are_refused(strategy: Callable):
    frames = hold_out(splashes(6), 0.5)
    with pytest.raises(ValueError, match="folds=4, but only 3 of 6 frames are outs"):
        strategy(frames, 4)


# scikit-learn


class Degenerate:
    """Splitter that returns given folds."""

    assigned: tuple = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def split(self, *args: Any, **kwargs: Any) -> list[tuple[None, np.ndarray]]:
        return [(None, np.array(held, int)) for held in self.assigned]


SPLASH = np.arange(0, 12, 2)  # frames with splash in the test below
DEGENERATE = {
    "empty": ([range(12), []], r"the sizes of 2 folds are \[12, 0\]"),
    "too few": ([range(12)], r"the sizes of 2 folds are \[12, 0\]"),
    "too many": (np.arange(12).reshape(3, 4), r"the sizes of 2 folds are \[4, 4, 4\]"),
    "twice": ([range(7), range(5, 12)], "fold 1 holds frames of an earlier fold"),
    "missing": ([range(5), range(5, 10)], "2 of 12 frames are in no fold"),
}
UNEVEN = {
    "sizes": ([range(8), range(8, 12)], r"counts of frames in the folds are \[8, 4\]"),
    "bins": ([SPLASH, SPLASH + 1], r"of splash share in the folds are \[.*0.*\]"),
}


@pytest.mark.parametrize("case", [*DEGENERATE, *UNEVEN])
def test_invalid_stratified_folds_of_scikit_learn_are_refused(monkeypatch, case: str):
    assigned, message = (DEGENERATE | UNEVEN)[case]
    broken = type("Broken", (Degenerate,), {"assigned": assigned})
    monkeypatch.setattr(model_selection, "StratifiedKFold", broken)
    frames = [frame(n, splash_share=0.1 * (n % 2 == 0)) for n in range(12)]
    version = re.escape(f"scikit-learn {sklearn.__version__} returned invalid folds: ")
    with pytest.raises(RuntimeError, match=version + ".*" + message):
        stratified_folds(frames, 2)


DIVIDED = {
    "divided": ([range(5), range(5, 12)], r"recording '[ab]' is in folds \[0, 1\]")
}


@pytest.mark.parametrize("case", [*DEGENERATE, *DIVIDED])
def test_invalid_grouped_folds_of_scikit_learn_are_refused(monkeypatch, case: str):
    assigned, message = (DEGENERATE | DIVIDED)[case]
    broken = type("Broken", (Degenerate,), {"assigned": assigned})
    monkeypatch.setattr(model_selection, "GroupKFold", broken)
    frames = [frame(n, "ab"[n // 6]) for n in range(12)]
    with pytest.raises(RuntimeError, match="returned invalid folds: .*" + message):
        grouped_folds(frames, 2)


@pytest.mark.parametrize("strategy", [stratified_folds, grouped_folds])
def test_error_for_missing_scikit_learn_names_the_extra(
    monkeypatch, strategy: Callable
):
    load = builtins.__import__

    def refuse(name: str, *args: Any) -> Any:
        if name.startswith("sklearn"):
            raise ImportError(name)
        return load(name, *args)

    monkeypatch.delitem(sys.modules, "sklearn.model_selection", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[data\]'"):
        strategy(splashes(30))
    assert blocked_folds(splashes(30))

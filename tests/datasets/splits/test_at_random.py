from collections import Counter
from dataclasses import replace

import pytest

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.splits.at_random import random_folds, split_at_random
from mmseg_splashkd.datasets.splits.by_time import hold_out
from mmseg_splashkd.datasets.splits.embargo import Embargo
from mmseg_splashkd.datasets.splits.folds import grouped_folds
from mmseg_splashkd.datasets.splits.groups import groups_of
from mmseg_splashkd.datasets.splits.plan import SplitPlan
from mmseg_splashkd.datasets.timestamps import NO_TIME
from tests.datasets.splits.timelines import folds, parts, shuffled


def photos(count: int, session: int = 5, recording: str = "sea") -> list[Frame]:
    """Photos named s0_0, s0_1, ... with ``session`` of them a session."""
    stems = [f"s{n // session}_{n}" for n in range(count)]
    return [
        Frame(recording, NO_TIME, f"{s}.jpg", f"{s}.png", splash_share=0.1 * (n % 2))
        for n, s in enumerate(stems)
    ]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(10, (7, 2, 1)), (11, (8, 2, 1)), (292, (204, 59, 29)), (3, (1, 1, 1))],
)
def test_counts_follow_the_ratios(count: int, expected: tuple):
    counts = Counter(f.split for f in split_at_random(photos(count)))
    assert tuple(counts[part] for part in ("train", "val", "test")) == expected


def test_the_seed_decides_and_the_order_of_frames_does_not():
    frames = photos(30)
    first = split_at_random(frames, seed=1)
    assert split_at_random(shuffled(frames), seed=1) == first
    assert parts(split_at_random(frames, seed=2)) != parts(first)
    again = [replace(frame, split="test", fold=1) for frame in frames]
    assert split_at_random(again, seed=1) == first


def test_groups_stay_whole_and_every_part_has_one():
    split = SplitPlan("grouped", ratios=[7, 2, 1], group="^.*/(s[0-9]+)_").apply(
        photos(15)
    )
    by_group: dict[str, set[str]] = {}
    for frame in split:
        by_group.setdefault(frame.stem.split("_")[0], set()).add(frame.split)
    assert all(len(own) == 1 for own in by_group.values())
    assert Counter(f.split for f in split) == {"train": 5, "val": 5, "test": 5}


def test_grouped_folds_of_a_pattern_keep_groups_whole():
    split = grouped_folds(photos(30), 3, group="s[0-9]+")
    pairs = {(frame.stem.split("_")[0], frame.fold) for frame in split}
    assert len(pairs) == 6  # one fold for each of six groups
    assert Counter(folds(split)) == {0: 10, 1: 10, 2: 10}
    with pytest.raises(ValueError, match=r"only 1 recordings: .* or random ones"):
        grouped_folds(photos(30), 3)


def test_random_folds_have_equal_sizes_and_a_test_part_at_random():
    split = SplitPlan("random", folds=3, test_share=0.2).apply(photos(20))
    held = [n for n, frame in enumerate(split) if frame.split == "test"]
    assert len(held) == 4
    assert held != [16, 17, 18, 19]
    assert sorted(Counter(f.fold for f in split if f.fold is not None).values()) == [
        *(5, 5, 6)
    ]
    assert all((frame.fold is None) == (frame.split == "test") for frame in split)
    assert random_folds(photos(20), 4) != random_folds(photos(20), 4, seed=1)


def test_held_out_groups_are_whole():
    plan = SplitPlan("grouped", folds=2, test_share=0.2, group="s[0-9]+")
    split = plan.apply(photos(20))
    held = [frame.stem.split("_")[0] for frame in split if frame.split == "test"]
    assert len(held) == 5
    assert len(set(held)) == 1


def test_stratified_folds_without_time():
    split = SplitPlan("stratified", folds=2, test_share=0.2).apply(photos(20))
    assert Counter(f.split for f in split) == {"train": 16, "test": 4}


def test_group_of_a_name():
    frames = photos(6)
    assert groups_of(frames) == ["sea"] * 6
    assert groups_of(frames, "^sea/s([0-9])") == ["0"] * 5 + ["1"]
    assert groups_of(frames, "s[0-9]_") == ["s0_"] * 5 + ["s1_"]
    with pytest.raises(ValueError, match="group='x' matches nothing in 'sea/s0_0'"):
        groups_of(frames, "x")
    with pytest.raises(ValueError, match="no regular expression"):
        groups_of(frames, "(")


@pytest.mark.parametrize("strategy", ["time", "per-recording", "blocked"])
def test_strategies_along_time_refuse_frames_without(strategy: str):
    message = "the time of every frame, and 9 of 9 .* --strategy random, grouped"
    with pytest.raises(ValueError, match=message):
        SplitPlan(strategy).apply(photos(9))


@pytest.mark.parametrize("embargo", [Embargo(frames=1), Embargo(seconds=1)])
def test_an_embargo_refuses_frames_without_time(embargo: Embargo):
    plan = SplitPlan("grouped", ratios=[1, 1, 1], embargo=embargo, group="s[0-9]+")
    with pytest.raises(ValueError, match=f"embargo {embargo} needs the time of every"):
        plan.apply(photos(15))


def test_the_newest_frames_need_time():
    with pytest.raises(ValueError, match="a test part of the newest frames needs the"):
        hold_out(photos(9), 0.2)

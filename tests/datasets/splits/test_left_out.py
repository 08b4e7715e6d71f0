"""Recordings left out whole for the test part."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import select_frames
from mmseg_splashkd.datasets.splits.embargo import Embargo
from mmseg_splashkd.datasets.splits.left_out import (
    find_left_out,
    left_out_notes,
    split_without,
)
from mmseg_splashkd.datasets.splits.plan import SplitPlan
from mmseg_splashkd.datasets.timestamps import NO_TIME
from tests.datasets.splits.timelines import (
    QUICK,
    SECOND,
    embargoes,
    frame,
    line,
    parts,
    shuffled,
    timelines,
)

# Four cameras at the same times, and a fifth on the day after.
CAMERAS = [
    frame(5 * n + (86_400 if name == "e" else 0), name, splash_share=0.1 * (n % 2))
    for n in range(20)
    for name in "abcde"
]
STRATEGIES = [
    {"strategy": "time", "ratios": [6, 2, 2]},
    {"strategy": "time", "ratios": [3, 1, 0]},
    {"strategy": "per-recording"},
    {"strategy": "stratified", "folds": 3},
    {"strategy": "stratified", "folds": 3, "test_share": 0.2, "seed": 4},
    {"strategy": "blocked", "folds": 4},
    {"strategy": "blocked", "test_share": 0.1},
    {"strategy": "grouped", "folds": 2, "seed": 3},
    {"strategy": "grouped", "folds": 2, "test_share": 0.3},
    {"strategy": "grouped", "ratios": [2, 1, 1]},
    {"strategy": "random"},
    {"strategy": "random", "folds": 3, "test_share": 0.2},
]


def photos(*names: str) -> list[Frame]:
    return [Frame(".", NO_TIME, f"{name}.png", f"l/{name}.png") for name in names]


@pytest.mark.parametrize("options", STRATEGIES, ids=str)
@pytest.mark.parametrize("pattern", ["^b$", "[be]"])
def test_the_others_are_split_as_if_the_left_out_did_not_exist(options, pattern):
    left_out = [f for f in CAMERAS if f.recording in pattern]
    others = [f for f in CAMERAS if f.recording not in pattern]
    split = SplitPlan(leave_out=pattern, **options).apply(shuffled(CAMERAS))
    alone = SplitPlan(**options).apply(others)
    whole = [replace(f, split="test") for f in left_out]
    assert split == in_time_order([*alone, *whole])
    for fold in {f.fold for f in split}:
        for part in ("train", "val"):
            chosen = {f.recording for f in select_frames(split, part, fold)}
            assert not chosen & set(pattern)


def test_a_recording_is_left_out_by_a_search_in_its_name():
    frames = [frame(0, name) for name in ("cam1/a", "cam10/a", "cam2/cam1", "cam3")]
    assert find_left_out(frames, "cam1") == [True, True, True, False]
    assert find_left_out(frames, "^cam1/") == [True, False, False, False]
    # Time stamps are no part of a name: they would match digits by chance.
    assert find_left_out(frames, "[2-9]") == [False, False, True, True]


def test_embargo_in_seconds_counts_across_recordings():
    # Every 5 s: a from 0 to 45 s, left out are 20 and 25 s of b.
    frames = [*line(10, "a"), frame(20, "b"), frame(25, "b")]
    plan = SplitPlan(ratios=[3, 1, 0], embargo=Embargo(seconds=5), leave_out="b")
    split = plan.apply(frames)
    assert parts(f for f in split if f.recording == "b") == "TT"
    # 15 to 30 s are near b; of the other six (0, 5, 10, 35, 40, 45 s), four and two.
    assert parts(f for f in split if f.recording == "a") == "ttteeeeevv"


def test_embargo_in_frames_counts_within_a_recording_only():
    frames = [*line(10, "a"), *line(10, "b", every=4.9)]
    plan = SplitPlan(ratios=[1, 1, 0], embargo=Embargo(frames=2), leave_out="b")
    split = plan.apply(frames)
    assert parts(f for f in split if f.recording == "a") == "ttteevvvvv"


@QUICK
@given(timelines(least=4), embargoes, st.sampled_from("abc"))
def test_no_frame_is_trained_near_a_left_out_one(frames, embargo, name):
    plan = SplitPlan(ratios=[1, 0, 0], embargo=embargo, leave_out=name)
    try:
        split = plan.apply(frames)
    except ValueError as error:
        assert re.search("matches (none|all)|needs two|leaves n", str(error))  # noqa: PT017
        return
    out = [f for f in split if f.recording == name]
    assert {f.split for f in out} == {"test"}
    for kept in (f for f in split if f.recording != name):
        seconds = min(abs(kept.timestamp - f.timestamp) for f in out) / SECOND
        near = bool(embargo.seconds) and seconds <= embargo.seconds
        assert kept.split == ("embargo" if near else "train")


def test_frames_without_a_label_are_in_the_test_part_too():
    frames = [replace(f, label="") if f.recording == "b" else f for f in CAMERAS]
    split = SplitPlan(leave_out="b", unlabelled=True).apply(frames)
    assert {f.split for f in split if not f.label} == {"test"}
    first, second, third = left_out_notes(split, "b")
    assert first == "Left out, for the test part alone: b (20 frames)."
    assert second.startswith("20 of these frames have no label: they are in no train")
    assert third == "The test part also has 8 frames of other recordings."
    with pytest.raises(ValueError, match="20 of 100 frames have no label"):
        SplitPlan(leave_out="b").apply(frames)


def test_notes_say_where_there_is_nothing_to_compare_with():
    split = SplitPlan(leave_out="[bd]", ratios=[3, 1, 0]).apply(CAMERAS)
    first, second = left_out_notes(split, "[bd]")
    assert first.endswith("alone: b (20 frames), d (20 frames).")
    assert second.startswith("The test part has no frame of other recordings")


def test_groups_are_left_out_by_their_names():
    frames = photos("day1_a", "day1_b", "day2_a", "day2_b", "day3_a", "day13_b")
    group = "(day[0-9]+)_"
    plan = SplitPlan("grouped", ratios=[1, 1, 0], group=group, leave_out="day1$")
    split = plan.apply(frames)
    assert {f.stem for f in split if f.split == "test"} == {"day1_a", "day1_b"}
    message = "leave_out='^day$' matches none of the 4 groups ('day1', 'day13', 'day2'"
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(plan, leave_out="^day$").apply(frames)


def test_an_earlier_test_part_of_folds_remains():
    given = [replace(f, split="test") if f.recording == "a" else f for f in CAMERAS]
    plan = SplitPlan(
        "blocked", folds=2, leave_out="b", embargo=Embargo(seconds=5), unlabelled=True
    )
    split = plan.apply(given)
    by_name = {name: {f.split for f in split if f.recording == name} for name in "abce"}
    # c is at the times of b, a is evaluated as b is, e is a day apart.
    assert by_name == {"a": {"test"}, "b": {"test"}, "c": {"embargo"}, "e": {"train"}}
    cut = SplitPlan("time", ratios=[1, 0, 0], leave_out="b").apply(given)
    assert {f.split for f in cut if f.recording == "a"} == {"train"}
    near = replace(plan, strategy="time", folds=None, ratios=[1, 0, 0]).apply(given)
    assert {f.split for f in near if f.recording == "a"} == {"embargo"}


def test_stratified_folds_take_an_embargo_that_reaches_the_left_out():
    plan = SplitPlan("stratified", folds=2, leave_out="b", embargo=Embargo(seconds=1))
    split = plan.apply(CAMERAS)
    assert {f.recording for f in split if f.fold is not None} == {"e"}
    with pytest.raises(ValueError, match="stratified folds hold neighbouring frames"):
        replace(plan, embargo=Embargo(frames=1)).apply(CAMERAS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"leave_out": "("}, "leave_out='(' is no regular expression: missing ), unt"),
        (
            {"leave_out": "f"},
            "leave_out='f' matches none of the 5 recordings ('a', 'b', 'c', 'd', 'e'): "
            "give a regular expression",
        ),
        (
            {"leave_out": "[a-e]"},
            "leave_out='[a-e]' matches all of the 5 recordings ('a', 'b', 'c', 'd', "
            "'e'), and leaves no frame to train on",
        ),
        ({"leave_out": ""}, "leave_out='' matches all of the 5 recordings"),
        (
            {"leave_out": "a", "strategy": "list", "lists": {"train": []}},
            "leave_out='a' has no effect on strategy 'list', whose lists name the test "
            "part: name those frames",
        ),
        (
            {"leave_out": "[be]", "embargo": Embargo(seconds=2)},
            "embargo 2 s leaves none of 60 frames that leave_out='[be]' does not "
            "match: seconds count across recordings. If they show other water, give "
            "the embargo in frames",
        ),
        (
            {"leave_out": "b", "ratios": [0, 1, 1]},
            "leave_out='b', with the ratios and the embargo given, leaves no training "
            "frame of 80 others: give train a ratio above 0",
        ),
    ],
)
def test_unusable_patterns_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SplitPlan(**options).apply(CAMERAS)


@pytest.mark.parametrize("pattern", ["pond", "sea"])
def test_one_recording_alone_is_no_farm_to_leave_out(pattern):
    message = f"leave_out='{pattern}' needs two recordings or more, and all frames are "
    with pytest.raises(ValueError, match=f"{message}of 'pond': put the frames of each"):
        SplitPlan(leave_out=pattern).check_names(line(3))
    plan = SplitPlan("grouped", leave_out=pattern, group="pond")
    with pytest.raises(ValueError, match=r"two groups or more, .* give a group that"):
        plan.check_names(line(3))


def test_names_are_listed_up_to_a_limit():
    frames = [frame(n, f"{n:02}") for n in range(12)]
    message = "('00', '01', '02', '03', '04', 7 more)"
    with pytest.raises(ValueError, match=re.escape(message)):
        find_left_out(frames, "x")


def test_the_others_keep_what_their_strategy_returns():
    def third(rest):
        return [replace(f, split="train", fold=2, embargo=(1,)) for f in rest]

    split = split_without(line(2, "a") + line(2, "b"), "b", third)
    assert [(f.recording, f.split, f.fold, f.embargo) for f in split] == [
        ("a", "train", 2, (1,)),
        ("b", "test", None, ()),
        ("a", "train", 2, (1,)),
        ("b", "test", None, ()),
    ]

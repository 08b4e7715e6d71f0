import re
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import write_table
from mmseg_splashkd.datasets.splits.by_time import (
    check_not_empty,
    hold_out,
    split_by_list,
    split_by_time,
    split_per_recording,
)
from mmseg_splashkd.datasets.splits.embargo import Embargo
from tests.datasets.splits.timelines import (
    QUICK,
    check_embargo,
    embargoes,
    frame,
    line,
    parts,
    shuffled,
    timelines,
)

CUTS = [split_by_time, split_per_recording]
ratios_of = st.sampled_from([(0.7, 0.2, 0.1), (0.4, 0.3, 0.3), (0.5, 0, 0.5)])
cuts = pytest.mark.parametrize("cut", CUTS)


def counts(split: list[Frame]) -> list[int]:
    return [sum(f.split == part for f in split) for part in ("train", "val", "test")]


def used_before(frames: list[Frame]) -> list[Frame]:
    """The frames with the result of another split."""
    changes = {"fold": 3, "embargo": (1, 2), "splash_share": 0.25}
    return [
        frame(n * 5, f.recording, split="val", **changes) for n, f in enumerate(frames)
    ]


# Cuts


@pytest.mark.parametrize(
    ("count", "ratios", "expected"),
    [
        (10, (0.7, 0.2, 0.1), [7, 2, 1]),
        (300, (0.7, 0.2, 0.1), [210, 60, 30]),
        (7, (0.7, 0.2, 0.1), [5, 1, 1]),
        (1, (0.7, 0.2, 0.1), [1, 0, 0]),
        (0, (0.7, 0.2, 0.1), [0, 0, 0]),
        (10, [0.8, 0.1, 0.1], [8, 1, 1]),
        (9, (1 / 3, 1 / 3, 1 / 3), [3, 3, 3]),
        (4, (0.5, 0.5, 0), [2, 2, 0]),
        (3, (1, 0, 0), [3, 0, 0]),
        (3, (0, 0, 1), [0, 0, 3]),
    ],
)
@cuts
def test_counts(cut, count: int, ratios: tuple[float, float, float], expected: list):
    assert counts(cut(line(count), ratios)) == expected


def test_default_ratios_cut_at_the_frame_nearest_to_their_share():
    for count in range(0, 400, 3):
        train, _, test = counts(split_by_time(line(count)))
        assert abs(train - count * Fraction("0.7")) <= Fraction("0.5")
        assert abs(count - test - count * Fraction("0.9")) <= Fraction("0.5")


@cuts
def test_earlier_split_is_ignored_and_the_share_is_kept(cut):
    [first, *_] = split = cut(used_before(line(10)))
    assert parts(split) == "tttttttvvT"
    assert all(f.fold is None and not f.embargo for f in split)
    assert first.splash_share == 0.25


@pytest.mark.parametrize(
    "ratios",
    [
        (0.7, 0.2),
        (),
        (0.7, 0.1, 0.1, 0.1),
        (0.7, 0.2, 0.2),
        (0.7, 0.2, 0.0999),
        (7, 2, 1),
        (1.1, -0.2, 0.1),
        (float("nan"), 0.5, 0.5),
    ],
)
@cuts
def test_ratios_must_be_three_shares_that_sum_to_one(cut, ratios: tuple[float, ...]):
    with pytest.raises(ValueError, match=r"ratios must be three shares .* got \(") as e:
        cut([frame(1)], ratios)
    assert f"sum {sum(ratios):g}" in str(e.value)


@cuts
def test_equal_time_stamps_are_refused(cut):
    with pytest.raises(ValueError, match="same time stamp"):
        cut([frame(1), frame(2), frame(2)])


def test_recordings_are_cut_together_or_separately():
    frames = [*line(10, "a"), *[frame(100 + n, "b") for n in range(10)]]
    assert parts(split_by_time(frames)) == "t" * 14 + "vvvvTT"
    assert parts(split_per_recording(frames)) == "tttttttvvT" * 2


# Embargo


def test_older_part_loses_the_embargo():
    split = split_by_time(line(20), (0.5, 0.3, 0.2), Embargo(frames=2))
    assert parts(split) == "tttttttteevvvveeTTTT"
    split = split_by_time(line(20), (0.5, 0.3, 0.2), Embargo(seconds=10))
    assert parts(split) == "tttttttteevvvveeTTTT"


def test_train_keeps_its_distance_from_test_if_val_is_lost():
    split = split_by_time(line(10), (0.6, 0.2, 0.2), Embargo(frames=4))
    assert parts(split) == "tttteeeeTT"


def test_seconds_count_across_cameras_cut_at_different_times():
    # b starts at the test part of a, so its training frames are left out
    frames = [*line(10, "a"), *[frame(45 + 5 * n, "b") for n in range(10)]]
    split = split_per_recording(frames, (0.7, 0.2, 0.1), Embargo(seconds=5))
    assert parts([f for f in split if f.recording == "a"]) == "tttttteveT"
    assert parts([f for f in split if f.recording == "b"]) == "eetttteveT"


@QUICK
@given(timelines(), ratios_of, embargoes, st.sampled_from(CUTS), st.integers(0, 9))
def test_any_cut(frames, ratios, embargo, cut, seed):
    split = cut(frames, ratios, embargo)
    assert [f.image for f in split] == [f.image for f in in_time_order(frames)]
    assert {f.split for f in split} <= {"train", "val", "test", "embargo"}
    check_embargo(split, embargo, stacked=cut is split_by_time)
    assert cut(shuffled(frames, seed), ratios, embargo) == split
    whole = cut(frames, ratios)
    for before, after in zip(whole, split, strict=True):
        assert after.split in (before.split, "embargo")
        assert before.split != "test" or after.split == "test"


@QUICK
@given(timelines(), ratios_of, embargoes)
def test_parts_follow_each_other_in_time(frames, ratios, embargo):
    order = ["train", "val", "test"]
    split = split_by_time(frames, ratios, embargo)
    kept = [order.index(f.split) for f in split if f.split != "embargo"]
    assert kept == sorted(kept)
    alone = split_per_recording(frames, ratios, embargo)
    for name in "abc":
        own = [f for f in alone if f.recording == name and f.split != "embargo"]
        assert all(
            order.index(a.split) <= order.index(b.split) for a, b in pairwise(own)
        )


@QUICK
@given(frames=timelines(), cut=st.sampled_from(CUTS), seed=st.integers(0, 9))
def test_tables_are_equal_to_the_byte(tmp_path_factory, frames, cut, seed):
    folder = tmp_path_factory.mktemp("tables", numbered=True)
    tables = [
        write_table(folder / name, shuffled(cut(given_frames), seed))
        for name, given_frames in (("a.csv", frames), ("b.csv", shuffled(frames, seed)))
    ]
    assert tables[0].read_bytes() == tables[1].read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"], "no frame is left for val and test (train 1, val 0, test 0, emb"),
        (
            ["train", "test", "embargo"],
            "no frame is left for val (train 1, val 0, test 1, embargo 1): take more",
        ),
    ],
)
def test_empty_parts_are_counted(words: list[str], message: str):
    split = [frame(n, split=word) for n, word in enumerate(words)]
    with pytest.raises(ValueError, match=re.escape(message)):
        check_not_empty(split)
    check_not_empty(split, ["train"])


# Lists


LISTS = {"train": ["0", "1"], "val": ["2"], "test": ["3"]}


def numbered(recordings: str = "a") -> list[Frame]:
    return [
        Frame(recording, 10 * n + k, f"data/images/{recording}/{n}.png", "x")
        for n in range(4)
        for k, recording in enumerate(recordings)
    ]


@pytest.mark.parametrize(
    "form",
    ["{}", "{}.png", "a/{}", "a/{}.png", "data/images/a/{}.png", "./images/a/{}.png"],
)
def test_forms_of_names_in_lists(form: str):
    lists = {part: map(form.format, names) for part, names in LISTS.items()}
    assert parts(split_by_list(shuffled(numbered()), lists)) == "ttvT"


def test_folders_distinguish_equal_stems():
    lists = {
        "train": ["a/0", "a/1", "b/0", "b/1", "a/2"],
        "test": ["b\\2", "a/3", "b/3"],
    }
    assert parts(split_by_list(numbered("ab"), lists)) == "tttttTTT"
    lists["test"].append("2")
    message = "list of 'test': '2' may be data/images/a/2.png or data/images/b/2.png"
    with pytest.raises(ValueError, match=re.escape(message)):
        split_by_list(numbered("ab"), lists)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val": ["2", "9"]}, "list of 'val': there is no frame '9'"),
        ({"val": ["2", "1"]}, "images/a/1.png is listed both in 'train' and in 'val'"),
        ({"val": []}, "1 frames are in no list, the first is data/images/a/2.png"),
        ({"valid": []}, "list of 'valid': parts are ('train', 'val', 'test'"),
    ],
)
def test_invalid_lists_are_refused(changes: dict, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        split_by_list(numbered(), LISTS | changes)


def test_unlisted_frames_can_be_left_out():
    lists = LISTS | {"train": ["0", "0"]}
    assert parts(split_by_list(numbered(), lists, unlisted="embargo")) == "tevT"
    with pytest.raises(ValueError, match="unlisted='skip' must be 'error' or 'emb"):
        split_by_list(numbered(), lists, unlisted="skip")


def test_embargo_between_given_lists():
    lists = {"train": list("0145"), "test": list("23")}
    frames = [frame(n) for n in range(6)]
    frames = [Frame("a", f.timestamp, f"{n}.png") for n, f in enumerate(frames)]
    assert parts(split_by_list(frames, lists, Embargo(frames=1))) == "teTTet"


# Hold-out


def test_newest_share_is_held_out():
    split = hold_out(used_before(line(10)), 0.2, Embargo(frames=3))
    assert parts(split) == "ttttteeeTT"
    assert all(f.fold is None and not f.embargo for f in split)


def test_existing_test_rows_are_kept():
    frames = [frame(n, split="test" if n in (3, 4) else "val") for n in range(8)]
    assert parts(hold_out(shuffled(frames))) == "tttTTttt"
    assert parts(hold_out(frames, embargo=Embargo(seconds=1))) == "tteTTett"
    with pytest.raises(ValueError, match="2 frames have the split 'test' already"):
        hold_out(frames, 0.1)


def test_nothing_is_held_out_by_default():
    assert parts(hold_out(line(3))) == "ttt"


def test_whole_recordings_can_be_held_out():
    frames = [*line(6, "a"), *[frame(3 + 5 * n, "b") for n in range(7)], frame(1, "c")]
    split = hold_out(frames, 0.1, whole_recordings=True)
    assert {f.recording for f in split if f.split == "test"} == {"b"}
    split = hold_out(frames, 0.6, whole_recordings=True)
    assert {f.recording for f in split if f.split == "test"} == {"a", "b"}


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (1.0, "test share 1.0 must lie in [0, 1)"),
        (-0.1, "test share -0.1 must lie in [0, 1)"),
        (0.01, "test share 0.01 of 10 frames holds out 0 and leaves 10"),
        (0.99, "test share 0.99 of 10 frames holds out 10 and leaves 0"),
    ],
)
def test_invalid_share_is_refused(share: float, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        hold_out(line(10), share)


@QUICK
@given(
    timelines(least=4), st.sampled_from([0.1, 0.3, 0.5]), embargoes, st.integers(0, 9)
)
def test_any_hold_out(frames, share, embargo, seed):
    if not round(share * len(frames)):
        share = 0.5
    split = hold_out(frames, share, embargo)
    check_embargo(split, embargo, stacked=True)
    assert counts(split)[2] == round(share * len(frames))
    assert split[-1].split == "test"
    assert hold_out(shuffled(frames, seed), share, embargo) == split
    assert hold_out(split, 0, embargo) == split

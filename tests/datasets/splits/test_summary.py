import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.split_table import read_table
from mmseg_splashkd.datasets.splits.at_random import split_at_random
from mmseg_splashkd.datasets.splits.by_time import hold_out, split_by_time
from mmseg_splashkd.datasets.splits.embargo import Embargo
from mmseg_splashkd.datasets.splits.folds import blocked_folds, stratified_folds
from mmseg_splashkd.datasets.splits.summary import (
    parts_of,
    print_split,
    save_split,
    smallest_gap,
    split_notes,
)
from mmseg_splashkd.datasets.table_seal import seal_of
from mmseg_splashkd.datasets.timestamps import NO_TIME
from tests.datasets.splits.timelines import QUICK, frame, line, timelines


def splash_frames(count: int, every: int = 2) -> list[Frame]:
    return [frame(5 * n, splash_share=0.01 * (n % every == 0)) for n in range(count)]


def printed(frames: list[Frame]) -> dict[str, list[str]]:
    """Part -> words of its row, including its second line."""
    terminal = io.StringIO()
    print_split(frames, Console(file=terminal, width=80))
    rows: dict[str, list[str]] = {}
    lines = terminal.getvalue().split("─ \n")[1].splitlines()
    for words in map(str.split, lines):
        if words and words[0] == "fold":
            words = [" ".join(words[:2]), *words[2:]]
        if words and words[0][0].isdigit():
            rows[list(rows)[-1]] += words
        elif words:
            rows[words[0]] = words[1:]
    return rows


def test_rows_of_parts():
    rows = printed(split_by_time(splash_frames(20), embargo=Embargo(frames=1)))
    day = "2024-05-01"
    assert {name: " ".join(words) for name, words in rows.items()} == {
        "train": f"13 1 {day} 00:00:00 0.538% 7 10 {day} 00:01:00",
        "val": f"3 1 {day} 00:01:10 0.667% 2 10 {day} 00:01:20",
        "test": f"2 1 {day} 00:01:30 0.500% 1 10 {day} 00:01:35",
        "embargo": f"2 1 {day} 00:01:05 0.000% 0 {day} 00:01:25",
    }


def test_rows_of_folds_count_frames_left_out():
    frames = blocked_folds(hold_out(splash_frames(14), 0.15), 3, Embargo(frames=1))
    rows = printed(frames)
    assert list(rows) == ["fold 0", "fold 1", "fold 2", "test"]
    assert [row[0] for row in rows.values()] == ["4", "4", "4", "2"]
    assert [rows[f"fold {k}"][6] for k in range(3)] == ["1", "2", "1"]  # left out
    assert [rows[f"fold {k}"][7] for k in range(3)] == ["10", "10", "5"]  # nearest
    assert rows["test"][6] == "5"


def test_unknown_shares_are_shown_as_dashes():
    rows = printed(split_by_time(line(10)))
    assert rows["train"][4:6] == ["-", "-"]
    assert split_notes(split_by_time(line(10))) == []


@QUICK
@given(timelines(), st.integers(0, 40))
def test_smallest_gap_by_brute_force(frames, cut):
    first, second = frames[:cut], frames[cut:]
    gaps = [abs(a.timestamp - b.timestamp) for a in first for b in second]
    assert smallest_gap(first, second) == min(gaps, default=None)


def test_parts_are_ordered_and_complete():
    split = stratified_folds(hold_out(splash_frames(40), 0.1, Embargo(frames=2)), 3)
    parts = parts_of(split)
    assert list(parts) == ["fold 0", "fold 1", "fold 2", "test", "embargo"]
    assert sorted(id(f) for own in parts.values() for f in own) == sorted(
        map(id, split)
    )


def test_warning_for_a_part_without_splash():
    frames = [frame(n, splash_share=0.1 * (n < 6)) for n in range(10)]
    first, second = split_notes(split_by_time(frames))
    assert first.startswith("Warning: no frame of val has splash")
    assert second.startswith("Warning: no frame of test has splash")
    [warning] = split_notes(blocked_folds(frames[:9], 3))
    assert "no frame of fold 2 has splash" in warning


def test_warning_for_a_fold_whose_training_part_has_no_splash():
    frames = [frame(n, splash_share=0.1 * (n < 3)) for n in range(9)]
    *_, last = notes = split_notes(blocked_folds(frames, 3))
    assert len(notes) == 3  # two folds to validate on, one to train on
    assert last.startswith("Warning: no training frame of fold 0 has splash: training")


def test_embargo_frames_need_no_splash():
    frames = [frame(n, splash_share=0.1, split="train") for n in range(3)]
    assert split_notes([*frames, frame(9, splash_share=0.0, split="embargo")]) == []


def test_unlabelled_frames_are_counted():
    frames = [*splash_frames(10), frame(99, label="")]
    assert split_notes(split_by_time(frames))[-1] == "1 of 11 frames have no label."


def test_note_on_optimistic_scores_of_stratified_folds_only():
    [note] = split_notes(stratified_folds(splash_frames(30), 3))
    assert "near-duplicates" in note
    assert "optimistic" in note
    assert split_notes(blocked_folds(splash_frames(30), 3)) == []
    one_by_one = [frame(n, "ab"[n % 2], splash_share=0.1) for n in range(30)]
    assert split_notes(blocked_folds(one_by_one, 3)) == []


# On disk


def test_table_is_overwritten_only_with_force(tmp_path: Path):
    table = tmp_path / "new" / "split.csv"
    old, new = split_by_time(splash_frames(10)), split_by_time(splash_frames(12))
    assert save_split(table, old) == "written"
    before = table.read_bytes()
    assert save_split(table, old[::-1]) == "unchanged"
    with pytest.raises(FileExistsError, match=f"{table} exists with other content"):
        save_split(table, new)
    assert table.read_bytes() == before
    assert save_split(table, new, force=True) == "replaced"
    assert len(read_table(table)) == 12
    assert {*table.parent.iterdir()} == {table, seal_of(table)}


def test_frames_without_time_have_neither_times_nor_distances():
    frames = [
        Frame("sea", NO_TIME, f"{n}.png", f"l{n}.png", splash_share=0.25)
        for n in range(10)
    ]
    terminal = io.StringIO()
    split = split_at_random(frames)
    print_split(split, Console(file=terminal, width=80), "crack")
    text = terminal.getvalue()
    assert "1970" not in text
    assert "1969" not in text
    assert "UTC" not in text
    assert "nearest" not in text
    assert "crack" in text
    assert "splash" not in text
    (row,) = [line.split() for line in text.splitlines() if "train" in line]
    assert row == ["train", "7", "1", "25.000%", "7"]
    (note,) = split_notes(split)
    assert note.startswith("The frames have no time")


def test_parts_at_random_of_a_video_are_warned_of():
    (note,) = split_notes(split_at_random(line(60)))
    assert "neighbouring frames, which are near-duplicates, lie in different" in note
    assert not split_notes(split_by_time(line(60)))

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from mmseg_splashkd.datasets.checks import check_parts, frames_per_day, tracks
from mmseg_splashkd.datasets.frames import Frame
from tests.datasets.checks.builders import codes, finding_of, frame, row_of, seconds

ABSENT = "missing_file"  # frames of these tests have no files


def test_valid_data_set_has_no_findings(valid_parts):
    assert check_parts(valid_parts) == []


def test_frame_with_one_path_in_two_parts(valid_parts):
    twice = valid_parts["train"][2]
    parts = valid_parts | {"test": [*valid_parts["test"], twice]}
    finding = finding_of(check_parts(parts), "shared_frame")
    assert (finding.level, finding.frames) == ("error", (twice.image,))
    assert finding.message == "1 frame in both train and test"


def test_frame_with_one_time_stamp_in_two_parts():
    other_path = frame(0, "val")
    parts = {"train": [frame(0), frame(30)], "val": [other_path]}
    finding = finding_of(check_parts(parts), "shared_frame")
    assert finding.frames == (other_path.image,)


def test_other_recordings_can_have_the_same_time_stamp():
    parts = {"train": [frame(0)], "val": [frame(0, "val", recording="other")]}
    assert codes(check_parts(parts), ABSENT) == set()


def test_one_label_of_two_frames(valid_parts):
    first, second, *others = valid_parts["val"]
    parts = valid_parts | {"val": [first, replace(second, label=first.label), *others]}
    finding = finding_of(check_parts(parts), "shared_label")
    assert finding.level == "error"
    assert first.label in finding.message
    assert finding.frames == tuple(sorted((first.image, second.image)))


def test_unlabelled_frames_are_counted_and_share_no_label(valid_parts):
    bare = [replace(f, label="") for f in valid_parts["val"][:2]]
    findings = check_parts(valid_parts | {"val": [*bare, *valid_parts["val"][2:]]})
    (finding,) = findings
    assert (finding.level, finding.code) == ("note", "unlabelled")
    assert finding.message == "2 of 6 frames of val without a label"


def test_missing_files(valid_parts):
    gone = valid_parts["train"][0]
    Path(gone.image).unlink()
    Path(gone.label).unlink()
    finding = finding_of(check_parts(valid_parts), "missing_file")
    assert (finding.level, finding.frames) == ("error", (gone.image, gone.label))
    (odd,) = [replace(gone, image="/dev/zero", label=valid_parts["val"][0].label)]
    finding = finding_of(check_parts({"train": [odd]}), "missing_file")
    assert finding.message.startswith("1 missing file, of which 1 exist as folders, p")


def test_empty_part(valid_parts):
    finding = finding_of(check_parts(valid_parts | {"val": []}), "empty_part")
    assert (finding.level, finding.message) == ("error", "val has no frames")


def test_interleaved_parts_overlap():
    parts = row_of("ttvttttvt")
    finding = finding_of(check_parts(parts), "overlap")
    assert finding.level == "error"
    assert seconds(finding, parts) == [6, 21]
    assert "2 of 2 val frames between train frames less than 7.5 s" in finding.message


@pytest.mark.parametrize(
    ("letters", "beside"),
    [
        ("ttttvvvvvv", [12, 15]),  # the frame next to train, and the next but one
        ("ttttvvvvvt", [12, 15, 21, 24]),
        ("tttt..vvvvv", []),
        ("tttt.vvvvv", [15]),
    ],
)
def test_split_along_time_has_a_border_and_no_overlap(letters, beside):
    parts = row_of(letters)
    findings = check_parts(parts)
    assert "overlap" not in codes(findings)
    if not beside:
        assert "border" not in codes(findings)
        return
    finding = finding_of(findings, "border")
    assert (finding.level, seconds(finding, parts)) == ("warning", beside)


@pytest.mark.parametrize(("embargo", "found"), [(6, set()), (6.01, {"border"})])
def test_given_embargo_defines_the_border(embargo, found):
    parts = row_of("ttttt.vvvvv")
    assert codes(check_parts(parts, embargo), ABSENT) == found


@pytest.mark.parametrize("embargo", [-1, float("nan"), "30s"])
def test_invalid_embargo_is_refused(embargo):
    message = f"embargo seconds={embargo} must be a number, 0 or more"
    with pytest.raises(ValueError, match=message):
        check_parts(row_of("tv"), embargo)


def test_overlap_of_folds_is_a_warning():
    parts = row_of("ttvtttvtt")
    parts = {
        name: [replace(f, fold=0) for f in frames] for name, frames in parts.items()
    }
    assert finding_of(check_parts(parts), "overlap").level == "warning"


@pytest.mark.parametrize(("interval", "level"), [(59, "error"), (61, "warning")])
def test_overlap_of_sparse_frames_is_a_warning(interval, level):
    assert finding_of(check_parts(row_of("ttvttt", interval)), "overlap").level == level


def test_overlap_counts_within_one_recording():
    parts = row_of("ttvttt")
    parts["val"] = [replace(f, recording="other") for f in parts["val"]]
    assert codes(check_parts(parts), ABSENT) == set()


def test_gaps_are_noted_with_their_ends():
    parts = {"train": [frame(s) for s in (0, 3, 6, 9, 12, 40, 43, 46, 77)]}
    finding = finding_of(check_parts(parts), "gap")
    assert finding.level == "note"
    assert finding.message == (
        "1 gap in recording 'pond', which has a frame every 3 s, such as "
        "2024-05-01 00:00:46 to 2024-05-01 00:01:17 UTC"
    )


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [(5 * 10**9, "before 2000"), (time.time_ns() + 10**13, "in the future")],
    ids=["1970", "tomorrow"],  # the same names in every process of pytest-xdist
)
def test_odd_times(timestamp, text):
    odd = frame(0, timestamp=timestamp)
    finding = finding_of(check_parts({"train": [frame(3), odd]}), "odd_time")
    assert (finding.level, finding.frames) == ("warning", (odd.image,))
    assert text in finding.message


def share(part, *shares):
    return [frame(3 * i, part, splash_share=s) for i, s in enumerate(shares)]


def test_part_without_splash():
    parts = {"train": share("train", 0.1, 0), "val": share("val", 0, 0, None)}
    finding = finding_of(check_parts(parts, 0), "no_splash")
    assert finding.level == "error"
    assert "no frame of val has splash" in finding.message


def test_unknown_shares_give_no_finding():
    assert codes(check_parts({"train": share("train", None)}), ABSENT) == set()


@pytest.mark.parametrize(("high", "drifts"), [(0.098, False), (0.102, True)])
def test_drift_of_shares(high, drifts):
    parts = {"train": share("train", 0.04, 0), "test": share("test", high)}
    found = codes(check_parts(parts, 0), ABSENT, "shared_frame")
    assert found == ({"share_drift"} if drifts else set())


def test_effort_grows_linearly_with_the_number_of_frames():
    def executed_opcodes(number: int) -> int:
        frames = [frame(3 * i, recording=f"r{i % 7}") for i in range(number)]
        parts = {"train": frames[::2], "val": frames[1::4], "test": frames[3::4]}
        events = Counter()

        def trace(executed: FrameType, event: str, _: Any) -> Callable:
            executed.f_trace_opcodes = True
            events[event] += 1
            return trace

        previous = sys.gettrace()
        sys.settrace(trace)
        try:
            check_parts(parts)
        finally:
            sys.settrace(previous)
        return events["opcode"]

    assert executed_opcodes(800) < 2.2 * executed_opcodes(400)


def test_order_of_frames_changes_nothing():
    parts = row_of("ttvtt.......vvv")
    reversed_parts = {part: frames[::-1] for part, frames in parts.items()}
    first, second = (
        {(f.code, f.message, frozenset(f.frames)) for f in check_parts(p)}
        for p in (parts, reversed_parts)
    )
    assert first == second
    assert "overlap" in {code for code, *_ in first}


def test_repeated_time_stamps_do_not_reduce_the_interval():
    train = [frame(3 * i) for i in range(5)]
    parts = {"train": train, "val": [replace(f, image=f"v{f.image}") for f in train]}
    assert "gap" not in codes(check_parts(parts))


def test_embargo_counts_across_recordings():
    def frames_from(recording: str, first: int) -> list[Frame]:
        times = [(1_714_521_600 + first + 5 * n) * 10**9 for n in range(9)]
        return [Frame(recording, t, f"{recording}/{t}.png") for t in times]

    parts = {"train": frames_from("a", 0), "val": frames_from("b", 1)}
    assert "overlap" not in {f.code for f in check_parts(parts)}
    found = {f.code: f for f in check_parts(parts, embargo_seconds=10)}
    assert found["overlap"].message.startswith("8 of 9 val frames between train")


def test_warning_for_test_frames_between_val_frames():
    times = [(1_714_521_600 + 5 * n) * 10**9 for n in range(30)]
    frames = [Frame("a", t, f"{t}.png") for t in times]
    parts = {"train": frames[:10], "val": frames[15::2], "test": frames[16::2]}
    [mixed] = [f for f in check_parts(parts) if f.code == "overlap"]
    assert (mixed.level, len(mixed.frames)) == ("warning", 7)
    assert mixed.message == "7 of 7 test frames between val frames"


# Frames without time


def photos(part: str, count: int) -> list[Frame]:
    return [
        Frame("sea", -1, f"{part}{n}.png", f"labels/{part}{n}.png")
        for n in range(count)
    ]


def test_checks_of_distance_and_time_do_not_apply_to_frames_without_time():
    parts = {part: photos(part, 5) for part in ("train", "val", "test")}
    assert codes(check_parts(parts), ABSENT) == set()
    with pytest.raises(ValueError, match="embargo 5 s needs the time of every frame"):
        check_parts(parts, embargo_seconds=5)


def test_one_name_in_two_parts_without_time():
    twice = replace(photos("train", 1)[0], image="elsewhere/train0.jpg")
    parts = {"train": photos("train", 2), "val": [twice]}
    assert finding_of(check_parts(parts), "shared_frame").frames == (twice.image,)


def test_frames_without_time_are_in_no_track_and_on_no_day():
    parts = {"train": photos("train", 3), "val": [*photos("val", 1), frame(0, "val")]}
    (track,) = tracks(parts)
    assert [one.image for one in track.frames] == ["val_0.png"]
    assert len(frames_per_day(parts)) == 1

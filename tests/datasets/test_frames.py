import os
import random
import re
from pathlib import Path

import pytest
from mmengine.logging import MMLogger

from mmseg_splashkd.datasets.frames import (
    Frame,
    in_time_order,
    list_frames,
    missing_files,
)
from mmseg_splashkd.datasets.timestamps import NO_TIME, TimestampFormat
from tests.datasets.builders import START, stamp


def frame(timestamp: int, recording: str = "pond") -> Frame:
    name = f"{recording}/{timestamp}.png"
    return Frame(recording, timestamp, f"images/{name}", f"labels/{name}")


def touch(folder: Path, names: list[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def folders(root: Path, names: list[str], labels: list[str] | None = None):
    """Folders of empty frames and, by default, a label for each."""
    (root / "labels").mkdir(exist_ok=True)
    touch(root / "labels", names if labels is None else labels)
    return touch(root / "images", names), root / "labels"


# Folders


def test_lists_frames_with_their_labels(tmp_path: Path):
    names = [f"{stamp(0)}.png", f"{stamp(1, 7)}.png"]
    frames = in_time_order(list_frames(*folders(tmp_path, names)))
    assert [f.timestamp for f in frames] == [START * 10**9, (START + 5) * 10**9 + 7]
    assert [f.image for f in frames] == [f"{tmp_path}/images/{name}" for name in names]
    assert [f.label for f in frames] == [f"{tmp_path}/labels/{name}" for name in names]


def test_frame_without_a_label_file_is_unlabelled(tmp_path: Path):
    names = [f"{stamp(0)}.png", f"{stamp(1)}.png"]
    frames = in_time_order(list_frames(*folders(tmp_path, names, names[1:])))
    assert [bool(f.label) for f in frames] == [False, True]


def test_subfolders_and_links_to_folders_are_recordings(tmp_path: Path):
    names = [f"{stamp(0)}.png", f"b/{stamp(1)}.png", f"a/cam/{stamp(2)}.png"]
    images, labels = folders(tmp_path, names, [*names, f"linked/{stamp(3)}.png"])
    elsewhere = touch(tmp_path / "elsewhere", [f"{stamp(3)}.png"])
    (images / "linked").symlink_to(elsewhere)
    frames = in_time_order(list_frames(images, labels))
    assert [f.recording for f in frames] == [".", "b", "a/cam", "linked"]
    assert frames[2].label == f"{labels}/{names[2]}"
    assert frames[3].label == f"{labels}/linked/{stamp(3)}.png"


def test_suffixes_may_differ_and_other_files_are_ignored(tmp_path: Path):
    names = [f"{stamp(0)}_rgb.jpg", "notes.txt", f"{stamp(1)}.png"]
    place = folders(tmp_path, names, [f"{stamp(0)}_label.png"])
    [only] = list_frames(*place, "_rgb.jpg", "_label.png")
    assert only.timestamp == START * 10**9
    assert only.label == f"{tmp_path}/labels/{stamp(0)}_label.png"


def test_recording_of_the_stem_is_appended_to_the_folder(tmp_path: Path):
    place = folders(tmp_path, ["A_5.png", "day1/B_7.png"])
    form = TimestampFormat("seconds", stem="(?P<recording>.)_(?P<stamp>.+)")
    frames = in_time_order(list_frames(*place, timestamp=form))
    assert [f.recording for f in frames] == ["A", "day1/B"]
    assert [f.timestamp for f in frames] == [5 * 10**9, 7 * 10**9]


def test_error_names_a_frame_without_time_stamp(tmp_path: Path):
    images, labels = folders(tmp_path, [f"{stamp(0)}.png", "b/frame_1.png"])
    with pytest.raises(ValueError, match=f"{images}/b/frame_1.png: 'frame_1' is not"):
        list_frames(images, labels)


@pytest.mark.parametrize("name", ["{}.PNG", "b/{}.Png"])
def test_error_names_a_suffix_in_another_case(tmp_path: Path, name: str):
    other = name.format(stamp(1))
    images, labels = folders(tmp_path, [f"{stamp(0)}.png", other])
    message = f"{images / other} differs from img_suffix='.png' in case only"
    with pytest.raises(ValueError, match=re.escape(message)):
        list_frames(images, labels)


@pytest.mark.parametrize("present", [[], ["images"], ["labels"]])
def test_error_for_a_missing_folder_describes_the_layout(
    tmp_path: Path, present: list[str]
):
    for name in present:
        (tmp_path / name).mkdir()
    missing = tmp_path / ("labels" if present == ["images"] else "images")
    with pytest.raises(
        FileNotFoundError, match=f"{missing} is not a folder."
    ) as caught:
        list_frames(tmp_path / "images", tmp_path / "labels")
    assert "labels/[<recording>/]<the same name>.png" in str(caught.value)
    assert "make demo" in str(caught.value)


# Order


def test_recordings_are_merged_by_time():
    a, b = [frame(t, "a") for t in (1, 4, 5)], [frame(t, "b") for t in (2, 3, 6)]
    ordered = in_time_order([*b, *a])
    assert [f.timestamp for f in ordered] == [1, 2, 3, 4, 5, 6]
    assert [f.recording for f in ordered] == list("abbaab")


def test_order_of_input_does_not_matter():
    frames = [frame(t // 2, "ab"[t % 2]) for t in range(40)]
    expected = in_time_order(frames)
    assert [(f.timestamp, f.recording) for f in expected[:4]] == [
        (0, "a"),
        (0, "b"),
        (1, "a"),
        (1, "b"),
    ]
    assert in_time_order(random.Random(0).sample(frames, len(frames))) == expected


def test_error_for_equal_time_stamps_names_both_files():
    twins = [Frame("pond", 3, "x/a.png", "a"), Frame("pond", 3, "y/b.png", "b")]
    with pytest.raises(ValueError, match=r"x/a.png and y/b.png .* recording 'pond'"):
        in_time_order([frame(1), *twins, frame(5), frame(3, "other")])


# Files


def test_missing_files_are_listed(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, ["images/a.png", "images/b.png", "labels/b.png", "c.png"])
    frames = [
        Frame("pond", 1, "images/a.png", "labels/a.png"),
        Frame("pond", 2, "images/b.png", "labels/b.png"),
        Frame("pond", 3, "c.png"),
        Frame("pond", 4, "d.png", f"{tmp_path}/nowhere/d.png"),
    ]
    assert missing_files(frames) == [
        "labels/a.png",
        "d.png",
        f"{tmp_path}/nowhere/d.png",
    ]


def test_what_is_no_file_is_missing(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.png")  # reading it would wait for ever
    touch(tmp_path, ["a.png"])
    (tmp_path / "link.png").symlink_to("a.png")
    odd = ["/dev/zero", f"{tmp_path}/pipe.png", str(tmp_path)]
    frames = [
        Frame("pond", n, f"{tmp_path}/link.png", path) for n, path in enumerate(odd)
    ]
    assert missing_files(frames) == odd


# Frames without time


def photo(name: str, recording: str = "pond") -> Frame:
    return Frame(recording, NO_TIME, name, f"labels/{name}")


def test_frames_without_time_are_in_natural_order_of_their_names():
    names = ["10.png", "2.png", "b/1.png", "a12b3.png", "a2b10.png", "a2b9.png"]
    frames = [photo(name) for name in names]
    frames.append(photo("0.png", "other"))
    random.Random(0).shuffle(frames)
    assert [f.image for f in in_time_order(frames)] == [
        *("0.png", "b/1.png", "2.png", "10.png"),
        *("a2b9.png", "a2b10.png", "a12b3.png"),
    ]


def test_frames_without_time_need_names_of_their_own():
    in_time_order([photo("a/1.png"), photo("b/1.png", "other"), photo("b/2.png")])
    message = "a/1.png and b/1.jpg have the same name in recording 'pond': rename one"
    with pytest.raises(ValueError, match=message):
        in_time_order([photo("b/1.jpg"), photo("a/1.png")])


def test_listing_without_time(tmp_path: Path):
    images, labels = folders(tmp_path, ["IMG_2.png", "sea/IMG_2.png"])
    frames = list_frames(images, labels, timestamp=TimestampFormat("none"))
    assert {(f.recording, f.timestamp) for f in frames} == {(".", -1), ("sea", -1)}
    assert {f.key for f in frames} == {(".", "IMG_2"), ("sea", "IMG_2")}


def test_pictures_left_out_for_their_suffix_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    names = [f"a/{stamp(n)}.png" for n in range(2)]
    left_out = [f"b/{stamp(n)}.JPG" for n in range(3)] + ["b/._x.png", "b/notes.txt"]
    images, labels = folders(tmp_path, [*names, *left_out])
    MMLogger.get_instance("test_frames", logger_name="mmengine")
    assert len(list_frames(images, labels)) == 2
    printed = capsys.readouterr().out
    assert f"WARNING - {images}: left out 3 .jpg, 1 hidden, because img" in printed


def test_folder_without_the_suffix_is_an_error_that_names_the_others(tmp_path: Path):
    images, labels = folders(tmp_path, [f"{stamp(0)}.jpg", f"{stamp(1)}.jpg"])
    message = "no file in .*images ends with '.png'; it holds 2 .jpg: set img_suffix"
    with pytest.raises(ValueError, match=message):
        list_frames(images, labels)


def test_frames_without_labels_need_no_folder_of_labels(tmp_path: Path):
    images = touch(tmp_path / "images", [f"{stamp(0)}.png"])
    assert [f.label for f in list_frames(images, None)] == [""]

import json
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image
from torch.multiprocessing.spawn import ProcessExitedException

from mmseg_splashkd.datasets.checks.files import check_files
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.layout import LabelFile
from mmseg_splashkd.datasets.converters.pictures import open_picture
from mmseg_splashkd.datasets.converters.writer import STATE, write_items
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import (
    SPLASH,
    LabelCoding,
    load_label_coding,
    read_gray,
)
from mmseg_splashkd.datasets.split_table import read_table
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.version import __version__
from tests.datasets.builders import (
    SIZE,
    START,
    halve,
    splash_label,
    stamp,
    write_frame,
    write_label,
)
from tests.forks import fork, join

ABOUT = {"converter": "mine", "source": "src", "options": {"fps": 3}}
WIDE = LabelCoding(("a", "b"), [(0, 0, 1), (0, 0, 2)], {7: 0, 1000: 1})


def item_of(src: Path, number: int, recording: str = "cam", **changes) -> Item:
    """Draw one frame as a file, with a label to call."""
    image = src / recording / f"{number}.png"
    write_frame(image, number)
    item = Item(
        recording=recording,
        timestamp=(START + 5 * number) * SECOND,
        image=image,
        label=partial(splash_label, number),
    )
    return replace(item, **changes)


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    return [item_of(tmp_path / "src", number) for number in range(6)]


def convert(
    items: list[Item],
    dst: Path,
    coding: LabelCoding = SPLASH,
    force: bool = False,
    **changes: object,
) -> Path:
    return write_items(items, dst, coding, force=force, about=ABOUT | changes)


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of every file."""
    return {
        path.relative_to(folder).as_posix(): (
            path.read_bytes(),
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def fail(error: BaseException) -> np.ndarray:
    raise error


# Written files


def test_frames_labels_table_and_origin_are_written(items, tmp_path):
    items[5] = replace(items[5], label=None)
    table = convert(items, tmp_path / "dst")
    assert table == tmp_path / "dst" / "frames.csv"
    lines = table.read_text().splitlines()
    assert lines[1] == (
        f"cam,{stamp(0)},images/cam/{stamp(0)}.png,labels/cam/{stamp(0)}.png,,,,0.083333333,"
        "0.png"
    )
    assert lines[6] == f"cam,{stamp(5)},images/cam/{stamp(5)}.png,,,,,,5.png"
    for number, item in enumerate(items[:5]):
        name = f"cam/{stamp(number)}.png"
        assert isinstance(item.image, Path)
        assert (table.parent / "images" / name).read_bytes() == item.image.read_bytes()
        with Image.open(table.parent / "labels" / name) as label:
            assert label.mode == "L"
            np.testing.assert_array_equal(np.asarray(label), splash_label(number))
    assert json.loads((table.parent / "about.json").read_text()) == {
        **ABOUT,
        "classes": ["background", "splash"],
        "gray_to_train_id": {"0": 0, "255": 1},
        "unknown": None,
        "counts": {"frames": 6, "labels": 5, "recordings": {"cam": 6}, "splits": {}},
        "version": __version__,
    }
    assert len(snapshot(table.parent)) == 6 + 5 + 3


def test_the_split_dataset_reads_what_was_written(items, tmp_path):
    items = [*items, *(item_of(tmp_path / "src", n, "10:00/b c") for n in range(7, 11))]
    table = convert(items, tmp_path / "dst")
    sizes = {}
    for split in ("train", "val", "test"):
        dataset = TimeSplitDataset(split=split, split_table=str(table))
        sizes[split] = len(dataset)
        assert dataset.coding == SPLASH
    assert sizes == {"train": 7, "val": 2, "test": 1}


def test_splits_of_the_source_are_kept(items, tmp_path):
    parts = ["train"] * 3 + ["val", "test", "test"]
    items = [replace(i, split=p) for i, p in zip(items, parts, strict=True)]
    table = convert(items, tmp_path / "dst")
    assert [frame.split for frame in read_table(table)] == parts
    assert len(TimeSplitDataset(split="test", split_table=str(table))) == 2
    counts = json.loads((tmp_path / "dst" / "about.json").read_text())["counts"]
    assert counts["splits"] == {"train": 3, "val": 1, "test": 2}


def test_computed_frames_become_png_and_files_keep_their_format(items, tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    photo = tmp_path / "src" / "photo.JPG"
    Image.fromarray(rgb).save(photo, "JPEG")
    items[0] = replace(items[0], image=lambda: rgb)
    items[1] = replace(items[1], image=photo)
    images = convert(items, tmp_path / "dst").parent / "images" / "cam"
    with Image.open(images / f"{stamp(0)}.png") as drawn:
        np.testing.assert_array_equal(np.asarray(drawn), rgb)
    assert (images / f"{stamp(1)}.jpg").read_bytes() == photo.read_bytes()


def test_splash_share_is_written_if_splash_is_a_class(items, tmp_path):
    frames = read_table(convert(items, tmp_path / "splash"))
    expected = [(splash_label(number) == 255).mean() for number in range(6)]
    shares = [frame.splash_share for frame in frames]
    assert shares == pytest.approx(expected, abs=1e-6)
    camvid = [replace(i, label=lambda: np.ones((12, 16), np.uint8)) for i in items]
    frames = read_table(
        convert(camvid, tmp_path / "camvid", load_label_coding("camvid"))
    )
    assert [frame.splash_share for frame in frames] == [None] * 6


def test_labels_are_16_bit_if_a_value_exceeds_255(items, tmp_path):
    narrow = np.full((12, 16), 7, np.uint16)
    wide = narrow.copy()
    wide[0, 0] = 1000
    items = [
        replace(items[0], label=lambda: narrow),
        replace(items[1], label=lambda: wide),
    ]
    labels = convert(items, tmp_path / "dst", WIDE).parent / "labels" / "cam"
    for number, pixels in enumerate((narrow, wide)):
        written = read_gray(labels / f"{stamp(number)}.png")
        assert written.dtype == (np.uint8, np.uint16)[number]
        np.testing.assert_array_equal(written, pixels)


def test_every_damaged_picture_is_named_before_one_is_written(items, tmp_path):
    for item in (items[1], items[4]):
        assert isinstance(item.image, Path)
        item.image.write_bytes(item.image.read_bytes()[:-12])
    with pytest.raises(ValueError, match="2 pictures cannot be converted") as caught:
        convert(items, tmp_path / "dst")
    lines = str(caught.value).splitlines()[1:]
    for line, item in zip(lines, (items[1], items[4]), strict=True):
        assert line.startswith(f"  frame {item.image} cannot be read: truncated")
    assert not (tmp_path / "dst").exists()


def test_a_turned_picture_is_judged_with_the_others(tmp_path):
    paths = [tmp_path / "src" / f"{number}.jpg" for number in range(3)]
    for number, path in enumerate(paths):
        write_frame(path, number)
        with Image.open(path) as image:
            exif = image.getexif()
            exif[ExifTags.Base.Orientation] = 6
            image.save(path, exif=exif)
    paths[0].write_bytes(paths[0].read_bytes()[:-200])
    paths[2].write_bytes(b"no picture")
    items = [
        Item(
            "cam", (START + number) * SECOND, open_picture(path)[0], None, "", path.name
        )
        for number, path in enumerate(paths)
    ]
    with pytest.raises(ValueError, match="2 pictures cannot be converted") as caught:
        convert(items, tmp_path / "dst")
    assert all(f"{path} cannot be read" in str(caught.value) for path in paths[::2])
    assert not (tmp_path / "dst").exists()


def test_what_the_data_check_cannot_read_is_not_converted(items, tmp_path, monkeypatch):
    refused = items[1].image

    def read(path: Path, unchanged: bool = False) -> np.ndarray:
        if path == refused:
            raise ValueError(f"frame {path} cannot be read by OpenCV: save it as PNG")
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr("mmseg_splashkd.datasets.integrity.read_as_training", read)
    rejected(items, tmp_path / "dst", r"1\.png cannot be read by OpenCV")
    found = check_files({"train": [Frame("cam", START, str(refused))]}, SPLASH)
    assert "unreadable_image" in [finding.code for finding in found.findings]


def test_unreadable_pictures_are_left_out_on_request(items, tmp_path):
    for item in items[:3]:
        item.image.write_bytes(b"no picture")
    items[4] = replace(items[4], label=partial(fail, ValueError("of two points")))
    table = write_items(items, tmp_path / "dst", SPLASH, about=ABOUT, skip_bad=True)
    assert [(f.source, bool(f.label)) for f in read_table(table)] == [
        ("3.png", True),
        ("4.png", False),
        ("5.png", True),
    ]
    left_out = json.loads((table.parent / "about.json").read_text())["left_out"]
    assert (left_out["pictures"], left_out["labels"]) == (3, 1)
    named = [f"{number}.png" in left_out["first"][number] for number in range(3)]
    assert all(named)
    assert "of two points" in left_out["first"][3]


def test_no_picture_at_all_is_an_error_even_if_bad_ones_are_left_out(items, tmp_path):
    for item in items:
        item.image.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="6 pictures cannot be converted"):
        write_items(items, tmp_path / "dst", SPLASH, about=ABOUT, skip_bad=True)


def test_the_order_of_items_does_not_matter(items, tmp_path):
    one = convert(items, tmp_path / "one")
    assert one.read_bytes() == convert(items[::-1], tmp_path / "two").read_bytes()
    slow = write_items(iter(items), tmp_path / "three", SPLASH, 6, about=ABOUT)
    assert one.read_bytes() == slow.read_bytes()


# Interrupted conversions


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("what", ["image", "label"])
def test_an_interrupted_conversion_continues(
    items, tmp_path, error: BaseException, what: str
):
    whole, dst = convert(items, tmp_path / "whole"), tmp_path / "dst"
    broken = items.copy()
    if what == "image":
        broken[3] = replace(items[3], image=partial(fail, error))
    else:
        broken[3] = replace(items[3], label=partial(fail, error))
    with pytest.raises(type(error)):
        convert(broken, dst)
    before = snapshot(dst)
    assert len(before) == 3 + 3 + 1  # and the state
    assert not json.loads((dst / STATE).read_text())["finished"]
    table = convert(items, dst)
    after = snapshot(dst)
    assert {name: after[name] for name in before if name != STATE} == {
        name: file for name, file in before.items() if name != STATE
    }
    assert table.read_bytes() == whole.read_bytes()
    assert after.keys() == snapshot(whole.parent).keys()


def test_a_full_disk_leaves_no_partial_file(items, tmp_path, monkeypatch):
    def copy_half(src: Path, dst: Path) -> None:
        Path(dst).write_bytes(Path(src).read_bytes()[:50])
        raise OSError(28, "No space left")

    dst = tmp_path / "dst"
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", copy_half)
        with pytest.raises(OSError, match="no space is left"):
            convert(items, dst)
    assert snapshot(dst).keys() == {STATE, f"labels/cam/{stamp(0)}.png"}
    convert(items, dst)
    assert len(snapshot(dst)) == 6 + 6 + 3


@pytest.mark.parametrize(
    "leftover", [f".{stamp(2)}.7.partial.png", f".{stamp(2)}.png.partial"]
)
def test_partial_files_of_a_killed_conversion_are_removed(items, tmp_path, leftover):
    dst = tmp_path / "dst"
    items[2] = replace(items[2], label=partial(fail, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        convert(items, dst)
    (dst / "labels" / "cam" / leftover).write_bytes(b"half")
    items[2] = replace(items[2], label=partial(splash_label, 2))
    convert(items, dst)
    assert not (dst / "labels" / "cam" / leftover).exists()
    label = read_gray(dst / "labels" / "cam" / f"{stamp(2)}.png")
    np.testing.assert_array_equal(label, splash_label(2))


def convert_and_die(_: int, items: list[Item], dst: Path) -> None:
    """Kill this process between the writing of the third label and its rename."""
    labels, save = dst / "labels" / "cam", Image.Image.save

    def save_and_die(image: Any, path: Path, *args: Any) -> None:
        save(image, path, *args)
        if path.parent == labels and len(list(labels.iterdir())) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image.Image, "save", save_and_die)
        convert(items, dst)


@pytest.mark.slow
def test_a_killed_conversion_ends_like_an_uninterrupted_one(items, tmp_path):
    dst = tmp_path / "dst"
    with pytest.raises(ProcessExitedException, match="SIGKILL"):
        join(fork(convert_and_die, items, dst))
    assert len(list(dst.rglob("*.partial.png"))) == 1
    convert(items, dst)
    convert(items, tmp_path / "whole")
    assert contents(dst) == contents(tmp_path / "whole")


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes of every file."""
    return {name: file[0] for name, file in snapshot(folder).items()}


@pytest.mark.parametrize("finished", [False, True])
def test_a_conversion_of_an_earlier_version_continues(items, tmp_path, finished: bool):
    dst = tmp_path / "dst"
    broken = replace(items[4], label=partial(fail, OSError("stop")))
    with nullcontext() if finished else pytest.raises(OSError, match="stop"):
        last = items[4] if finished else broken
        convert([*items[:4], last, items[5]], dst, label_coding="splash")
    state = json.loads((dst / STATE).read_text())
    state["arguments"]["label_map"] = state["arguments"].pop("label_coding")
    (dst / STATE).write_text(json.dumps(state))
    with pytest.raises(FileExistsError, match="label_coding was splash, now it is my"):
        convert(items, dst, label_coding="my.yaml")
    convert(items, dst, label_coding="splash")
    convert(items, tmp_path / "whole", label_coding="splash")
    found, expected = contents(dst), contents(tmp_path / "whole")
    assert found | {STATE: b""} == expected | {STATE: b""}
    assert json.loads((dst / "about.json").read_text())["label_coding"] == "splash"


def test_a_finished_conversion_is_unchanged(items, tmp_path, capsys):
    table = convert(items, tmp_path / "dst")
    before = snapshot(table.parent)
    capsys.readouterr()
    unread = [replace(item, label=partial(fail, AssertionError())) for item in items]
    assert convert(unread, tmp_path / "dst") == table
    assert "converted already" in capsys.readouterr().out
    assert snapshot(table.parent) == before


def test_missing_files_and_table_are_written_again(items, tmp_path):
    table = convert(items, tmp_path / "dst")
    text, files = table.read_bytes(), snapshot(table.parent).keys()
    for name in (
        "frames.csv",
        f"labels/cam/{stamp(2)}.png",
        f"images/cam/{stamp(3)}.png",
    ):
        (table.parent / name).unlink()
    assert convert(items, tmp_path / "dst").read_bytes() == text
    assert snapshot(table.parent).keys() == files


def test_a_missing_file_of_a_finished_conversion_is_written_again(items, tmp_path):
    table = convert(items, tmp_path / "dst")
    before = snapshot(table.parent)
    (table.parent / f"images/cam/{stamp(3)}.png").unlink()
    convert(items, tmp_path / "dst")
    assert snapshot(table.parent).keys() == before.keys()


@pytest.mark.parametrize("finished", [True, False])
def test_a_different_conversion_is_rejected(items, tmp_path, finished: bool):
    dst = tmp_path / "dst"
    if finished:
        convert(items, dst)
    else:
        stopped = [replace(i, label=partial(fail, KeyboardInterrupt())) for i in items]
        with pytest.raises(KeyboardInterrupt):
            convert(stopped, dst)
    before = snapshot(dst)
    how = "finished" if finished else "unfinished"
    with pytest.raises(FileExistsError, match=f"{how} .* options was .*3.*, now .*4"):
        convert(items, dst, options={"fps": 4})
    with pytest.raises(FileExistsError, match="gray_to_train_id was"):
        convert(items, dst, replace(SPLASH, gray_to_train_id={0: 0, 9: 255, 255: 1}))
    with pytest.raises(FileExistsError, match=f"2 files since.*{stamp(5)}.*--force"):
        convert(items[:5], dst)
    assert snapshot(dst) == before


# Files that are not overwritten


def test_a_folder_with_other_files_is_rejected(items, tmp_path):
    dst = tmp_path / "dst"
    (dst / "images").mkdir(parents=True)  # empty folders are no harm
    convert(items, dst, force=True)
    other = tmp_path / "other"
    write_frame(other / "images" / "cam" / f"{stamp(0)}.png", 99)
    before = snapshot(other)
    for force in (False, True):
        with pytest.raises(
            FileExistsError, match=rf"such as images/cam/{stamp(0)}\.png"
        ):
            convert(items, other, force=force)
    assert snapshot(other) == before


def test_foreign_files_in_an_unfinished_conversion_are_rejected(items, tmp_path):
    broken = [*items[:5], replace(items[5], label=partial(fail, KeyboardInterrupt()))]
    with pytest.raises(KeyboardInterrupt):
        convert(broken, tmp_path / "dst")
    (tmp_path / "dst" / "notes.txt").touch()
    with pytest.raises(FileExistsError, match=r"such as notes\.txt"):
        convert(items, tmp_path / "dst")


@pytest.mark.parametrize("stop", [False, True])
def test_force_converts_again_and_removes_only_its_own(items, tmp_path, stop: bool):
    dst = tmp_path / "dst"
    old = [*items, item_of(tmp_path / "src", 6, "gone")]
    if stop:
        broken = [*old, item_of(tmp_path / "src", 7, label=partial(fail, OSError()))]
        with pytest.raises(OSError):  # noqa: PT011
            convert(broken, dst)
    else:
        convert(old, dst)
    mine = dst / "images" / "cam" / "notes.txt"
    mine.write_text("mine")
    table = convert(items[:4], dst, force=True, options={"fps": 4})
    assert len(read_table(table)) == 4
    assert mine.read_text() == "mine"
    assert len(snapshot(dst)) == 4 + 4 + 3 + 1
    assert not (dst / "images" / "gone").exists()
    about = json.loads((dst / "about.json").read_text())
    assert about["options"] == {"fps": 4}


def test_force_overwrites_no_foreign_file(items, tmp_path):
    dst = tmp_path / "dst"
    convert(items[:5], dst)
    write_frame(dst / "images" / "cam" / f"{stamp(5)}.png", 99)
    before = snapshot(dst)
    with pytest.raises(FileExistsError, match=stamp(5)):
        convert(items, dst, force=True)
    assert snapshot(dst) == before


@pytest.mark.parametrize("how", ["dots", "absolute", "link"])
def test_force_removes_nothing_outside(items, tmp_path, how: str):
    dst, outside = tmp_path / "dst", tmp_path / "outside" / "precious.png"
    convert(items, dst)
    outside.parent.mkdir()
    outside.touch()
    (dst / "link").symlink_to(outside.parent, target_is_directory=True)
    names = {
        "dots": "../outside/precious.png",
        "absolute": str(outside),
        "link": "link/precious.png",
    }
    state = json.loads((dst / STATE).read_text())
    state["files"].append(names[how])
    (dst / STATE).write_text(json.dumps(state))
    before = snapshot(dst)
    with pytest.raises(ValueError, match="outside of"):
        convert(items, dst, force=True)
    assert outside.exists()
    assert snapshot(dst) == before


# Rejected input


def rejected(items: list[Item], dst: Path, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        convert(items, dst)


def test_equal_time_stamps_are_rejected_before_anything_is_written(items, tmp_path):
    twin = item_of(tmp_path / "src", 4, image=partial(fail, AssertionError()))
    rejected(
        [*items, twin], tmp_path / "dst", rf"4\.png and cam/{stamp(4)} have the same"
    )
    other = replace(twin, recording="other", image=items[4].image)
    assert not (tmp_path / "dst").exists()
    assert len(read_table(convert([*items, other], tmp_path / "dst"))) == 7


def test_nothing_to_convert_is_rejected(tmp_path):
    rejected([], tmp_path / "dst", "no frames")
    assert not (tmp_path / "dst").exists()


@pytest.mark.parametrize(
    "recording", ["..", "a/../..", "/a", "a//b", "a/", "a\\b", "C:/a", "a\0"]
)
def test_recordings_that_escape_the_folder_are_rejected(
    items, tmp_path, recording: str
):
    items[3] = replace(items[3], recording=recording)
    rejected(items, tmp_path / "dst", "cannot be a folder's name")
    assert not (tmp_path / "dst").exists()


def given(pixels: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: pixels


@pytest.mark.parametrize(
    ("label", "match"),
    [
        (
            np.full((12, 16), 7, np.uint8),
            r"3\.png.*outside the table: 7 \(192 pixels\)",
        ),
        (np.full((12, 16), 256, np.uint16), r"outside the table: 256"),
        (np.zeros((16, 12), np.uint8), r"12x16, but its frame .*3\.png is 16x12"),
        (np.zeros((12, 16, 3), np.uint8), "one-channel"),
        (np.zeros((12, 16), np.float32), "float32"),
    ],
)
def test_bad_labels_are_rejected_before_they_are_written(
    items, tmp_path, label: np.ndarray, match: str
):
    items[3] = replace(items[3], label=given(label))
    rejected(items, tmp_path / "dst", match)
    for folder in ("images", "labels"):
        assert len(list((tmp_path / "dst" / folder).rglob("*"))) == 1 + 3


def test_a_bad_label_file_is_named(items, tmp_path):
    path = tmp_path / "src" / "bad.png"
    write_label(path, np.full((12, 16), 7, np.uint8))
    items[3] = replace(items[3], label=LabelFile(path))
    rejected(items, tmp_path / "dst", rf"^{path}: label values outside the table: 7")


def test_damaged_frames_are_rejected(items, tmp_path):
    halve(tmp_path / "src" / "cam" / "3.png")
    items[3] = replace(items[3], label=None)
    rejected(items, tmp_path / "dst", r"3\.png cannot be read")
    assert not (tmp_path / "dst" / "images" / "cam" / f"{stamp(3)}.png").exists()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((12, 16), np.uint8),
        np.zeros((12, 16, 4), np.uint8),
        np.zeros((2, 2, 3)),
    ],
)
def test_computed_frames_must_be_rgb(items, tmp_path, image: np.ndarray):
    items[3] = replace(items[3], image=given(image))
    rejected(items, tmp_path / "dst", rf"frame cam/{stamp(3)}: expected 8-bit RGB")


def test_sizes_of_computed_frames_are_checked(items, tmp_path):
    tall = np.zeros((SIZE[0], SIZE[1], 3), np.uint8)
    items[3] = replace(items[3], image=given(tall))
    rejected(items, tmp_path / "dst", "16x12, but its frame .* is 12x16")

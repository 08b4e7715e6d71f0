from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.converters.wildscenes import read_wildscenes
from mmseg_splashkd.datasets.converters.writer import write_items
from mmseg_splashkd.datasets.label_coding import load_label_coding, read_gray
from mmseg_splashkd.datasets.split_table import read_table
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from tests.datasets.builders import (
    START,
    stamp,
    write_frame,
    write_label,
    write_table,
)

CODING = load_label_coding("wildscenes")


def label_of(number: int) -> np.ndarray:
    return np.full((12, 16), number % 19, np.uint8)


@pytest.fixture
def src(tmp_path: Path) -> Path:
    """Twelve frames of V-02, then eight of V-01, with what else the data set has."""
    root = tmp_path / "WildScenes2d"
    for number in range(20):
        folder = root / ("V-02" if number < 12 else "V-01")
        write_frame(folder / "image" / f"{stamp(number, 5)}.png", number)
        write_label(folder / "indexLabel" / f"{stamp(number, 5)}.png", label_of(number))
        write_frame(folder / "label" / f"{stamp(number, 5)}.png", number)
    write_frame(root / "K-01" / "image" / f"{stamp(99)}.png", 0)
    (root / "V-01" / "camera_calibration.yaml").touch()
    return root


def test_recordings_are_listed_with_exact_times_and_no_split(src):
    items = read_wildscenes(src)
    assert [item.recording for item in items] == ["V-01"] * 8 + ["V-02"] * 12
    assert items[0].timestamp == (START + 5 * 12) * 10**9 + 5
    assert items[8].timestamp == START * 10**9 + 5
    assert items[8].image == src / "V-02" / "image" / f"{stamp(0, 5)}.png"
    assert {item.split for item in items} == {""}


def test_recordings_are_stacked_by_time(src, tmp_path):
    table = write_items(read_wildscenes(src), tmp_path / "dst", CODING, about={})
    frames = read_table(table)
    assert [frame.recording for frame in frames] == ["V-02"] * 12 + ["V-01"] * 8
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(read_gray(frame.label), label_of(number))
        image = src / frame.recording / "image" / Path(frame.image).name
        assert Path(frame.image).read_bytes() == image.read_bytes()
    parts = {
        split: len(
            TimeSplitDataset(split, split_table=str(table), label_coding="wildscenes")
        )
        for split in ("train", "val", "test")
    }
    assert parts == {"train": 14, "val": 4, "test": 2}


def test_recordings_can_be_chosen(src):
    assert len(read_wildscenes(src, recordings=["V-02"])) == 12
    with pytest.raises(FileNotFoundError, match=r"V-03 is not a folder.*V-01, V-02"):
        read_wildscenes(src, recordings=["V-02", "V-03"])


def test_ids_restrict_frames(src, tmp_path, capsys):
    one = write_table(
        tmp_path / "train.csv",
        ["id", "im_path"],
        [[stamp(n, 5), "/WildScenes2d/x.png"] for n in (3, 15, 4)],
    )
    two = write_table(tmp_path / "val.csv", ["id"], [[stamp(99)], [stamp(6, 5)]])
    items = read_wildscenes(src, ids=[one, two])
    stems = [Path(str(item.image)).stem for item in items]
    assert stems == [stamp(n, 5) for n in (15, 3, 4, 6)]
    assert "1 of 5 ids are not frames of V-01, V-02" in capsys.readouterr().out


def test_a_byte_order_mark_does_not_hide_the_column(src, tmp_path, capsys):
    table = tmp_path / "ids.csv"
    table.write_text(f"id\n{stamp(3, 5)}\n", encoding="utf-8-sig")
    assert len(read_wildscenes(src, ids=[table])) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("header", "rows", "match"),
    [
        (["name"], [["1"]], r"no column 'id': \['name'\]"),
        (["id"], [["1"], ["2"]], "none of the 2 ids is a frame of V-01, V-02"),
    ],
)
def test_bad_ids_are_rejected(src, tmp_path, header, rows, match: str):
    table = write_table(tmp_path / "ids.csv", header, rows)
    with pytest.raises(ValueError, match=match):
        read_wildscenes(src, ids=[table])


def test_other_layouts_are_rejected(src, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"folder V-\*; .*holds WildScenes2d"):
        read_wildscenes(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"(?s)nowhere is not a .*indexLabel"):
        read_wildscenes(tmp_path / "nowhere")
    (src / "V-01" / "indexLabel").rename(src / "V-01" / "labels")
    with pytest.raises(FileNotFoundError, match=r"V-01/indexLabel is not a .*labels"):
        read_wildscenes(src)


def test_incomplete_copies_and_invalid_names_are_rejected(src):
    write_frame(src / "V-01" / "image" / f"{stamp(50)}.png", 0)
    with pytest.raises(FileNotFoundError, match=rf"1 files .* {src}.*{stamp(50)}\.png"):
        read_wildscenes(src)
    write_label(src / "V-01" / "indexLabel" / f"{stamp(50)}.png", label_of(0))
    for folder in ("image", "indexLabel"):
        folder = src / "V-01" / folder
        (folder / f"{stamp(50)}.png").rename(folder / "50.png")
    with pytest.raises(ValueError, match=r"image/50\.png: '50' is not a time stamp"):
        read_wildscenes(src)


def test_unknown_label_values_are_named_with_the_file(src, tmp_path):
    path = src / "V-01" / "indexLabel" / f"{stamp(13, 5)}.png"
    write_label(path, np.full((12, 16), 19, np.uint8))
    with pytest.raises(ValueError, match=rf"^{path}: .* 19 \(192 pixels\)"):
        write_items(read_wildscenes(src), tmp_path / "dst", CODING, about={})


def test_other_names_in_this_layout_tell_the_time(tmp_path):
    write_frame(tmp_path / "V-01" / "image" / "20231114T221320.png", 0)
    write_label(tmp_path / "V-01" / "indexLabel" / "20231114T221320.png", label_of(0))
    (item,) = read_wildscenes(tmp_path, timestamp="iso8601")
    assert item.timestamp == 1_700_000_000 * 10**9

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.converters.camvid import read_camvid
from mmseg_splashkd.datasets.converters.writer import write_items
from mmseg_splashkd.datasets.label_coding import load_label_coding, read_gray
from mmseg_splashkd.datasets.split_table import read_table
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from tests.datasets.builders import write_frame, write_label

CODING = load_label_coding("camvid")
STEMS = {
    "train": ["0001TP_006690", "0006R0_f00930"],
    "val": ["0016E5_07959", "0016E5_07961"],
    "test": ["Seq05VD_f00000", "0001TP_008550"],
}
# Percent of the pixels of train, val and test, void last.
SHARES = {
    "train": "16.845 23.259 .983 31.658 4.486 9.724 1.173 1.127 5.866 .639 .292 3.948",
    "val": "9.177 25.962 .564 28.953 8.719 16.336 .892 3.078 1.746 .651 2.217 1.703",
    "test": "17.066 24.605 1.177 25.807 9.269 11.253 1.01 1.184 3.972 .634 .189 3.833",
}


def draw(root: Path, images: str, labels: str, suffix: str = ".png") -> Path:
    """Draw the frames; ``{}`` in a folder's name is the part."""
    seed = 0
    for split, stems in STEMS.items():
        for stem in stems:
            write_frame(root / images.format(split) / f"{stem}{suffix}", seed)
            label = np.full((12, 16), seed * 2 + 1, np.uint8)  # 1 to 11, void
            write_label(root / labels.format(split) / f"{stem}.png", label)
            seed += 1
    return root


@pytest.fixture
def src(tmp_path: Path) -> Path:
    root = draw(tmp_path / "CamVid", "{}", "{}annot")
    (root / "train.txt").touch()
    return root


def test_both_layouts_give_the_same_frames(src, tmp_path):
    compact = draw(tmp_path / "compact", "images/{}", "labels/{}", ".jpg")
    for one, other in zip(read_camvid(src), read_camvid(compact), strict=True):
        assert (one.recording, one.timestamp, one.split) == (
            other.recording,
            other.timestamp,
            other.split,
        )
        assert one.label
        assert other.label
        np.testing.assert_array_equal(one.label(), other.label())


def test_time_is_the_frame_number_from_the_start_of_the_sequence(src):
    day, second = 86_400 * 10**9, 10**9
    found = {(item.recording, item.timestamp - 10**18) for item in read_camvid(src)}
    assert found == {
        ("0001TP", 223 * second),
        ("0001TP", 285 * second),
        ("0006R0", day + 31 * second),
        ("0016E5", 2 * day + 265_300_000_000),
        ("0016E5", 2 * day + 265_366_666_667),
        ("Seq05VD", 3 * day),
    }
    slow = read_camvid(src, fps="30000/1001")[0]
    assert slow.timestamp - 10**18 == 223_223_000_000


def test_official_split_is_kept_or_dropped(src, tmp_path):
    table = write_items(read_camvid(src), tmp_path / "official", CODING, about={})
    for split in STEMS:
        dataset = TimeSplitDataset(split, split_table=str(table), label_coding="camvid")
        assert len(dataset) == 2
    items = read_camvid(src, parts="none")
    table = write_items(items, tmp_path / "none", CODING, about={})
    frames = read_table(table)
    assert {frame.split for frame in frames} == {""}
    assert [frame.recording for frame in frames] == (
        ["0001TP"] * 2 + ["0006R0"] + ["0016E5"] * 2 + ["Seq05VD"]
    )
    with pytest.raises(ValueError, match="parts='all' is not one of"):
        read_camvid(src, parts="all")


def test_other_layouts_are_rejected(src, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"train is not a folder; .*holds CamVid"
    ):
        read_camvid(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        read_camvid(tmp_path / "nowhere")
    (src / "valannot").rename(src / "val_labels")
    with pytest.raises(
        FileNotFoundError, match=r"(?s)valannot is not a folder.*annot/"
    ):
        read_camvid(src)


@pytest.mark.parametrize(
    ("stem", "match"),
    [
        ("0001TP_x1", r"0001TP_x1\.png: '0001TP_x1' does not match"),
        ("0002TP_1", r"0002TP_1\.png: sequence '0002TP' is not one of CamVid's"),
    ],
)
def test_invalid_names_are_rejected(src, stem: str, match: str):
    for folder in ("train", "trainannot"):
        (src / folder / "0001TP_006690.png").rename(src / folder / f"{stem}.png")
    with pytest.raises(ValueError, match=match):
        read_camvid(src)


def test_one_frame_in_two_parts_is_rejected(src, tmp_path):
    for folder in ("", "annot"):
        frame = src / f"train{folder}" / "0001TP_006690.png"
        (src / f"val{folder}" / "0001TP_06690.png").write_bytes(frame.read_bytes())
    with pytest.raises(ValueError, match=r"06690\.png .* have the same time stamp"):
        write_items(read_camvid(src), tmp_path / "dst", CODING, about={})


def test_unknown_label_values_are_named_with_the_file(src, tmp_path):
    path = src / "testannot" / "0001TP_008550.png"
    write_label(path, np.full((12, 16), 12, np.uint8))
    with pytest.raises(ValueError, match=rf"^{path}: .* 12 \(192 pixels\)"):
        write_items(read_camvid(src), tmp_path / "dst", CODING, about={})


@pytest.mark.slow
@pytest.mark.skipif(
    "CAMVID_ROOT" not in os.environ,
    reason="set CAMVID_ROOT to a copy of CamVid in one of the two layouts",
)
def test_camvid_itself(tmp_path):
    items = read_camvid(Path(os.environ["CAMVID_ROOT"]))
    frames = read_table(write_items(items, tmp_path / "dst", CODING, about={}))
    assert Counter(f.split for f in frames) == {"train": 367, "val": 101, "test": 233}
    assert Counter(frame.recording for frame in frames) == {
        "0001TP": 124,
        "0006R0": 101,
        "0016E5": 305,
        "Seq05VD": 171,
    }
    original = {(item.recording, item.timestamp): item for item in items}
    counts = {split: np.zeros(12, int) for split in SHARES}
    for frame in frames:
        written = read_gray(frame.label)
        item = original[frame.recording, frame.timestamp]
        assert item.label
        assert written.dtype == np.uint8
        np.testing.assert_array_equal(written, item.label())
        assert Path(frame.image).read_bytes() == Path(str(item.image)).read_bytes()
        counts[frame.split] += np.bincount(written.ravel(), minlength=12)
    for split, count in counts.items():
        percent = 100 * count / count.sum()
        expected = [float(share) for share in SHARES[split].split()]
        np.testing.assert_allclose(percent, expected, rtol=0, atol=0.0005001)


def test_other_names_in_this_layout_tell_the_time(tmp_path):
    for second, split in enumerate(("train", "val", "test")):
        stem = f"170000000{second}"
        write_frame(tmp_path / "farm" / split / f"{stem}.png", second)
        label = np.full((12, 16), 1, np.uint8)
        write_label(tmp_path / "farm" / f"{split}annot" / f"{stem}.png", label)
    items = read_camvid(tmp_path / "farm", timestamp="seconds")
    found = [(i.recording, i.timestamp, i.split) for i in items]
    start, second = 1_700_000_000 * 10**9, 10**9
    assert found == [
        ("farm", start, "train"),
        ("farm", start + second, "val"),
        ("farm", start + 2 * second, "test"),
    ]
    with pytest.raises(ValueError, match="fps=30 is of CamVid's frame numbers"):
        read_camvid(tmp_path / "farm", fps=30, timestamp="seconds")

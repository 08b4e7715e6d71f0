from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.paired import read_pairs
from mmseg_splashkd.datasets.converters.writer import write_items
from mmseg_splashkd.datasets.label_coding import SPLASH, LabelCoding
from mmseg_splashkd.datasets.split_table import read_table
from tests.datasets.builders import splash_label, stamp, write_frame, write_label

COLOURS = [(0, 0, 9), (250, 50, 83)]
IDS = LabelCoding(["water", "splash"], COLOURS, {0: 0, 1: 1})
VOIDS = LabelCoding(["water", "splash"], COLOURS, {0: 0, 1: 1, 255: 255})


def write(root: Path, *masks: np.ndarray) -> Path:
    """Write photos of several suffixes and sizes' masks in one folder."""
    for number, mask in enumerate(masks):
        write_frame(root / f"{number}{('.jpg', '.JPEG')[number % 2]}", number)
        write_label(root / f"{number}.png", mask)
    return root


def labels(items: list[Item]) -> list[np.ndarray]:
    return [item.label() for item in items if item.label]


DRAWN = (splash_label(0), np.zeros_like(splash_label(0)), splash_label(2))


@pytest.mark.parametrize("coding", [SPLASH, IDS], ids=["0/255", "0/1"])
@pytest.mark.parametrize("stored", ["0/255", "0/1", "1 bit", "RGB", "colours"])
def test_masks_are_read_as_the_coding_expects(
    tmp_path: Path, coding: LabelCoding, stored: str
):
    drawn = [mask > 0 for mask in DRAWN]
    write_as: dict[str, Any] = {
        "0/255": lambda m: m * np.uint8(255),
        "0/1": lambda m: m * np.uint8(1),
        "1 bit": lambda m: m,
        "RGB": lambda m: np.repeat(m[..., None] * np.uint8(255), 3, 2),
        "colours": lambda m: np.array(coding.palette, np.uint8)[m.astype(int)],
    }
    root = write(tmp_path, *(write_as[stored](mask) for mask in drawn))
    read = labels(read_pairs(root, coding, timestamp="none"))
    for label, mask in zip(read, drawn, strict=True):
        np.testing.assert_array_equal(coding.to_train_ids(label, ""), mask)


def test_values_of_several_meanings_are_refused(tmp_path: Path):
    root = write(tmp_path, *DRAWN)
    with pytest.raises(ValueError, match=r"\[0, 255\].*\[0, 255\].*--values gray"):
        read_pairs(root, VOIDS, timestamp="none")
    for values, expected in (("binary", 1), ("gray", 255)):
        read = labels(read_pairs(root, VOIDS, timestamp="none", values=values))
        assert VOIDS.to_train_ids(read[0], "").max() == expected
    odd = write(tmp_path / "odd", *DRAWN, np.full((12, 16), 7, np.uint8))
    with pytest.raises(
        ValueError, match=r"values \[0, 7, 255\] of the masks are neith"
    ):
        read_pairs(odd, SPLASH, timestamp="none")


def test_time_is_read_or_asked_for(tmp_path: Path):
    root = write(tmp_path / "photos", *DRAWN)
    with pytest.raises(ValueError, match=r"0.jpg, tell no certain time: give --timest"):
        read_pairs(root, SPLASH)
    for number in range(2):
        write_frame(tmp_path / "cam" / "images" / f"{stamp(number)}.png", number)
        write_label(tmp_path / "cam" / "masks" / f"{stamp(number)}.png", DRAWN[number])
    items = read_pairs(tmp_path / "cam", SPLASH)
    assert [item.timestamp // 10**9 for item in items] == [1714521600, 1714521605]
    frames = read_pairs(
        root, SPLASH, timestamp={"name": "frame", "fps": 2}, recording="b"
    )
    assert [(f.recording, f.timestamp) for f in frames][1] == ("b", 500_000_000)


def test_files_without_a_partner_are_refused_or_chosen(tmp_path: Path):
    root = write(tmp_path / "src", *DRAWN)
    write_frame(root / "more.jpg", 5)
    with pytest.raises(
        ValueError, match=r"1 pictures have no mask \(such as more.jpg\)"
    ):
        read_pairs(root, SPLASH, timestamp="none")
    assert len(read_pairs(root, SPLASH, timestamp="none", unpaired="skip")) == 3
    items = read_pairs(root, SPLASH, timestamp="none", unpaired="unlabelled")
    table = write_items(items, tmp_path / "dst", SPLASH, about={"source": root})
    frames = read_table(table)
    assert [(f.source, bool(f.label), f.timestamp) for f in frames] == [
        ("0.jpg", True, -1),
        ("1.JPEG", True, -1),
        ("2.jpg", True, -1),
        ("more.jpg", False, -1),
    ]
    for name in ("0", "1", "2"):
        (root / f"{name}.png").unlink()
    with pytest.raises(FileNotFoundError, match="none of 4 pictures has a mask"):
        read_pairs(root, SPLASH, timestamp="none")


def test_bad_masks_are_left_out_on_request(tmp_path: Path):
    root = write(tmp_path / "src", *DRAWN, np.zeros((3, 3), np.uint8))
    (root / "1.png").write_bytes(b"no picture")
    (root / "._1.png").write_bytes(b"of macOS")
    with pytest.raises(ValueError, match=r"1.png cannot be read"):
        read_pairs(root, SPLASH, timestamp="none")
    items = read_pairs(root, SPLASH, timestamp="none", skip_bad=True)
    table = write_items(items, tmp_path / "dst", SPLASH, about={}, skip_bad=True)
    assert [bool(f.label) for f in read_table(table)] == [True, False, True, False]


def test_all_pictures_without_a_header_are_named_in_one_error(tmp_path: Path):
    root = write(tmp_path / "src", *[DRAWN[0]] * 13)
    for path in sorted(root.glob("*.[jJ]*"))[:12]:
        path.write_bytes(b"no picture")
    items = read_pairs(root, SPLASH, timestamp="none")
    with pytest.raises(ValueError, match="12 pictures cannot be converted") as caught:
        write_items(items, tmp_path / "dst", SPLASH, about={})
    assert str(caught.value).count(" cannot be read") == 10
    assert str(caught.value).endswith("and 2 more")


def test_transparent_masks_are_refused(tmp_path: Path):
    root = write(tmp_path, *DRAWN)
    Image.fromarray(np.zeros((12, 16, 4), np.uint8)).save(root / "0.png")
    with pytest.raises(ValueError, match="transparent in 192 pixels"):
        read_pairs(root, SPLASH, timestamp="none")

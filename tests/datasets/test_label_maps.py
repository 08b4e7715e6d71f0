import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.label_maps import (
    IGNORE,
    SPLASH,
    check_table,
    read_gray,
    to_train_ids,
)
from tests.datasets.builders import halve, splash_label, write_label

# A public benchmark's table of natural scenes: it merges, ignores and reorders.
TRAIN_IDS = [255, 8, 1, 6, 14, 4, 8, 13, 12, 0, 2, 11, 7, 255, 9, 5, 7, 10, 3]
SCENES = dict(enumerate(TRAIN_IDS))


@pytest.mark.parametrize("table", [SCENES, SPLASH.gray_to_train_id], ids=len)
def test_maps_every_pixel_by_the_table(table: dict[int, int]):
    gray = np.random.default_rng(0).choice([*table], (37, 53)).astype(np.uint8)
    before = gray.copy()
    train_ids = to_train_ids(gray, table, "label.png")
    expected = [[table[value] for value in row] for row in gray.tolist()]
    assert train_ids.dtype == np.uint8
    np.testing.assert_array_equal(train_ids, expected)
    np.testing.assert_array_equal(gray, before)


def test_default_coding_is_splash_255():
    assert SPLASH.classes == ("background", "splash")
    gray = np.array([[0, 255]], np.uint8)
    np.testing.assert_array_equal(
        to_train_ids(gray, SPLASH.gray_to_train_id, ""), [[0, 1]]
    )


def test_255_can_be_ignored_and_can_be_a_class():
    gray = np.array([[7, 255]], np.uint8)
    train_ids = to_train_ids(gray, {7: IGNORE, 255: 2}, "")
    np.testing.assert_array_equal(train_ids, [[255, 2]])


def test_one_unknown_pixel_is_named_with_file_value_and_count():
    gray = np.zeros((4, 5), np.uint8)
    gray[0, 0], gray[1:3, 1:3] = 254, 7
    message = (
        "pond.png: label values outside the table: 7 (4 pixels), 254 (1 pixels); "
        "the table knows [0, 255]."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        to_train_ids(gray, SPLASH.gray_to_train_id, "pond.png")


def test_many_unknown_values_are_cut_short():
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with pytest.raises(ValueError, match=r": 1 \(1 pixels\).*, 5 \(1 pixels\); the"):
        to_train_ids(gray, {0: 0}, "pond.png")


@pytest.mark.parametrize(
    "gray",
    [
        np.zeros((4, 5, 3), np.uint8),
        np.zeros((4, 5, 1), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 5), np.uint16),
        np.zeros((4, 5), np.int64),
        np.zeros((4, 5), bool),
    ],
    ids=lambda gray: f"{gray.shape} {gray.dtype}",
)
def test_only_one_channel_of_8_bits(gray: np.ndarray):
    message = re.escape(f"got shape {gray.shape} and dtype {gray.dtype}")
    with pytest.raises(ValueError, match=rf"pond\.png: .*{message}"):
        to_train_ids(gray, {0: 0}, "pond.png")


def test_table_may_come_as_text():
    typed: dict = {"0": "0", "9": 2, 255: "255"}
    assert check_table(typed, num_classes=3) == {0: 0, 9: 2, 255: 255}


@pytest.mark.parametrize("table", [{256: 0}, {-1: 0}, {0: 3}, {0: -1}, {0: 254}])
def test_table_out_of_range_is_refused(table: dict[int, int]):
    [(gray, train_id)] = table.items()
    message = rf"gray_to_train_id maps {gray} to {train_id}: .*trainIds in \[0, 3\)"
    with pytest.raises(ValueError, match=message):
        check_table(table, num_classes=3)


@pytest.mark.parametrize("table", [{"water": 0}, {0: "water"}, {0: None}, {"": 0}])
def test_table_of_anything_but_integers_is_refused(table: dict):
    with pytest.raises(ValueError, match="gray_to_train_id must map integers to int"):
        check_table(table, num_classes=3)


def test_reads_a_label_as_it_is_stored(tmp_path: Path):
    gray = splash_label(0)
    write_label(tmp_path / "gray.png", gray)
    np.testing.assert_array_equal(read_gray(tmp_path / "gray.png"), gray)
    np.testing.assert_array_equal(read_gray(str(tmp_path / "gray.png")), gray)


def test_reads_the_indices_of_a_palette_label_not_its_colours(tmp_path: Path):
    indices = np.random.default_rng(0).integers(0, 3, (12, 16)).astype(np.uint8)
    label = Image.fromarray(indices, "P")
    label.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])
    label.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_gray(tmp_path / "palette.png"), indices)


@pytest.mark.parametrize("content", [None, b"", b"no image at all"])
def test_unreadable_label_is_named(tmp_path: Path, content: bytes | None):
    path = tmp_path / "label.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"label {path} cannot be read"):
        read_gray(path)


def test_truncated_label_is_named(tmp_path: Path):
    path = tmp_path / "label.png"
    write_label(path, np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8))
    halve(path)
    with pytest.raises(ValueError, match=f"label {path} cannot be read: .*truncated"):
        read_gray(path)

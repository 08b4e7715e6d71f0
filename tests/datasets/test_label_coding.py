import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from mmseg_splashkd.datasets.label_coding import (
    IGNORE,
    SPLASH,
    check_table,
    colours_to_ids,
    load_label_coding,
    read_gray,
    to_train_ids,
)
from tests.datasets.builders import halve, splash_label, write_label

SCENES = load_label_coding("wildscenes")
CODINGS = ("splash", "camvid", "trash", "wildscenes", "cityscapes")
CUSTOM = {
    "classes": ["water", "foam"],
    "palette": [[0, 0, 9], [9, 9, 9]],
    "gray_to_train_id": {0: 0, 3: 1, 7: 1, 9: 255},
}


@pytest.mark.parametrize(
    "table", [SCENES.gray_to_train_id, SPLASH.gray_to_train_id], ids=len
)
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


def test_error_for_unknown_values_names_file_values_and_counts():
    gray = np.zeros((4, 5), np.uint8)
    gray[0, 0], gray[1:3, 1:3] = 254, 7
    message = (
        "pond.png: label values outside the table: 7 (4 pixels), 254 (1 pixels); "
        "the table has [0, 255]."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        to_train_ids(gray, SPLASH.gray_to_train_id, "pond.png")


def test_error_lists_at_most_five_unknown_values():
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with pytest.raises(ValueError, match=r": 1 \(1 pixels\).*, 5 \(1 pixels\); the"):
        to_train_ids(gray, {0: 0}, "pond.png")


@pytest.mark.parametrize(
    "gray",
    [
        np.zeros((4, 5, 3), np.uint8),
        np.zeros((4, 5, 1), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 5), np.int64),
    ],
    ids=lambda gray: f"{gray.shape} {gray.dtype}",
)
def test_other_shapes_and_dtypes_are_refused(gray: np.ndarray):
    message = re.escape(f"got shape {gray.shape} and dtype {gray.dtype}")
    with pytest.raises(ValueError, match=rf"pond\.png: .*{message}"):
        to_train_ids(gray, {0: 0}, "pond.png")


def test_unknown_values_can_be_mapped():
    gray = np.array([[0, 7, 255], [8, 0, 255]], np.uint8)
    mapped = to_train_ids(gray, SPLASH.gray_to_train_id, "", unknown=255)
    np.testing.assert_array_equal(mapped, [[0, 255, 1], [255, 0, 1]])
    coding = load_label_coding({**CUSTOM, "unknown": 1})
    np.testing.assert_array_equal(coding.to_train_ids(gray, ""), [[0, 1, 1], [1, 0, 1]])


def test_16_bit_labels():
    gray = np.array([[0, 300], [65535, 300]], np.uint16)
    table = {0: 0, 300: 2, 65535: 255}
    np.testing.assert_array_equal(to_train_ids(gray, table, ""), [[0, 2], [255, 2]])
    with pytest.raises(ValueError, match=r"outside the table: 300 \(2 pixels\), 65535"):
        to_train_ids(gray, {0: 0}, "")
    low = gray.clip(max=255).astype(np.uint8)  # a table may exceed 8 bits
    np.testing.assert_array_equal(
        to_train_ids(low, {**table, 255: 1}, ""), [[0, 1], [1, 1]]
    )


def test_table_of_strings_is_converted():
    typed: dict = {"0": "0", "9": 2, 255: "255"}
    assert check_table(typed, num_classes=3) == {0: 0, 9: 2, 255: 255}


@pytest.mark.parametrize("table", [{65536: 0}, {-1: 0}, {0: 3}, {0: -1}, {0: 254}])
def test_table_out_of_range_is_refused(table: dict[int, int]):
    [(gray, train_id)] = table.items()
    message = rf"gray_to_train_id maps {gray} to {train_id}: .*trainIds in \[0, 3\)"
    with pytest.raises(ValueError, match=message):
        check_table(table, num_classes=3)


@pytest.mark.parametrize("table", [{"water": 0}, {0: "water"}, {0: None}, {"": 0}])
def test_table_of_other_types_is_refused(table: dict):
    with pytest.raises(ValueError, match="gray_to_train_id must map integers to int"):
        check_table(table, num_classes=3)


def test_reads_stored_values(tmp_path: Path):
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
def test_error_names_an_unreadable_label(tmp_path: Path, content: bytes | None):
    path = tmp_path / "label.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"label {path} cannot be read"):
        read_gray(path)


def test_error_names_a_truncated_label(tmp_path: Path):
    path = tmp_path / "label.png"
    write_label(path, np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8))
    halve(path)
    with pytest.raises(ValueError, match=f"label {path} cannot be read: .*truncated"):
        read_gray(path)


def test_reads_16_bits(tmp_path: Path):
    gray = np.random.default_rng(0).integers(0, 65536, (12, 16)).astype(np.uint16)
    write_label(tmp_path / "label.png", gray)
    read = read_gray(tmp_path / "label.png")
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, gray)


@pytest.mark.parametrize(
    ("table", "true"),
    [
        ({0: 0, 1: 1}, 1),
        ({0: 0, 255: 1}, 1),
        ({0: 1, 255: 0}, 0),
        ({0: 0, 255: 255}, 255),
    ],
    ids=["1", "255", "white is class 0", "255 is ignored"],
)
def test_one_bit_is_read_as_the_table_expects(tmp_path: Path, table: dict, true: int):
    drawn = splash_label(0) == 255
    write_label(tmp_path / "label.png", drawn)
    read = to_train_ids(read_gray(tmp_path / "label.png"), table, "label.png")
    np.testing.assert_array_equal(read, np.where(drawn, true, table[0]))


def test_one_bit_of_two_meanings_is_refused(tmp_path: Path):
    table = {0: 0, 1: 1, 255: 255}
    write_label(tmp_path / "label.png", splash_label(0) == 255)
    with pytest.raises(
        ValueError, match=r"label.png has 1 bit a pixel.*1 \(trainId 1\)"
    ):
        to_train_ids(read_gray(tmp_path / "label.png"), table, "label.png")
    assert not to_train_ids(np.zeros((2, 2), bool), table, "").any()


# Built-in codings


def test_wildscenes_matches_the_specified_table():
    train_ids = [255, 8, 1, 6, 14, 4, 8, 13, 12, 0, 2, 11, 7, 255, 9, 5, 7, 10, 3]
    assert SCENES.gray_to_train_id == dict(enumerate(train_ids))
    assert SCENES.classes == (
        *("bush", "dirt", "fence", "grass", "gravel", "log", "mud", "object"),
        *("other-terrain", "rock", "sky", "structure"),
        *("tree-foliage", "tree-trunk", "water"),
    )


def test_trash_has_the_categories_of_the_annotations_in_order():
    trash = load_label_coding("trash")
    assert [trash.classes[i] for i in (0, 1, 3, 9, 10)] == [
        "background",
        "general trash",
        "paper pack",
        "battery",
        "clothing",
    ]
    assert trash.gray_to_train_id == {i: i for i in range(11)}


@pytest.mark.parametrize("name", CODINGS)
def test_gray_values_and_colours_round_trip(name: str):
    coding = load_label_coding(name)
    ids = [*range(len(coding.classes)), 255]
    if 255 not in coding.gray_to_train_id.values():
        ids.remove(255)
    train_ids = np.random.default_rng(0).choice(ids, (31, 37)).astype(np.uint8)
    gray = coding.to_gray(train_ids)
    assert gray.dtype == np.uint8
    np.testing.assert_array_equal(coding.to_train_ids(gray, ""), train_ids)
    colours = coding.to_colour(train_ids)
    for index in ids[:-1]:
        painted = colours[train_ids == index]
        assert (painted == coding.palette[index]).all()
    np.testing.assert_array_equal(coding.from_colour(colours, ""), train_ids)


def test_merged_values_map_back_to_the_chosen_gray_value():
    gray = SCENES.to_gray(np.array([[7, 8, 255]], np.uint8))
    np.testing.assert_array_equal(gray, [[16, 6, 0]])
    lowest = load_label_coding(CUSTOM).to_gray(np.array([[1, 0, 255]]))
    np.testing.assert_array_equal(lowest, [[3, 0, 9]])


def test_to_gray_with_16_bits():
    coding = load_label_coding({**CUSTOM, "gray_to_train_id": {0: 0, 40_000: 1}})
    gray = coding.to_gray(np.array([[1, 0]], np.uint8))
    assert gray.dtype == np.uint16
    np.testing.assert_array_equal(gray, [[40_000, 0]])


def test_error_names_train_ids_without_gray_value_or_colour():
    with pytest.raises(
        ValueError, match=r"trainIds \[255\] have no gray value in gray"
    ):
        SPLASH.to_gray(np.array([[0, 255]], np.uint8))
    with pytest.raises(
        ValueError, match=r"trainIds \[2, 7\] have no colour in the pal"
    ):
        SPLASH.to_colour(np.array([[0, 7, 2]], np.uint8))


def test_error_names_and_counts_colours_of_no_class():
    rgb = np.zeros((2, 3, 3), np.uint8)
    rgb[0, :2], rgb[1] = (1, 2, 3), (9, 9, 9)
    message = "x.png: 1 colours of no class: (1, 2, 3) in 2 pixels"
    with pytest.raises(ValueError, match=re.escape(message)):
        load_label_coding(CUSTOM).from_colour(rgb, "x.png")
    ids = colours_to_ids(rgb, {4: (1, 2, 3), 5: (9, 9, 9), 6: (0, 0, 0)}, "")
    np.testing.assert_array_equal(ids, [[4, 4, 6], [5, 5, 5]])
    with pytest.raises(
        ValueError, match=r"x\.png: expected 8-bit RGB, got shape \(2, "
    ):
        load_label_coding(CUSTOM).from_colour(rgb[..., 0], "x.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["water", "water"]}, "different names"),
        ({"classes": [], "palette": []}, "1 to 253 different names"),
        ({"palette": [[0, 0, 9]]}, "palette has 1 colours for 2 classes"),
        ({"palette": [[0, 0, 9], [9, 9]]}, "colour of 1 must be three values"),
        ({"palette": [[0, 0, 9], [9, 9, 256]]}, "colour of 1 must be three values"),
        ({"palette": [[0, 0, 9], [0, 0, 9]]}, "0 and 1 have the same colour [0, 0, 9]"),
        ({"ignore_colour": [9, 9, 9]}, "1 and ignore_colour have the same colour"),
        ({"gray_to_train_id": {0: 2}}, "maps 0 to 2: gray values lie in [0, 65535], "),
        ({"gray_to_train_id": [0, 1]}, "must map integers to integers, got [0, 1]"),
        ({"unknown": 2}, "unknown=2: give a trainId in [0, 2) or 255"),
        ({"train_id_to_gray": {1: 0}}, "paints trainId 1 with gray 0, which gray_to_t"),
        ({"train_id_to_gray": {0: 4}}, "gray_to_train_id reads as unknown"),
        ({"colours": []}, "unexpected keyword argument 'colours'"),
    ],
)
def test_inconsistent_tables_are_refused(change: dict, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_label_coding(CUSTOM | change)


def test_error_names_a_missing_argument_or_table():
    with pytest.raises(ValueError, match="required positional argument: 'palette'"):
        load_label_coding({"classes": ["water"], "gray_to_train_id": {0: 0}})


def test_loads_a_name_a_yaml_file_or_a_mapping(tmp_path: Path):
    path = tmp_path / "custom.yaml"
    path.write_text(yaml.safe_dump(CUSTOM))
    assert (
        load_label_coding(path)
        == load_label_coding(str(path))
        == load_label_coding(CUSTOM)
    )
    message = r"label_coding='splsh' is neither one of \['camvid'.* nor a YAML file"
    with pytest.raises(FileNotFoundError, match=message):
        load_label_coding("splsh")
    path.write_text("classes: [")
    with pytest.raises(ValueError, match=rf"label_coding {path} is not valid YAML"):
        load_label_coding(path)
    path.write_text("splash")
    with pytest.raises(
        ValueError, match=rf"{path}: expected classes, palette and gray"
    ):
        load_label_coding(path)


def test_black_can_be_a_class_if_no_value_is_ignored():
    black = {
        **CUSTOM,
        "palette": [[0, 0, 0], [9, 9, 9]],
        "gray_to_train_id": {0: 0, 3: 1},
    }
    ids = np.array([[0, 1]], np.uint8)
    coding = load_label_coding(black)
    np.testing.assert_array_equal(coding.from_colour(coding.to_colour(ids), ""), ids)
    with pytest.raises(ValueError, match=r"same colour .* set another ignore_colour"):
        load_label_coding({**black, "unknown": 255})

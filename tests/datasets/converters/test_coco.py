import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as mask_utils

from mmseg_splashkd.datasets.converters import coco_times
from mmseg_splashkd.datasets.converters.coco import read_coco
from mmseg_splashkd.datasets.converters.coco_shapes import Shape, check_shape
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.taco import TACO_TO_TRASH
from mmseg_splashkd.datasets.converters.writer import write_items
from mmseg_splashkd.datasets.label_coding import LabelCoding, load_label_coding
from mmseg_splashkd.datasets.split_table import read_table, write_table
from tests.datasets.builders import write_frame

# pycocotools 2.0.11 with NumPy 2, on every decoding.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
TRASH = load_label_coding("trash")
W, H = 40, 30
CATEGORIES = [
    {"id": i, "name": name.capitalize()} for i, name in enumerate(TRASH.classes) if i
]


def rectangle(x: int, y: int, width: int, height: int) -> list[float]:
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def annotation(key: int, category: int, segmentation: Any, image: int = 0) -> dict:
    row = {"id": key, "image_id": image, "category_id": category, "area": 1}
    return row | {"segmentation": segmentation, "iscrowd": 0}


def image(key: int, name: str | None = None, **fields: Any) -> dict:
    name = name or f"batch/{key:04d}.jpg"
    return {"id": key, "file_name": name, "width": W, "height": H} | fields


def write_coco(
    root: Path,
    annotations: list[dict] | None,
    images: list[dict] | None = None,
    categories: list[dict] | None = None,
    name: str = "train.json",
) -> Path:
    """Write a COCO file and, where they are missing, its images."""
    images = [image(0)] if images is None else images
    content: dict[str, Any] = {"images": images, "categories": categories or CATEGORIES}
    if annotations is not None:
        content["annotations"] = annotations
    for row in images:
        path = root / row["file_name"].replace("\\", "/")
        if not path.exists():
            write_frame(path, row["id"], (W, H))
    (root / name).write_text(json.dumps(content))
    return root


def paint(item: Item) -> np.ndarray:
    assert item.label is not None
    label = item.label()
    assert label.dtype == np.uint8
    return label


read = partial(read_coco, coding=TRASH)


# Painting


def test_rectangles_cover_the_pixels_between_their_corners(tmp_path: Path):
    shapes = [
        annotation(1, 6, [rectangle(3, 4, 10, 5)]),
        annotation(2, 2, [rectangle(20, 0, 20, 30)]),
    ]
    (item,) = read(write_coco(tmp_path, shapes))
    expected = np.zeros((H, W), np.uint8)
    expected[4:9, 3:13] = 6
    expected[:, 20:] = 2
    np.testing.assert_array_equal(paint(item), expected)


def test_polygons_agree_with_another_rasteriser_away_from_their_edges(tmp_path: Path):
    star = [20, 1, 25, 11, 39, 12, 28, 18, 33, 29, 20, 22, 7, 28, 12, 18, 1, 12, 15, 11]
    (item,) = read(write_coco(tmp_path, [annotation(1, 4, [star])]))
    canvas = Image.new("L", (W, H))
    ImageDraw.Draw(canvas).polygon(star, fill=4)
    expected = np.asarray(canvas)
    padded = np.pad(expected, 1, mode="edge")
    around = [padded[y : y + H, x : x + W] for y in range(3) for x in range(3)]
    inner = np.all([part == expected for part in around], axis=0)
    assert (inner & (expected == 4)).sum() > 150
    np.testing.assert_array_equal(paint(item)[inner], expected[inner])


def test_two_polygons_of_one_annotation_are_one_shape(tmp_path: Path):
    """Together they are larger than the shape between them, and painted before it."""
    halves = [rectangle(0, 0, 10, 10), rectangle(10, 0, 10, 10)]
    shapes = [annotation(1, 3, [rectangle(5, 0, 11, 10)]), annotation(2, 5, halves)]
    label = paint(read(write_coco(tmp_path, shapes))[0])
    np.testing.assert_array_equal(label[0, :21], [5] * 5 + [3] * 11 + [5] * 4 + [0])


def test_mask_area_decides_the_painting_order(tmp_path: Path):
    small = annotation(1, 1, [rectangle(12, 12, 4, 4)]) | {"area": 10_000}
    middle = annotation(2, 2, [rectangle(10, 10, 9, 9)]) | {"area": 0}
    large = annotation(3, 3, [rectangle(5, 5, 20, 20)]) | {"area": 1}
    expected = np.zeros((H, W), np.uint8)
    for gray, start, size in ((3, 5, 20), (2, 10, 9), (1, 12, 4)):
        expected[start : start + size, start : start + size] = gray
    for name, order in (("a", [small, middle, large]), ("b", [large, small, middle])):
        label = paint(read(write_coco(tmp_path / name, order))[0])
        np.testing.assert_array_equal(label, expected)


@pytest.mark.parametrize("flip", [False, True])
def test_of_equal_areas_the_higher_id_is_painted_last(tmp_path: Path, flip: bool):
    shapes = [
        annotation(7, 1, [rectangle(0, 0, 4, 4)]),
        annotation(9, 2, [rectangle(2, 0, 4, 4)]),
    ]
    label = paint(read(write_coco(tmp_path, shapes[::-1] if flip else shapes))[0])
    np.testing.assert_array_equal(label[0, :7], [1, 1, 2, 2, 2, 2, 0])


def test_run_lengths_of_both_kinds(tmp_path: Path):
    blob = np.random.default_rng(0).random((H, W)) < 0.3
    compressed: Any = mask_utils.encode(np.asfortranarray(blob.astype(np.uint8)))
    compressed = {"size": [H, W], "counts": compressed["counts"].decode()}
    # By hand, down the columns: 2 + H pixels nothing, 3 on, the rest nothing.
    by_hand = {"size": [H, W], "counts": [2 + H, 3, H * W - H - 5]}
    crowd = annotation(1, 8, compressed) | {"iscrowd": 1}
    (item,) = read(write_coco(tmp_path, [crowd, annotation(2, 9, by_hand)]))
    expected = np.where(blob, 8, 0)
    expected[2:5, 1] = 9
    np.testing.assert_array_equal(paint(item), expected)


def test_compressed_run_lengths_are_checked():
    draw = np.random.default_rng(1)
    for share in np.linspace(0, 1, 50):
        blob = (draw.random((H, W)) < share).astype(np.uint8)
        blob[:, : draw.integers(W)] = draw.integers(2)
        runs: Any = mask_utils.encode(np.asfortranarray(blob))
        text = runs["counts"].decode()
        whole, cut = ({"size": [H, W], "counts": t} for t in (text, text[:-1]))
        check_shape(Shape("", 1, 1, whole), (W, H))
        with pytest.raises(ValueError, match="sum is the"):
            check_shape(Shape("", 1, 1, cut), (W, H))


def test_images_without_annotations_are_background(tmp_path: Path):
    shapes = [annotation(1, 1, [rectangle(0, 0, 4, 4)], image=1)]
    first, second = read(write_coco(tmp_path, shapes, [image(0), image(1)]))
    assert not paint(first).any()
    assert paint(second).sum() == 16


@pytest.mark.parametrize("annotations", [None, []])
def test_a_file_without_annotations_is_unlabelled(
    tmp_path: Path, annotations: list | None
):
    write_coco(tmp_path, annotations, name="test.json")
    (item,) = read(tmp_path, annotations={"test": "test.json"})
    assert item.label is None
    assert item.split == "test"


# Categories


def test_categories_match_by_name_not_by_id(tmp_path: Path):
    rows = [{"id": 1, "name": "GLASS"}, {"id": 5, "name": "Paper pack"}]
    shapes = [
        annotation(1, 1, [rectangle(0, 0, 2, 2)]),
        annotation(2, 5, [rectangle(4, 0, 2, 2)]),
    ]
    label = paint(read(write_coco(tmp_path, shapes, categories=rows))[0])
    np.testing.assert_array_equal(label[0, :7], [5, 5, 0, 0, 3, 3, 0])


def test_categories_match_by_id_on_request(tmp_path: Path):
    shapes = [annotation(1, 7, [rectangle(0, 0, 2, 2)])]
    write_coco(tmp_path, shapes, categories=[{"id": 7, "name": "foam"}])
    assert paint(read(tmp_path, categories="id")[0])[0, 0] == 7


def test_ids_that_map_trash_to_background_are_rejected(tmp_path: Path):
    rows = [{"id": 0, "name": "Aluminium foil"}]
    write_coco(tmp_path, [annotation(1, 0, [rectangle(0, 0, 2, 2)])], categories=rows)
    with pytest.raises(ValueError, match="'Aluminium foil', but gray value 0 is"):
        read(tmp_path, categories="id")


def test_ids_outside_the_label_coding_are_rejected(tmp_path: Path):
    rows = [{"id": 59, "name": "Cigarette"}]
    write_coco(tmp_path, [annotation(1, 59, [rectangle(0, 0, 2, 2)])], categories=rows)
    with pytest.raises(ValueError, match=r"category ids \[59\] are not gray values"):
        read(tmp_path, categories="id")


def test_taco_has_a_class_for_each_of_its_60_categories():
    assert len(TACO_TO_TRASH.keys() - {"Plastic drink bottle"}) == 60
    assert set(TACO_TO_TRASH.values()) == set(TRASH.classes) - {"background"}


def test_taco_becomes_trash(tmp_path: Path):
    rows = [{"id": 0, "name": "Aluminium foil"}, {"id": 36, "name": "Plastic Film"}]
    shapes = [
        annotation(1, 0, [rectangle(0, 0, 2, 2)]),
        annotation(2, 36, [rectangle(2, 0, 2, 2)]),
    ]
    write_coco(tmp_path, shapes, categories=rows)
    label = paint(read(tmp_path, categories="taco")[0])
    np.testing.assert_array_equal(label[0, :5], [4, 4, 8, 8, 0])


def test_unknown_names_are_rejected_with_the_closest_match(tmp_path: Path):
    rows = [{"id": 1, "name": "Plastics"}]
    shapes = [annotation(1, 1, [rectangle(0, 0, 2, 2)])]
    write_coco(tmp_path, shapes, categories=rows)
    with pytest.raises(ValueError, match="did 'Plastics' mean 'plastic'") as error:
        read(tmp_path)
    assert "styrofoam" in str(error.value)
    assert paint(read(tmp_path, categories={"plastics": "Plastic"})[0])[0, 0] == 6


def test_a_name_that_is_only_somewhat_alike_is_not_offered(tmp_path):
    categories = [{"id": 1, "name": "splash"}]  # 8 of 13 letters are in plastic
    write_coco(tmp_path, [annotation(1, 1, [[1, 1, 9, 1, 9, 9]])], None, categories)
    with pytest.raises(ValueError, match="that differ, or choose a label coding"):
        read_coco(tmp_path, TRASH)


def test_an_unused_name_mapping_is_rejected(tmp_path: Path):
    write_coco(tmp_path, [annotation(1, 1, [rectangle(0, 0, 2, 2)])])
    with pytest.raises(ValueError, match="plasic"):
        read(tmp_path, categories={"Plasic": "plastic"})


def test_an_unknown_table_is_rejected(tmp_path: Path):
    write_coco(tmp_path, [annotation(1, 1, [rectangle(0, 0, 2, 2)])])
    with pytest.raises(ValueError, match="categories='tacos'"):
        read(tmp_path, categories="tacos")


def test_uncovered_pixels_need_a_gray_value(tmp_path: Path):
    coding = LabelCoding(["plastic"], [(1, 2, 3)], {6: 0})
    rows = [{"id": 6, "name": "plastic"}]
    shapes = [annotation(1, 6, [rectangle(0, 0, 2, 2)])]
    write_coco(tmp_path, shapes, categories=rows)
    with pytest.raises(ValueError, match="no class 'background'"):
        read_coco(tmp_path, coding)


# Time, recordings and parts


def test_time_is_the_capture_date(tmp_path: Path):
    dates = ["2024-05-01 08:00:00", "2024-05-01T10:00:00.25+01:00"]
    images = [image(i, date_captured=date) for i, date in enumerate(dates)]
    items = read(write_coco(tmp_path, None, images))
    assert [item.timestamp for item in items] == [
        1_714_550_400_000_000_000,
        1_714_554_000_250_000_000,
    ]
    assert {item.recording for item in items} == {"batch"}


@pytest.mark.parametrize("date", ["2024-05-01 08:00:00", "yesterday", "", None])
def test_ids_are_frame_numbers_if_dates_are_missing_or_equal(
    tmp_path: Path, date: str | None
):
    images = [
        image(3, date_captured="2024-05-01 08:00:00"),
        image(8, date_captured=date),
    ]
    items = read(write_coco(tmp_path, None, images), fps="30000/1001", start=100)
    assert [item.timestamp for item in items] == [100_100_100_000, 100_266_933_333]


def test_parts_with_the_same_ids_are_separate_recordings(tmp_path: Path):
    shapes = [annotation(1, 1, [rectangle(0, 0, 2, 2)])]
    write_coco(tmp_path, shapes)
    write_coco(tmp_path, shapes, [image(0, "batch/val.jpg")], name="val.json")
    parts = {"train": "train.json", "val": "val.json"}
    items = read(tmp_path, annotations=parts)
    assert [(item.split, item.recording) for item in items] == [
        ("train", "train/batch"),
        ("val", "val/batch"),
    ]


def test_an_image_in_two_parts_is_rejected(tmp_path: Path):
    write_coco(tmp_path, None)
    write_coco(tmp_path, None, [image(5, "batch/0000.jpg")], name="val.json")
    with pytest.raises(
        ValueError, match=r"train.json, image 0 and .*val.json, image 5"
    ):
        read(tmp_path, annotations={"train": "train.json", "val": "val.json"})


def test_unknown_parts_are_rejected(tmp_path: Path):
    write_coco(tmp_path, None)
    with pytest.raises(ValueError, match="'training'"):
        read(tmp_path, annotations={"training": "train.json"})


def test_windows_paths_and_folders_of_parts(tmp_path: Path):
    write_coco(tmp_path, None, [image(0, "a\\b\\0.jpg")])
    (item,) = read(tmp_path)
    assert item.image == tmp_path / "a/b/0.jpg"
    assert item.recording == "a/b"
    write_frame(tmp_path / "val2017" / "1.jpg", 1, (W, H))
    rows = {"images": [image(1, "1.jpg")]}
    (tmp_path / "val.json").write_text(json.dumps(rows))
    parts = {"val": "val.json"}
    (item,) = read(tmp_path, annotations=parts, images={"val": "val2017"})
    assert item.image == tmp_path / "val2017/1.jpg"
    assert item.recording == f"val/{tmp_path.name}"


# Photographs on their side


def test_exif_orientation_is_applied(tmp_path: Path):
    lying = np.zeros((W, H, 3), np.uint8)  # as stored; upright it is H x W
    lying[:8, :8] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    path = tmp_path / "batch" / "0000.jpg"
    path.parent.mkdir()
    Image.fromarray(lying).save(path, exif=exif, quality=95)
    (item,) = read(write_coco(tmp_path, None))
    assert not isinstance(item.image, Path)
    upright = item.image()
    assert upright.shape == (H, W, 3)
    assert upright[4, -5, 0] > 200
    assert upright[4, 4, 0] < 50


# Refusals


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([], "segmentation .* is empty"),
        (None, "segmentation None is empty"),
        ([[]], "at least three points.*got 0"),
        ([[1, 1, 5, 1]], "at least three points.*got 4"),
        ([[1, 1, 5, 1, 5, 5, 1]], "even number of coordinates; got 7"),
        ([1, 1, 5, 1, 5, 5], "at least three points"),
        ([[1, 1, 5, 1, 5, float("nan")]], "far from the image"),
        ([[1, 1, 5, 1, 5, 1e9]], "far from the image"),
        ([[1, 1, 5, 1, 5, "a"]], "could not convert"),
        ({"counts": [3, 4]}, "do not fit the image"),
        ({"size": [W, H], "counts": [0, W * H]}, "do not fit the image"),
        (
            {"size": [H, W], "counts": [3, 4]},
            "sum is the 1200 pixels",
        ),
        ({"size": [H, W]}, "lack counts"),
        ({"size": [H, W], "counts": [-1, W * H + 1]}, "must be integers"),
        ({"size": [H, W], "counts": [0.5, W * H - 0.5]}, "must be integers"),
        ({"size": [H, W], "counts": "garbage"}, "must be integers"),
        ({"size": [H, W], "counts": ""}, "must be integers"),
    ],
)
def test_invalid_segmentations_are_rejected(
    tmp_path: Path, segmentation: Any, message: str
):
    write_coco(tmp_path, [annotation(17, 1, segmentation)])
    with pytest.raises(ValueError, match=rf"train.json, annotation 17: .*{message}"):
        read(tmp_path)


@pytest.mark.parametrize("field", ["image_id", "category_id"])
def test_annotations_with_unknown_references_are_rejected(tmp_path: Path, field: str):
    shape = annotation(17, 1, [rectangle(0, 0, 2, 2)]) | {field: 99}
    write_coco(tmp_path, [shape])
    with pytest.raises(ValueError, match=f"annotation 17: {field} 99 is not listed"):
        read(tmp_path)


def test_a_missing_image_is_named(tmp_path: Path):
    write_coco(tmp_path, None)
    (tmp_path / "batch" / "0000.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"image 0: .*0000.jpg does not exist"):
        read(tmp_path)


def test_an_image_of_another_size_is_named(tmp_path: Path):
    write_coco(tmp_path, None, [image(4, width=W + 1)])
    with pytest.raises(ValueError, match=r"image 4: .* \(40, 30\), .* \(41, 30\)"):
        read(tmp_path)


def test_an_unreadable_image_is_listed_for_the_writer_to_refuse(tmp_path: Path):
    write_coco(tmp_path / "src", None)
    (tmp_path / "src" / "batch" / "0000.jpg").write_bytes(b"no picture")
    items = read(tmp_path / "src")
    with pytest.raises(ValueError, match=r"0000.jpg cannot be read"):
        write_items(items, tmp_path / "dst", TRASH, about={})


def test_duplicate_ids_are_rejected(tmp_path: Path):
    write_coco(tmp_path, None, [image(4), image(4)])
    with pytest.raises(ValueError, match="image id 4 is not unique"):
        read(tmp_path)


def test_a_file_name_outside_of_the_folder_is_rejected(tmp_path: Path):
    write_frame(tmp_path / "0.jpg", 0, (W, H))
    write_coco(tmp_path / "inner", None, [image(0, "../0.jpg")])
    with pytest.raises(ValueError, match="leads out of"):
        read(tmp_path / "inner")


def test_other_layouts_are_rejected_with_the_expected_one(tmp_path: Path):
    (tmp_path / "other.json").write_text("[]")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(FileNotFoundError, match=r"train.json does not .*other.json"):
        read(tmp_path)
    with pytest.raises(ValueError, match=r"lists no images; it has list\. Expected"):
        read(tmp_path, annotations="other.json")
    with pytest.raises(ValueError, match="is not valid JSON"):
        read(tmp_path, annotations="broken.json")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)
    with pytest.raises(ImportError, match=r"\.\[data\]"):
        read(write_coco(tmp_path, None))


# Times of names


def stamped(count: int = 40) -> list[dict]:
    """Frames one second apart whose ids are shuffled."""
    ids = np.random.default_rng(0).permutation(count).tolist()
    return [
        image(key, f"cam/{1_714_521_600 + n}-000000000.jpg")
        for n, key in enumerate(ids)
    ]


def test_shuffled_ids_do_not_move_names_that_are_times(tmp_path: Path):
    write_coco(tmp_path / "src", None, stamped())
    items = read(tmp_path / "src")
    assert [i.timestamp // 10**9 - 1_714_521_600 for i in items] == list(range(40))
    assert {i.recording for i in items} == {"cam"}
    table = write_items(items, tmp_path / "dst", TRASH, about={"source": "src"})
    frame = read_table(table)[7]
    assert Path(frame.image).stem == "1714521607-000000000"
    assert frame.source == "cam/1714521607-000000000.jpg"
    write_table(tmp_path / "split.csv", read_table(table))  # as tools/split_dataset.py
    assert read_table(tmp_path / "split.csv")[7].source == frame.source


def test_the_origin_of_the_time_can_be_chosen(tmp_path: Path):
    names = ["a_20240501T080000Z.jpg", "b_20240501T080001Z.jpg"]
    dates = ["2024-05-02 08:00:00", "2024-05-02 08:00:05"]
    rows = [image(5 - n, names[n], date_captured=dates[n]) for n in range(2)]
    write_coco(tmp_path, None, rows)
    form = {"name": "iso8601", "stem": r"(?P<recording>.)_(?P<stamp>.+)"}
    day = 86_400 * 10**9
    by_name = read(tmp_path, timestamp=form)
    assert [item.recording for item in by_name] == ["a", "b"]
    by_date = read(tmp_path, timestamp="date")
    assert by_date[0].timestamp - by_name[0].timestamp == day
    assert [i.timestamp for i in read(tmp_path, timestamp="id")] == [
        5 * 10**9,
        4 * 10**9,
    ]
    assert {i.timestamp for i in read(tmp_path, timestamp="none")} == {-1}
    with pytest.raises(ValueError, match=r"fps=5 and start=None are of ids"):
        read(tmp_path, timestamp=form, fps=5)


def test_times_that_would_be_lost_or_contradict_are_refused(tmp_path: Path):
    write_coco(tmp_path / "a", None, [image(1, "a_20240501T080000Z.jpg")])
    with pytest.raises(
        ValueError, match=r"seem to contain the time, such as a_2024.*--timestamp"
    ):
        read(tmp_path / "a")
    row = image(1, "20240501T080000Z.jpg", date_captured="2024-05-01 10:00:00")
    write_coco(tmp_path / "b", None, [row])
    with pytest.raises(
        ValueError, match=r"date_captured '2024-05-01 10:00:00' are different"
    ):
        read(tmp_path / "b")


def test_ids_against_the_order_of_names_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    said: list[str] = []
    monkeypatch.setattr(coco_times, "print_log", lambda text, *_: said.append(text))
    rows = [image(9, "f2.jpg", date_captured="x"), image(3, "f10.jpg")]
    read(write_coco(tmp_path, None, rows))
    assert "f2.jpg has id 9, f10.jpg has id 3" in said[0]
    assert "image 9 has 'x'" in said[0]


def test_photos_without_time_keep_their_names(tmp_path: Path):
    rows = [image(1, "a/x:y.jpg"), image(2, "a/z.jpg")]
    items = read(write_coco(tmp_path / "src", None, rows), timestamp="none")
    table = write_items(items, tmp_path / "dst", TRASH, about={})
    assert [Path(f.image).name for f in read_table(table)] == ["x_y.jpg", "z.jpg"]
    twins = [replace(items[0], source="a/Z.jpg"), items[1]]
    with pytest.raises(ValueError, match="would be written to one file"):
        write_items(twins, tmp_path / "other", TRASH, about={})


# Leaving out


def test_bad_annotations_are_left_out_on_request(tmp_path: Path):
    good = annotation(1, 1, [rectangle(0, 0, 4, 4)])
    rows = [
        good,
        annotation(2, 1, [[1, 1, 5, 1]]),  # of the same image: its label is incomplete
        annotation(3, 1, [], image=1),
        annotation(4, 1, [rectangle(0, 0, 4, 4)], image=2),
        annotation(5, 1, [rectangle(0, 0, 4, 4)], image=77),
    ]
    images = [image(n) for n in range(5)]
    images[4]["width"] += 1
    write_coco(tmp_path / "src", rows, images)
    with pytest.raises(ValueError, match="annotation 2: a polygon needs"):
        read(tmp_path / "src")
    items = read(tmp_path / "src", skip_bad=True)
    table = write_items(items, tmp_path / "dst", TRASH, about={}, skip_bad=True)
    labelled = [bool(frame.label) for frame in read_table(table)]
    assert labelled == [False, False, True, True, False]
    about = json.loads((tmp_path / "dst" / "about.json").read_text())
    assert about["left_out"]["labels"] == 3
    assert "annotation 3: segmentation [] is empty" in about["left_out"]["first"][1]
    assert about["counts"]["labels"] == 2


def test_annotations_on_the_unturned_picture_are_refused(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "batch").mkdir()
    path = tmp_path / "batch" / "0000.jpg"
    Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(path, exif=exif)
    with pytest.raises(ValueError, match="annotated without its EXIF orientation"):
        read(write_coco(tmp_path, [annotation(1, 1, [rectangle(0, 0, 4, 4)])]))

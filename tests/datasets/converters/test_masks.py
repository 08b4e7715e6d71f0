import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.masks import read_masks
from mmseg_splashkd.datasets.converters.writer import write_items
from mmseg_splashkd.datasets.label_coding import SPLASH, LabelCoding, load_label_coding
from mmseg_splashkd.datasets.split_table import read_table
from tests.datasets.builders import SIZE, splash_label, stamp, write_frame, write_label

W, H = SIZE
NANOSECONDS = 10**9
LABELMAP = """# label:color_rgb:parts:actions
background:0,0,0::
Splash:250,50,83::
fish:8,16,24:head,tail:
"""
GRAY = LabelCoding(
    ["background", "splash", "fish"],
    [(1, 1, 1), (2, 2, 2), (3, 3, 3)],
    {0: 0, 255: 1, 100: 2, 7: 255},
)


def coloured(label: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Paint the splash of a drawn label in a colour, on black."""
    return np.where(label[..., None] > 0, np.array(colour, np.uint8), np.uint8(0))


def write_cvat(root: Path, labelmap: str = LABELMAP) -> Path:
    """Write two pictures, the first with a mask."""
    for number in range(2):
        write_frame(root / "JPEGImages" / f"{stamp(number)}.png", number)
    mask = coloured(splash_label(0), (250, 50, 83))
    mask[-1, :3] = (8, 16, 24)
    write_label(root / "SegmentationClass" / f"{stamp(0)}.png", mask)
    (root / "labelmap.txt").write_text(labelmap)
    return root


def paint(item: Item) -> np.ndarray:
    assert item.label is not None
    label = item.label()
    assert label.dtype == np.uint8
    return label


read = partial(read_masks, coding=GRAY)


# CVAT, Segmentation mask 1.1


def test_colours_become_gray_values_by_the_name_of_their_class(tmp_path: Path):
    first, second = read(write_cvat(tmp_path / "cam"))
    expected = splash_label(0)
    expected[-1, :3] = 100
    np.testing.assert_array_equal(paint(first), expected)
    assert second.label is None
    assert [item.recording for item in (first, second)] == ["cam", "cam"]
    assert first.timestamp == int(stamp(0)[:10]) * NANOSECONDS
    assert first.image == tmp_path / "cam" / "JPEGImages" / f"{stamp(0)}.png"


def test_unreadable_pictures_do_not_hide_each_other(tmp_path: Path):
    root = write_cvat(tmp_path / "cam")
    for number in range(2):
        (root / "JPEGImages" / f"{stamp(number)}.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="2 pictures cannot be converted"):
        write_items(read(root), tmp_path / "dst", GRAY, about={})


def test_palette_masks_are_read_by_their_colours(tmp_path: Path):
    write_cvat(tmp_path)
    path = tmp_path / "SegmentationClass" / f"{stamp(0)}.png"
    with Image.open(path) as mask:
        expected = paint(read(tmp_path)[0])
        mask.convert("P", palette=Image.Palette.ADAPTIVE, colors=3).save(path)
    np.testing.assert_array_equal(paint(read(tmp_path)[0]), expected)


def test_pictures_without_a_mask_can_be_background(tmp_path: Path):
    _, second = read(write_cvat(tmp_path), without_mask="background")
    np.testing.assert_array_equal(paint(second), np.zeros((H, W), np.uint8))
    with pytest.raises(ValueError, match="without_mask='empty'"):
        read(tmp_path, without_mask="empty")


def test_unknown_colours_are_named_with_their_pixels(tmp_path: Path):
    write_cvat(tmp_path)
    path = tmp_path / "SegmentationClass" / f"{stamp(0)}.png"
    with Image.open(path) as mask:
        pixels = np.array(mask)
    pixels[0, :2] = (9, 9, 9)
    write_label(path, pixels)
    with pytest.raises(ValueError, match=rf"{path.name}.*\(9, 9, 9\) in 2 pixels"):
        paint(read(tmp_path)[0])


def test_unknown_classes_are_rejected_with_both_sides(tmp_path: Path):
    write_cvat(tmp_path, LABELMAP.replace("Splash:", "Splashes:"))
    with pytest.raises(ValueError, match="did 'Splashes' mean 'splash'") as error:
        read(tmp_path)
    assert "['background', 'Splashes', 'fish']" in str(error.value)
    assert (paint(read(tmp_path, names={"splashes": "splash"})[0]) == 255).sum() == 16


def test_a_class_can_be_ignored_or_merged(tmp_path: Path):
    write_cvat(tmp_path)
    first, _ = read(tmp_path, names={"fish": "ignore"})
    assert paint(first)[-1, :4].tolist() == [7, 7, 7, 0]
    first, _ = read_masks(tmp_path, SPLASH, names={"fish": "background"})
    np.testing.assert_array_equal(paint(first), splash_label(0))
    with pytest.raises(ValueError, match="'fish'"):  # splash's coding ignores nothing
        read_masks(tmp_path, SPLASH, names={"fish": "ignore"})


def test_background_is_ignored_if_it_is_no_class(tmp_path: Path):
    labelmap = "background:0,0,0::\nwater:250,50,83::\nrock:8,16,24::\n"
    first, _ = read_masks(
        write_cvat(tmp_path, labelmap), load_label_coding("wildscenes")
    )
    expected = np.where(splash_label(0) > 0, 4, 0)
    expected[-1, :3] = 14
    np.testing.assert_array_equal(paint(first), expected)


def test_parts_of_the_export_and_folders_are_kept(tmp_path: Path):
    write_cvat(tmp_path)
    name = f"cam2/{stamp(9)}"
    write_frame(tmp_path / "JPEGImages" / f"{name}.png", 9)
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "Train.txt").write_text(f"{stamp(0)}\n{stamp(1)}\n")
    (lists / "Validation.txt").write_text(f"{name}\n")
    items = read(tmp_path)
    assert [item.split for item in items] == ["train", "train", "val"]
    assert items[2].recording == "cam2"


def test_pictures_may_be_in_another_folder_with_other_time_stamps(tmp_path: Path):
    export = write_cvat(tmp_path / "export")
    (export / "JPEGImages").rename(tmp_path / "frames")
    with pytest.raises(FileNotFoundError, match="no pictures"):
        read(export)
    assert len(read(export, images=tmp_path / "frames")) == 2
    for number in range(2):
        for path in tmp_path.rglob(f"{stamp(number)}.png"):
            path.rename(path.with_name(f"pond_{number:04d}.png"))
    form = {"name": "frame", "fps": 4, "stem": r"(?P<recording>.+)_(?P<stamp>\d+)"}
    items = read(export, timestamp=form, images=tmp_path / "frames")
    assert [(item.recording, item.timestamp) for item in items] == [
        ("pond", 0),
        ("pond", NANOSECONDS // 4),
    ]


def test_a_mask_without_a_picture_is_rejected(tmp_path: Path):
    write_cvat(tmp_path)
    (tmp_path / "JPEGImages" / f"{stamp(0)}.png").unlink()
    with pytest.raises(FileNotFoundError, match="1 masks have no picture"):
        read(tmp_path)


def test_two_pictures_of_one_time_are_rejected(tmp_path: Path):
    write_cvat(tmp_path)
    for name in ("a", "b"):
        write_frame(tmp_path / "JPEGImages" / f"{name}_{stamp(5)}.png", 5)
    form = {"stem": r"(?:[ab]_)?(?P<stamp>[-\d]+)"}
    with pytest.raises(ValueError, match=r"a_.*b_.*have the same time"):
        read(tmp_path, timestamp=form)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("splash::: ", "line 2: .*expected a colour"),
        ("splash:1,2::", "expected a colour"),
        ("splash:1,2,x::", "invalid literal"),
        ("splash", "not enough values"),
        ("splash:0,0,0::", "'splash' shares its colour"),
    ],
)
def test_unreadable_lines_of_labelmap_txt_are_named(
    tmp_path: Path, line: str, message: str
):
    write_cvat(tmp_path, f"background:0,0,0::\n{line}\n")
    with pytest.raises(ValueError, match=rf"labelmap.txt.*{message}"):
        read(tmp_path)


def test_other_layouts_are_rejected_with_the_expected_ones(tmp_path: Path):
    (tmp_path / "something").mkdir()
    with pytest.raises(FileNotFoundError, match=r"something\. Expected one of"):
        read(tmp_path)
    write_cvat(tmp_path)
    (tmp_path / "labelmap.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"labelmap.txt does not exist"):
        read(tmp_path)


# CVAT, CamVid 1.0


def test_camvid_export(tmp_path: Path):
    for number, part in enumerate(("default", "Validation")):
        write_frame(tmp_path / part / f"{stamp(number)}.png", number)
        mask = coloured(splash_label(number), (9, 8, 7))
        write_label(tmp_path / f"{part}annot" / f"{stamp(number)}.png", mask)
    (tmp_path / "label_colors.txt").write_text("0 0 0 background\n9 8 7 water splash\n")
    items = read(tmp_path, names={"Water splash": "splash"})
    assert [item.split for item in items] == ["val", ""]
    for number, item in enumerate(items[::-1]):
        np.testing.assert_array_equal(paint(item), splash_label(number))


# Label Studio


def brush(task: int, name: str, annotation: int = 7, index: int = 0) -> str:
    user = "ann@farm.example"
    return f"task-{task}-annotation-{annotation}-by-{user}-tag-{name}-{index}.png"


def task(key: int, name: str, submitted: bool = True, marked: bool = False) -> dict:
    result = [{"type": "brushlabels"}] if marked else []
    annotation = {"id": 7, "was_cancelled": False, "result": result}
    row = {"id": key, "data": {"id": "x", "image": name}}
    return row | {"annotations": [annotation] if submitted else []}


def mask_of(*rows: int) -> np.ndarray:
    mask = np.zeros((H, W), np.uint8)
    mask[list(rows)] = 255
    return mask


def write_studio(root: Path, tasks: list[dict] | dict) -> Path:
    (root / "images").mkdir(parents=True)
    (root / "export.json").write_text(json.dumps(tasks))
    for number in range(3):
        write_frame(root / "images" / f"{stamp(number)}.png", number)
    return root


UPLOADS = [
    task(3, f"/data/upload/1/0123abcd-{stamp(0)}.png", marked=True),
    task(4, f"/data/local-files/?d=farm%2F{stamp(1)}.png"),
    task(5, f"https://farm.example/{stamp(2)}.png?key=1", submitted=False),
]


def test_label_studio_masks_are_merged_per_task(tmp_path: Path):
    write_studio(tmp_path, UPLOADS)
    write_label(tmp_path / brush(3, "Splash"), mask_of(1, 2, 3))
    write_label(tmp_path / brush(3, "Splash", index=1), mask_of(6))
    write_label(tmp_path / brush(3, "fish"), mask_of(2))
    first, second, third = read(tmp_path)
    expected = mask_of(1, 3, 6)
    expected[2] = 100  # the smaller lies on top
    np.testing.assert_array_equal(paint(first), expected)
    np.testing.assert_array_equal(paint(second), mask_of())
    assert third.label is None
    assert [item.image for item in (first, second, third)] == [
        tmp_path / "images" / f"{stamp(number)}.png" for number in range(3)
    ]
    assert second.timestamp - first.timestamp == 5 * NANOSECONDS


def test_brush_pixels_count_from_half_opacity(tmp_path: Path):
    write_studio(
        tmp_path, [task(n + 3, f"{stamp(n)}.png", marked=True) for n in (0, 1)]
    )
    write_label(tmp_path / brush(3, "splash"), np.full((H, W), 127, np.uint8))
    write_label(tmp_path / brush(4, "splash"), np.full((H, W), 128, np.uint8))
    first, second = read(tmp_path)
    assert (paint(first).max(), paint(second).min()) == (0, 255)


def test_a_class_name_may_contain_dashes(tmp_path: Path):
    write_studio(tmp_path, UPLOADS)
    write_label(tmp_path / brush(3, "white-water-2"), mask_of(1))
    first, *_ = read(tmp_path, names={"white-water-2": "splash", "foam": "fish"})
    np.testing.assert_array_equal(paint(first), mask_of(1))


def test_tasks_may_be_a_mapping_of_uploaded_names(tmp_path: Path):
    write_studio(tmp_path, {"3": f"89abcdef-{stamp(8)}.png", "4": f"{stamp(1)}.png"})
    write_frame(tmp_path / "images" / f"89abcdef-{stamp(8)}.png", 8)
    write_label(tmp_path / brush(3, "splash"), mask_of(1))
    first, second = read(tmp_path)
    assert first.timestamp == int(stamp(8)[:10]) * NANOSECONDS
    assert second.label is None


def test_the_json_min_export_lists_submitted_tasks(tmp_path: Path):
    rows = [{"id": n, "image": f"{stamp(n)}.png", "annotation_id": 7} for n in range(2)]
    write_studio(tmp_path, rows)
    write_label(tmp_path / brush(0, "splash"), mask_of(1))
    first, second = read(tmp_path)
    np.testing.assert_array_equal(paint(first), mask_of(1))
    np.testing.assert_array_equal(paint(second), mask_of())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (brush(9, "splash"), "task 9 is not listed"),
        (brush(3, "splash", annotation=8), r"task 3 has the annotations \[7, 8\]"),
        (brush(3, "foam"), r"\['foam'\] are not classes"),
    ],
)
def test_masks_that_do_not_match_the_tasks_are_rejected(
    tmp_path: Path, name: str, message: str
):
    write_studio(tmp_path, UPLOADS)
    write_label(tmp_path / brush(3, "splash"), mask_of(1))
    write_label(tmp_path / name, mask_of(2))
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


def test_tasks_without_their_files_are_rejected(tmp_path: Path):
    write_studio(tmp_path, UPLOADS)
    write_label(tmp_path / brush(4, "splash"), mask_of(1))
    with pytest.raises(FileNotFoundError, match="task 3 has brush labels, but no PNG"):
        read(tmp_path)
    write_label(tmp_path / brush(3, "splash"), mask_of(1))
    (tmp_path / "images" / f"{stamp(1)}.png").unlink()
    with pytest.raises(FileNotFoundError, match=f"{stamp(1)}.png of task 4 is not in"):
        read(tmp_path)
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(FileNotFoundError, match="name it by tasks="):
        read(tmp_path)
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"other.json is neither"):
        read(tmp_path, tasks="other.json")


def test_a_mask_of_another_size_is_named(tmp_path: Path):
    write_studio(tmp_path, UPLOADS)
    write_label(tmp_path / brush(3, "splash"), np.zeros((H, W + 1), np.uint8))
    with pytest.raises(ValueError, match=r"task-3-.*\(12, 17\).*\(12, 16\)"):
        paint(read(tmp_path)[0])


# Writing


def test_items_are_written(tmp_path: Path):
    items = read(write_cvat(tmp_path / "cam"))
    table = write_items(items, tmp_path / "out", GRAY, about={"source": "cvat"})
    first, second = read_table(table)
    assert first.splash_share == pytest.approx(16 / (H * W), abs=1e-6)
    assert second.label == ""


# Files of other programs


def test_system_files_are_no_pictures_masks_or_exports(tmp_path: Path):
    write_cvat(tmp_path / "cvat")
    for folder in ("JPEGImages", "SegmentationClass"):
        (tmp_path / "cvat" / folder / f"._{stamp(0)}.png").write_bytes(b"of macOS")
    assert len(read(tmp_path / "cvat")) == 2
    write_studio(tmp_path / "studio", UPLOADS[1:])
    (tmp_path / "studio" / "._export.json").write_bytes(b"of macOS")
    assert len(read(tmp_path / "studio")) == 2


def test_lossy_masks_lost_lists_and_other_exports_are_refused(tmp_path: Path):
    export = write_cvat(tmp_path / "a")
    lists = export / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "Train.txt").write_text(f"{stamp(0)}\n{stamp(7)}\n")
    with pytest.raises(ValueError, match=f"lists 1 pictures that do not.*{stamp(7)}"):
        read(export)
    (lists / "Train.txt").write_text(f"{stamp(0)}\n")
    (lists / "Validation.txt").write_text(f"{stamp(0)}\n")
    with pytest.raises(ValueError, match="is in the parts 'train' and 'val'"):
        read(export)
    (lists / "Validation.txt").unlink()
    mask = export / "SegmentationClass" / f"{stamp(0)}.png"
    mask.rename(mask.with_suffix(".jpg"))
    with pytest.raises(ValueError, match=r"jpg is no PNG, and so are 1 of 1 masks"):
        read(export)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "annotations.xml").touch()
    with pytest.raises(FileNotFoundError, match=r"export 'Segmentation mask 1\.1'"):
        read(tmp_path / "b")


def test_a_byte_order_mark_is_no_part_of_a_class(tmp_path: Path):
    write_cvat(tmp_path)
    expected = paint(read(tmp_path)[0])
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "labelmap.txt").write_text(LABELMAP, encoding=encoding)
        np.testing.assert_array_equal(paint(read(tmp_path)[0]), expected)


@pytest.mark.parametrize(
    ("name", "example"),
    [("splash-foam", "such as 'splash-foam': 'splash'"), ("gull", "differ, or choose")],
)
def test_hints_offer_the_nearest_class_or_none(tmp_path: Path, name: str, example: str):
    write_cvat(tmp_path, LABELMAP.replace("Splash:", f"{name}:"))
    with pytest.raises(ValueError, match=example):
        read(tmp_path)

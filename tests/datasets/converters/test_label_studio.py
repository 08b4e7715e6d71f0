"""Regions, versions and pictures of Label Studio's JSON."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from mmseg_splashkd.datasets.converters.label_studio_runs import decode_opacity
from mmseg_splashkd.datasets.converters.masks import read_masks
from mmseg_splashkd.datasets.converters.outlines import ellipse_mask, polygon_mask
from mmseg_splashkd.datasets.converters.writer import write_items
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.datasets.split_table import read_table
from tests.datasets.builders import stamp, write_frame

W, H = 40, 20
CODING = LabelCoding(
    ["background", "splash", "fish"],
    [(1, 1, 1), (2, 2, 2), (3, 3, 3)],
    {0: 0, 255: 1, 100: 2},
)
GRAY = {"splash": 255, "fish": 100}
read = partial(read_masks, coding=CODING)


def runs_of(opacity: np.ndarray) -> list[int]:
    """Run lengths with one word a block; drawn from the format's description."""
    flat = np.repeat(opacity.ravel(), 4)
    bits = f"{len(flat):032b}{8 - 1:05b}" + "".join(
        f"{n - 1:04b}" for n in (3, 4, 8, 16)
    )
    for at, value in enumerate(flat):  # alternate a repeated and a plain value
        bits += f"{1 - at % 2}00000{value:08b}"
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def region(kind: str, value: dict, name: str = "splash", **fields: Any) -> dict:
    value = {**value, kind: [name]}
    row = {"id": "r1", "type": kind, "value": value, "to_name": "image"}
    return (
        row | {"original_width": W, "original_height": H, "image_rotation": 0} | fields
    )


def box(x: float, y: float, width: float, height: float, rotation: float = 0) -> dict:
    """A rectangle given in pixels, in percent."""
    value = {"x": 100 * x / W, "y": 100 * y / H, "rotation": rotation}
    return value | {"width": 100 * width / W, "height": 100 * height / H}


def points(*pixels: tuple[float, float]) -> dict:
    return {"points": [[100 * x / W, 100 * y / H] for x, y in pixels], "closed": True}


def annotation(*results: dict, key: int = 7, **fields: Any) -> dict:
    row = {"id": key, "was_cancelled": False, "completed_by": 1, "ground_truth": False}
    return row | {"result": list(results)} | fields


def write(root: Path, *annotations: list[dict], **fields: Any) -> Path:
    """Write an export with one task per list of annotations."""
    rows = []
    for number, listed in enumerate(annotations):
        write_frame(root / "images" / f"{stamp(number)}.png", number, (W, H))
        data = {"image": f"/data/upload/1/0123abcd-{stamp(number)}.png"}
        rows.append({"id": number, "data": data, "annotations": listed} | fields)
    (root / "export.json").write_text(json.dumps(rows))
    return root


def paint(root: Path, **options: Any) -> np.ndarray:
    label = read(root, **options)[0].label
    assert label is not None
    return label()


# Shapes


def test_shapes_are_painted_in_the_order_of_the_export(tmp_path: Path):
    opacity = np.zeros((H, W), np.uint8)
    opacity[2:6, 2:9], opacity[6, 2:9] = 255, 127
    brush = region("brushlabels", {"format": "rle", "rle": runs_of(opacity)})
    write(
        tmp_path,
        [
            annotation(
                region("rectanglelabels", box(5, 4, 10, 6), "fish"),
                brush,
                region("polygonlabels", points((20, 2), (30, 2), (30, 9), (20, 9))),
                region(
                    "ellipselabels", {"x": 75, "y": 75, "radiusX": 10, "radiusY": 10}
                ),
            )
        ],
    )
    expected = np.zeros((H, W), np.uint8)
    expected[4:10, 5:15] = 100
    expected[2:6, 2:9] = 255
    expected[2:9, 20:30] = 255
    y, x = np.mgrid[:H, :W] + 0.5
    expected[((x - 30) / 4) ** 2 + ((y - 15) / 2) ** 2 <= 1] = 255
    np.testing.assert_array_equal(paint(tmp_path), expected)


def test_rectangles_turn_about_their_upper_left_corner(tmp_path: Path):
    """By hand: a quarter clockwise about (20, 5) takes 8x4 to x 16..20, y 5..13."""
    write(tmp_path, [annotation(region("rectanglelabels", box(20, 5, 8, 4, 90)))])
    expected = np.zeros((H, W), np.uint8)
    expected[5:13, 16:20] = 255
    np.testing.assert_array_equal(paint(tmp_path), expected)


def test_outlines_agree_with_other_rasterisers_away_from_their_edges():
    size = (200, 160)
    star = [(100, 10), (120, 70), (190, 80), (130, 100), (150, 150), (30, 120)]
    canvas = Image.new("1", size)
    ImageDraw.Draw(canvas).polygon(star, fill=1)
    turned = np.zeros(size[::-1], np.uint8)
    cv2.ellipse(turned, (100, 80), (70, 30), 30, 0, 360, 1, -1)
    for mask, other in (
        (polygon_mask(star, size), np.array(canvas)),
        (ellipse_mask((100.5, 80.5), (70, 30), 30, size), turned > 0),
    ):
        kernel = np.ones((5, 5), np.uint8)
        inner = cv2.erode(other.astype(np.uint8), kernel) > 0
        outer = cv2.dilate(other.astype(np.uint8), kernel) > 0
        assert inner.sum() > 3000
        assert mask[inner].all()
        assert not mask[~outer].any()


def test_crossing_outlines_are_filled_as_browsers_fill_them():
    """Twice around the same square: even-odd filling would leave it empty."""
    square = [(2, 2), (8, 2), (8, 8), (2, 8)]
    np.testing.assert_array_equal(
        polygon_mask(square * 2, (10, 10)), polygon_mask(square, (10, 10))
    )


def test_run_lengths_are_checked():
    opacity = np.random.default_rng(0).integers(0, 256, (3, 5)).astype(np.uint8)
    runs = runs_of(opacity)
    np.testing.assert_array_equal(decode_opacity(runs, (5, 3)), opacity)
    for bad, message in (
        (runs[:-3], "end too early"),
        ("text", "not a list of bytes"),
        ([300], "not bytes"),
    ):
        with pytest.raises(ValueError, match=message):
            decode_opacity(bad, (5, 3))
    with pytest.raises(ValueError, match="60 values do not fit a picture of 6x3"):
        decode_opacity(runs, (6, 3))


def test_labels_beside_a_shape_are_one_region(tmp_path: Path):
    shape = {"id": "a", "type": "rectangle", "value": box(0, 0, 4, 4)}
    size = {"original_width": W, "original_height": H, "to_name": "image"}
    named = {
        "id": "a",
        "type": "labels",
        "value": box(0, 0, 4, 4) | {"labels": ["fish"]},
    }
    write(tmp_path, [annotation(shape | size, named | size)])
    assert (paint(tmp_path) == 100).sum() == 16


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            region("keypointlabels", {"x": 1, "y": 1, "width": 1}),
            "'keypointlabels' is not an area",
        ),
        (region("videorectangle", {"sequence": []}), "'videorectangle' is not an area"),
        (region("vectorlabels", {"vertices": []}), "'vectorlabels' is not an area"),
        (
            region("polygonlabels", points((0, 0), (9, 9))),
            "needs three points, it has 2",
        ),
        (region("rectanglelabels", box(0, 0, 0, 4)), "width must be above 0"),
        (region("rectanglelabels", box(0, 0, 4, 4), hidden=True), "is hidden"),
        (region("rectanglelabels", box(0, 0, 4, 4), image_rotation=90), "turned by 90"),
        (
            region("rectanglelabels", box(0, 0, 4, 4), original_width=W + 1),
            "drawn on a picture of 41x20, the picture is 40x20",
        ),
        (region("rectanglelabels", box(0, 0, 4, 4), item_index=1), "on page 1"),
        (region("rectanglelabels", {}), "lacks 'x'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_refuses_the_task(
    tmp_path: Path, result: dict, message: str
):
    write(tmp_path, [annotation(result)], [annotation()])
    with pytest.raises(ValueError, match=rf"task 0, region r1 .*{message}"):
        read(tmp_path)
    bad, empty = read(tmp_path, skip_bad=True)
    table = write_items([bad, empty], tmp_path / "out", CODING, about={}, skip_bad=True)
    assert [bool(frame.label) for frame in read_table(table)] == [False, True]
    about = json.loads((tmp_path / "out" / "about.json").read_text())
    assert about["left_out"]["labels"] == 1
    assert "task 0, region r1" in about["left_out"]["first"][0]


# Versions


def test_skipped_tasks_are_unlabelled_and_submitted_ones_background(tmp_path: Path):
    shape = region("rectanglelabels", box(0, 0, 4, 4))
    skipped = annotation(region("brushlabels", {}), was_cancelled=True)
    choice = {"type": "choices", "value": {"choices": ["calm"]}}
    write(tmp_path, [annotation(shape)], [skipped], [], [annotation(choice)])
    labels = [item.label for item in read(tmp_path)]
    assert [label is None for label in labels] == [False, True, True, False]
    assert labels[3] is not None
    assert not labels[3]().any()


def test_several_annotations_are_chosen_not_guessed(tmp_path: Path):
    ann = {"id": 1, "email": "ann@farm.example"}
    first = annotation(
        region("rectanglelabels", box(0, 0, 4, 4)),
        completed_by=ann,
        updated_at="2024-05-02T08:00:00Z",
    )
    second = annotation(
        region("rectanglelabels", box(0, 0, 5, 5)),
        key=8,
        completed_by=2,
        updated_at="2024-05-01T08:00:00Z",
        ground_truth=True,
    )
    write(tmp_path, [first, second])
    with pytest.raises(ValueError, match=r"task 0 has 2 annotations: 7 \(by 1 or ann@"):
        read(tmp_path)
    for options, pixels in (
        ({"annotation": "latest"}, 16),
        ({"annotation": "ground-truth"}, 25),
        ({"annotator": "ann@farm.example"}, 16),
        ({"annotator": "2"}, 25),
    ):
        assert (paint(tmp_path, **options) > 0).sum() == pixels, options
    with pytest.raises(ValueError, match="annotator='bob' is not one of"):
        read(tmp_path, annotator="bob")


def test_the_minimal_export_is_read_alike(tmp_path: Path):
    size = {"original_width": W, "original_height": H}
    box_of = box(0, 0, 4, 4) | {"rectanglelabels": ["splash"]} | size
    point = {"x": 1, "y": 1, "width": 1, "keypointlabels": ["splash"]} | size
    write(tmp_path, [])
    row = {"id": 3, "image": f"{stamp(0)}.png", "annotation_id": 7, "annotator": 1}
    for fields, message in (
        ({"label": [box_of]}, ""),
        ({"label": [point]}, "'keypointlabels' is not an area"),
        ({"label": [box_of], "brush": [box_of]}, "does not tell which lie on top"),
    ):
        (tmp_path / "export.json").write_text(json.dumps([row | fields]))
        if not message:
            assert (paint(tmp_path) > 0).sum() == 16
            continue
        with pytest.raises(ValueError, match=message):
            read(tmp_path)
    rows = [row | {"label": [box_of]}, row | {"annotation_id": 8}]
    (tmp_path / "export.json").write_text(json.dumps(rows))
    with pytest.raises(ValueError, match="task 3 has 2 annotations"):
        read(tmp_path)


# Pictures


def test_pictures_are_found_by_their_path(tmp_path: Path):
    write(tmp_path, [])
    for camera in ("a", "b"):
        write_frame(tmp_path / "images" / camera / f"{stamp(0)}.png", 1, (W, H))
    (tmp_path / "images" / f"{stamp(0)}.png").unlink()
    data = {
        "image": f"/data/local-files/?d=farm%2Fb%2F{stamp(0)}.png",
        "before": f"s3://farm/a/{stamp(0)}.png",
    }
    rows = [{"id": 1, "data": data, "annotations": []}]
    (tmp_path / "export.json").write_text(json.dumps(rows))
    with pytest.raises(ValueError, match=r"several pictures, in \['before', 'image'\]"):
        read(tmp_path)
    assert [read(tmp_path, image_key=k)[0].recording for k in data] == ["b", "a"]
    rows.append({"id": 2, "data": data, "annotations": []})
    (tmp_path / "export.json").write_text(json.dumps(rows))
    with pytest.raises(ValueError, match="task 1 and task 2 have one picture"):
        read(tmp_path, image_key="image")

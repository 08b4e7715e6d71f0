"""Masks survive the formats of Label Studio and CVAT to the pixel."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.converters.label_studio_runs import (
    decode_opacity,
    encode_mask,
)
from mmseg_splashkd.datasets.converters.masks import read_masks
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.deploy import Prediction
from mmseg_splashkd.deploy.predict.cvat import cvat_document
from mmseg_splashkd.deploy.predict.label_studio import label_studio_task
from mmseg_splashkd.evaluation.components import connected
from tests.deploy.predict.fakes import noise, write

COLOURS = [(9, 9, 9), (255, 196, 0), (0, 0, 255)]
TABLE = {0: 0, 255: 1, 100: 2}
SEA = LabelCoding(["background", "splash", "fish"], COLOURS, TABLE)
ALL = LabelCoding(["sky", "splash", "fish"], COLOURS, TABLE)  # no background
codings = pytest.mark.parametrize("coding", [SEA, ALL], ids=["background", "all"])


def predictions(coding: LabelCoding) -> list[Prediction]:
    """Pictures of three sizes: noise, one without splash and fish, and large areas."""
    rng = np.random.default_rng(0)
    shapes = {
        "a/1": rng.integers(0, 3, (21, 34), np.uint8),
        "b c/1": np.zeros((8, 9), np.uint8),
        "b c/2": np.repeat(
            np.repeat(rng.integers(0, 3, (4, 3), np.uint8), 90, 0), 70, 1
        ),
    }
    return [
        Prediction(
            name,
            np.zeros((*labels.shape, 3), np.uint8),
            labels,
            np.full((3, *labels.shape), 0.5, np.float32),
            coding,
        )
        for name, labels in shapes.items()
    ]


@pytest.mark.parametrize("shape", [(1, 1), (37, 53), (200, 300)])
def test_run_lengths_of_a_brush_are_read_back(shape):
    random = np.random.default_rng(0).random(shape) < 0.3
    for mask in (random, ~random, np.ones(shape, bool), np.zeros(shape, bool)):
        opacity = decode_opacity(encode_mask(mask), shape[::-1])
        np.testing.assert_array_equal(opacity, mask * 255)


@codings
def test_tasks_of_label_studio_become_the_same_labels(tmp_path, coding):
    """As if all predictions were accepted, exported, and converted for training."""
    found, rows = predictions(coding), []
    for number, each in enumerate(found, 1):
        text = label_studio_task(
            f"{each.name}.png", each.labels, coding.classes, each.row(), "m"
        )
        task = json.loads(text)
        (predicted,) = task.pop("predictions")
        assert predicted["model_version"] == "m"
        assert predicted["score"] == 0.5
        annotation = {"id": number, "result": predicted["result"]}
        rows.append({"id": number, **task, "annotations": [annotation]})
        write(tmp_path / "images" / f"{each.name}.png", noise(*each.labels.shape))
    (tmp_path / "export.json").write_text(json.dumps(rows))
    assert rows[1]["data"]["image"] == "/data/local-files/?d=b%20c/1.png"
    ignored = {} if coding is SEA else {7: 255}
    target = LabelCoding(coding.classes, COLOURS, TABLE | ignored)
    items = read_masks(tmp_path, target, "none")
    labels = {Path(item.source).with_suffix("").as_posix(): item for item in items}
    for each in found:
        item = labels[each.name]
        assert item.label is not None
        read = target.to_train_ids(item.label(), each.name)
        np.testing.assert_array_equal(read, each.labels)


def decoded(mask: ElementTree.Element) -> np.ndarray:
    """(H, W) bool of the box of a mask, pixel by pixel."""
    pixels, inside = [], False
    for length in mask.attrib["rle"].split(","):
        pixels += [inside] * int(length)
        inside = not inside
    return np.array(pixels).reshape(int(mask.attrib["height"]), -1)


@codings
def test_annotations_of_cvat_hold_each_blob(coding):
    found = predictions(coding)
    named = [(f"{each.name}.png", each.labels) for each in found]
    text = cvat_document(named, coding.classes, coding.palette)
    root = ElementTree.fromstring(text.encode())
    assert root.findtext("version") == "1.1"
    drawn = [name for name in coding.classes if name != "background"]
    assert [each.findtext("name") for each in root.iter("label")] == drawn
    for image, each in zip(root.iter("image"), found, strict=True):
        assert image.attrib["name"] == f"{each.name}.png"
        height, width = (int(image.attrib[side]) for side in ("height", "width"))
        labels = np.zeros((height, width), np.uint8)
        for mask in image:
            left, top = int(mask.attrib["left"]), int(mask.attrib["top"])
            inside = decoded(mask)
            assert inside.shape[1] == int(mask.attrib["width"])
            assert connected(inside).max() == 1
            assert all(
                side.any() for side in (inside[0], inside[-1], *inside.T[::-1][:1])
            )
            down, across = inside.shape
            box = labels[top : top + down, left : left + across]
            assert not box[inside].any()
            box[inside] = coding.classes.index(mask.attrib["label"])
        np.testing.assert_array_equal(labels, each.labels)
    count = len(list(root.iter("mask")))
    blobs = [b for each in found for b in each.blobs if b.class_name != "background"]
    assert count == len(blobs)


def test_names_that_xml_cannot_hold_are_escaped():
    labels = np.zeros((2, 2), np.uint8)
    text = cvat_document([("a\x01\udcff<&.png", labels)], SEA.classes, COLOURS)
    (image,) = ElementTree.fromstring(text.encode()).iter("image")
    assert image.attrib["name"] == r"a\x01\udcff<&.png"
    task = label_studio_task(
        "a\udcff.png", labels, SEA.classes, predictions(SEA)[1].row(), "m"
    )
    assert task.encode()


def test_colours_of_masks_are_those_of_the_palette(tmp_path):
    found = predictions(SEA)[0]
    with Image.open(found.save(tmp_path, "colour")) as mask:
        assert set(map(tuple, np.asarray(mask).reshape(-1, 3))) == set(COLOURS)

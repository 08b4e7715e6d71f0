"""Figures, pictures and files of predictions."""

import sys

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmseg_splashkd.datasets.label_coding import SPLASH, LabelCoding
from mmseg_splashkd.deploy import Blob, Prediction, Predictions
from mmseg_splashkd.deploy.predict.blobs import find_blobs
from tests.deploy.predict.fakes import noise, red_model, write

LABELS = np.array(
    [[0, 1, 0, 0, 1, 1], [1, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]],
    np.uint8,
)


def prediction(labels: np.ndarray = LABELS, name: str = "a/b") -> Prediction:
    splash = np.where(labels, 0.75, 0.5).astype(np.float32)
    splash[0, 1] = 1
    frame = np.zeros((*labels.shape, 3), np.uint8)
    return Prediction(name, frame, labels, np.stack([1 - splash, splash]), SPLASH)


def test_figures_are_those_of_the_pixels():
    found = prediction()
    assert found.area == {"background": 18, "splash": 6}
    assert found.share == {"background": 0.75, "splash": 0.25}
    assert found.confidence == pytest.approx((18 * 0.5 + 5 * 0.75 + 1) / 24)
    assert found.class_confidence["splash"] == pytest.approx((5 * 0.75 + 1) / 6)
    background, *splash = found.blobs
    assert (background.area, background.box) == (18, (0, 0, 6, 4))
    assert splash == [  # a diagonal connects
        Blob(1, "splash", (0, 0, 2, 2), 2, (0.5, 0.5), 0.875),
        Blob(1, "splash", (4, 0, 6, 2), 4, (4.5, 0.5), 0.75),
    ]
    assert found.row()["blobs_splash"] == 2
    assert str(found) == "a/b: 6x4, background 75.00%, splash 25.00%, mean p 0.573"
    assert repr(found) == f"<Prediction {found}>"


def test_a_class_without_pixels_has_no_confidence():
    found = prediction(np.zeros_like(LABELS))
    assert found.class_confidence["splash"] is None
    assert found.row()["blobs_splash"] == 0
    assert found.row()["share_splash"] == 0.0


def test_blobs_are_those_of_opencv():
    labels = (noise(40, 60)[..., 0] > 150).astype(np.uint8)
    probabilities = np.random.default_rng(0).random((2, 40, 60), np.float32)
    count, numbered, stats, centroids = cv2.connectedComponentsWithStats(labels)
    expected = set()
    for number in range(1, count):
        left, top, width, height, area = map(int, stats[number])
        box = (left, top, left + width, top + height)
        mean = float(probabilities[1][numbered == number].mean(dtype=float))
        x, y = centroids[number]
        expected.add((box, area, round(x, 6), round(y, 6), round(mean, 6)))
    found = find_blobs(labels, probabilities, 1, "splash")
    assert expected == {
        (
            each.box,
            each.area,
            *(round(value, 6) for value in (*each.centroid, each.confidence)),
        )
        for each in found
    }
    assert len(found) == count - 1 > 5


def test_a_drawing_mixes_colours_by_opacity():
    found = prediction()
    full, half = found.draw(1), found.draw()
    np.testing.assert_array_equal(full[0, 1], SPLASH.palette[1])
    np.testing.assert_array_equal(half, np.rint(full / 2))  # the frame is black
    assert half.dtype == np.uint8


@pytest.mark.parametrize("coding", ["train_ids", "gray", "colour"])
def test_files_hold_mask_and_overlay(tmp_path, coding):
    found = prediction()
    mask = found.save(tmp_path, coding)
    expected = {
        "train_ids": LABELS,
        "gray": LABELS * 255,
        "colour": np.array(SPLASH.palette, np.uint8)[LABELS],
    }
    with Image.open(mask) as image, Image.open(tmp_path / "overlays/a/b.png") as drawn:
        np.testing.assert_array_equal(np.asarray(image), expected[coding])
        np.testing.assert_array_equal(np.asarray(drawn), found.draw())
    with pytest.raises(ValueError, match="coding='rgb' is none of train_ids, gray"):
        found.save(tmp_path, "rgb")


def test_a_frame_is_never_replaced(tmp_path):
    path = write(tmp_path / "masks" / "a.png", noise(4, 6))
    before = path.read_bytes()
    (found,) = red_model().predict(path)
    with pytest.raises(ValueError, match="would replace the frame: name another"):
        found.save(tmp_path)
    assert path.read_bytes() == before


def test_several_are_a_sequence_that_saves_and_tabulates_itself(tmp_path):
    many = Predictions(tuple(prediction(name=str(n)) for n in range(12)))
    assert isinstance(many[2:4], Predictions)
    assert [each.name for each in many[2:4]] == ["2", "3"]
    assert many[-1].name == "11"
    assert [each.shape for each in many.draw()] == [(4, 6, 3)] * 12
    assert repr(many).startswith("<12 predictions>\n0: 6x4, ")
    assert repr(many).endswith("... and 2 more")
    masks = many.save(tmp_path)
    assert len(list(masks.iterdir())) == 12
    read = pd.read_csv(tmp_path / "table.csv", dtype={"picture": str, "path": str})
    read["path"] = read["path"].fillna("")
    pd.testing.assert_frame_equal(read, many.table())
    with pytest.raises(ValueError, match="several frames have the name '1'"):
        many.__class__((many[1], many[1])).save(tmp_path)


def test_a_table_needs_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        ImportError, match=r"table\(\) needs pandas: pip install pandas"
    ):
        Predictions((prediction(),)).table()


def test_many_classes_are_told_by_the_largest_shares():
    names = [f"c{number}" for number in range(6)]
    coding = LabelCoding(names, [[n] * 3 for n in range(6)], {n: n for n in range(6)})
    labels = np.repeat(np.arange(6, dtype=np.uint8), [1, 2, 3, 4, 5, 6])[None]
    values = np.full((6, *labels.shape), 0.5, np.float32)
    frame = np.zeros((*labels.shape, 3), np.uint8)
    words = str(Prediction("x", frame, labels, values, coding))
    assert "c5 28.57%, c4 23.81%, c3 19.05%, c2 14.29%, mean" in words

"""``POST /predict`` beside ``tools/predict.py``, and pictures that are none."""

import base64
import csv
import io

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.mask_coding import MASK_CODINGS
from mmseg_splashkd.deploy import SplashModel
from mmseg_splashkd.limits import PIXELS
from tests.deploy.predict.fakes import noise
from tests.deploy.serve.helpers import (
    client_of,
    error_of,
    jpeg_of,
    png_header,
    png_of,
    red_file,
    service_of,
)
from tests.tools import status_of

FRAME = noise(24, 40, 3)


def picture_of(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_figures_and_mask_are_those_of_the_tool(tmp_path, kind):
    content = png_of(FRAME) if kind == "png" else jpeg_of(FRAME)
    file = red_file(tmp_path / "red.onnx")
    picture = tmp_path / "in" / f"a.{kind}"
    picture.parent.mkdir()
    picture.write_bytes(content)
    table, out = tmp_path / "t.csv", tmp_path / "out"
    words = (file, picture, "--out", out, "--table", table, "--overlays")
    assert status_of("predict.py", *words) == 0
    (row,) = csv.DictReader(io.StringIO(table.read_text()))

    client = client_of(tmp_path, service_of(SplashModel.load(file)))
    found = client.post("/predict?overlay=true", files={"file": content}).json()
    assert found["classes"] == ["background", "splash"]
    sizes = found["width"], found["height"]
    assert sizes == (int(row["width"]), int(row["height"])) == (40, 24)
    assert found["confidence"] == float(row["confidence"])
    for name in found["classes"]:
        for figure in ("share", "area", "blobs"):
            assert found[figure][name] == float(row[f"{figure}_{name}"])
        assert found["class_confidence"][name] == float(row[f"confidence_{name}"])
    for key, folder in (("mask", "masks"), ("overlay", "overlays")):
        there = (out / folder / "a.png").read_bytes()
        ours = picture_of(base64.b64decode(found[key]))
        np.testing.assert_array_equal(ours, picture_of(there))
    assert 0 < found["share"]["splash"] < 1


@pytest.mark.parametrize("coding", MASK_CODINGS)
def test_the_mask_alone(tmp_path, coding):
    answer = client_of(tmp_path).post(
        f"/predict?format=png&coding={coding}", files={"file": png_of(FRAME)}
    )
    assert answer.headers["content-type"] == "image/png"
    expected = (FRAME[..., 0] / 255 >= 0.5).astype(np.uint8)
    mask = picture_of(answer.content)
    if coding == "colour":
        assert mask.shape == (24, 40, 3)
        mask = (mask == mask[expected == 1][0]).all(-1)
    np.testing.assert_array_equal(mask > 0, expected > 0)


def test_the_name_of_the_client_is_not_used(tmp_path):
    name = "../../evil<script>.png"
    answer = client_of(tmp_path).post("/predict", files={"file": (name, png_of(FRAME))})
    assert answer.status_code == 200
    assert "evil" not in answer.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (b"", 422, "the file is empty"),
        (b"no picture at all", 422, "picture upload cannot be read"),
        (jpeg_of(FRAME)[:-200], 422, "a part of the picture is missing or gray"),
        (png_of(FRAME)[:-40], 422, "picture upload cannot be read"),
        (png_header(50_000, 50_000), 413, "2500000000 pixels, more than the limit of"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", 422, "picture upload cannot be read"),
    ],
    ids=["empty", "text", "truncated_jpeg", "truncated_png", "bomb", "postscript"],
)
def test_what_is_no_picture_is_refused(tmp_path, content, status, told):
    answer = client_of(tmp_path).post("/predict", files={"file": content})
    text = error_of(answer, status)
    assert told.lower() in text.lower()
    assert PIXELS.variable not in text
    assert list(tmp_path.iterdir()) == []


def test_the_limit_of_pixels_holds_for_what_is_shown(tmp_path):
    client = client_of(tmp_path)
    with PIXELS.held_at(24 * 40):
        assert client.get("/healthz").json()["limits"]["pixels"] == 960
        assert client.post("/predict", files={"file": png_of(FRAME)}).is_success
    with PIXELS.held_at(24 * 40 - 1):
        answer = client.post("/predict", files={"file": png_of(FRAME)})
    told = "the upload has 960 pixels, more than the limit of 959: scale it down"
    assert error_of(answer, 413) == told


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("format=gif", "query.format: Input should be 'json' or 'png'"),
        ("coding=rgb", "query.coding: Input should be 'train_ids', 'gray' or 'colour'"),
        ("overlays=true", "query.overlays: Extra inputs are not permitted"),
    ],
)
def test_a_query_that_is_not_known_is_refused(tmp_path, query, told):
    answer = client_of(tmp_path).post(
        f"/predict?{query}", files={"file": png_of(FRAME)}
    )
    assert error_of(answer, 422) == told

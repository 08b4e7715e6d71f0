"""``tools/predict.py`` from pictures to labels that training reads."""

import csv
import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.datasets.mask_coding import MASK_CODINGS, read_mask
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.deploy import SplashModel
from tests.tools import status_of
from tools import predict as tool


@pytest.fixture
def frames(pond, tmp_path) -> Path:
    """Frames of two recordings, without labels."""
    for number, frame in enumerate(sorted((pond / "images").iterdir())[:10]):
        folder = tmp_path / "data" / "images" / f"camera{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(frame, folder)
    return tmp_path / "data" / "images"


def test_masks_are_read_back_as_training_labels(exported, frames, tmp_path):
    out = tmp_path / "data" / "predicted"
    assert status_of("predict.py", exported, frames, "--out", out, "--coding=gray") == 0
    expected = {
        each.path: each.labels for each in SplashModel.load(exported).predict(frames)
    }
    dataset = TimeSplitDataset(
        "train",
        data_root=str(tmp_path / "data"),
        data_prefix={"seg_map_path": "predicted/masks"},
        ratios=(0.8, 0.1, 0.1),
        pipeline=[{"type": "LoadImageFromFile"}, {"type": "LoadGrayLabels"}],
    )
    assert len(dataset) == 8
    for sample in dataset:
        labels = expected[Path(sample["img_path"])]
        np.testing.assert_array_equal(sample["gt_seg_map"], labels)
    assert {0, 1} == set(np.unique(np.concatenate([*expected.values()])))


def test_all_that_is_asked_for_is_written_and_told(exported, frames, tmp_path, capfd):
    (frames / "camera1" / "broken.jpg").write_bytes(b"none")
    (frames / "notes.txt").touch()
    files = [tmp_path / name for name in ("t.csv", "tasks.json", "annotations.xml")]
    table, tasks, xml = files
    words = (exported, frames, "--out", tmp_path / "out", "--coding", "colour")
    words += ("--table", table, "--label-studio", tasks, "--cvat", xml, "--overlays")
    assert status_of("predict.py", *words, "--picture-url", "http://x/") == 1
    first, shown = [path.read_bytes() for path in files], capfd.readouterr()
    for line in (
        "11 pictures: 10 predicted, 1 could not be read",
        "No pictures, and passed over: 1 .txt",
        "splash: ",
        f"Masks (colour): {tmp_path / 'out' / 'masks'}",
        f"Overlays: {tmp_path / 'out' / 'overlays'}",
        *map(str, files),
    ):
        assert line in shown.out
    assert "broken.jpg cannot be read" in shown.err
    assert status_of("predict.py", *words, "--picture-url", "http://x/") == 1
    assert (
        "11 pictures: 0 predicted, 10 there already, 1 could" in capfd.readouterr().out
    )
    assert [path.read_bytes() for path in files] == first  # from what was stored
    with table.open(newline="") as file:
        *rows, bad = csv.DictReader(file)
    assert "broken.jpg cannot be read" in bad["error"]
    assert not bad["share_splash"]
    names = [row["picture"] for row in rows]
    assert names[0].startswith("camera0/")
    assert [t["data"]["image"] for t in json.loads(tasks.read_text())] == [
        f"http://x/{name}" for name in names
    ]
    root = ElementTree.fromstring(xml.read_bytes())
    assert [image.attrib["name"] for image in root.iter("image")] == names
    for row in rows:
        path = tmp_path / "out" / "masks" / row["picture"]
        mask = read_mask(path, "colour", SPLASH)
        assert float(row["share_splash"]) == mask.mean()


def test_a_folder_is_of_one_model_coding_and_folder(
    exported, distilled, frames, tmp_path
):
    out = ("--out", tmp_path / "out")
    assert status_of("predict.py", exported, frames, *out) == 0
    (weights,) = distilled.glob("weights_*_last.safetensors")
    for words, told in (
        ((weights, frames), "another model, config, engine: model "),
        ((exported, frames, "--coding", "gray"), "another coding: coding train_ids"),
        ((exported, frames / "camera1"), "another folder of pictures"),
    ):
        assert told in refused(*words, *out)


def test_an_engine_is_chosen_once_for_a_folder(exported, distilled, frames, tmp_path):
    file = shutil.copy(exported, tmp_path / "own.onnx")
    out, auto = ("--out", tmp_path / "out"), ("--engine", "auto")
    shown = io.StringIO()
    with redirect_stdout(shown):
        assert status_of("predict.py", file, frames, *out, *auto) == 0
    (best,) = [line for line in shown.getvalue().splitlines() if "<- chosen" in line]
    asked = json.loads((tmp_path / "out" / "asked.json").read_text())
    assert asked["engine"] == best.split(":")[0].strip()
    with redirect_stdout(shown):
        assert status_of("predict.py", file, frames, *out, *auto) == 0
    told = f"Engine {asked['engine']}, as of the predictions in {tmp_path / 'out'}"
    assert told in shown.getvalue().splitlines()
    (weights,) = distilled.glob("weights_*_last.safetensors")
    assert "export them with tools/export.py" in refused(weights, frames, *out, *auto)


def refused(*words: object) -> str:
    """The message of a call that predicts nothing."""
    shown = io.StringIO()
    with redirect_stderr(shown), redirect_stdout(shown):
        assert status_of("predict.py", *words) == 2
    assert shown.getvalue().startswith("cannot predict: ")
    return shown.getvalue()


def test_masks_never_lie_among_the_pictures(exported, frames):
    inside = refused(exported, frames, "--out", frames / "masks")
    assert "where masks would be taken for pictures the next time" in inside
    picture = min(frames.rglob("*.png"))
    assert "lies in --out" in refused(exported, picture, "--out", frames)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--table", "t.xls"), "--table t.xls: a table is a .csv or a .parquet file"),
        (("--cvat", "frame.png"), "--cvat frame.png: it writes a .xml file"),
        (("--label-studio", "x.xml"), "--label-studio x.xml: it writes a .json file"),
        (("--threads", "0"), "threads=0 must be at least 1"),
        (("--engine", "tpu"), "engine 'tpu' is none of onnxruntime"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(
    exported, frames, tmp_path, words, told
):
    assert told in refused(exported, frames, "--out", tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()


def test_an_option_without_effect_is_refused(tmp_path, capsys):
    words = ("m.onnx", "in", "--out", tmp_path, "--picture-url", "http://x/")
    assert status_of("predict.py", *words) == 2
    assert "has no effect without --label-studio" in capsys.readouterr().err


def test_no_picture_at_all_has_a_status_of_its_own(exported, tmp_path):
    (tmp_path / "a.png").write_bytes(b"none")
    words = (tmp_path / "a.png", "--out", tmp_path / "out")
    assert status_of("predict.py", exported, *words) == 2


def test_choices_are_those_of_the_package():
    assert tool.CODINGS == MASK_CODINGS

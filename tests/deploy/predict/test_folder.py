"""A folder of predictions goes on where it stopped, and is of one model only."""

import io
import json
import os

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.deploy.predict.asked import claim_folder
from mmseg_splashkd.deploy.predict.folder import Outcome, predict_pictures
from mmseg_splashkd.deploy.predict.sources import find_pictures
from mmseg_splashkd.deploy.predict.stored import Stored
from mmseg_splashkd.evaluation.overlay import overlay
from mmseg_splashkd.unwritable import UnwritableError
from tests.deploy.predict.fakes import noise, red_model, write
from tests.test_unwritable import limited


@pytest.fixture
def pictures(tmp_path):
    for number in range(3):
        write(tmp_path / "in" / f"{number}.png", noise(6, 5, number))
    return tmp_path / "in"


def predict(pictures, overlays: bool = False) -> tuple[Outcome, int, str]:
    """What came of it, the frames that the network saw, and what was shown."""
    model, shown = red_model(), io.StringIO()
    stored = Stored(pictures.parent / "out", overlays)
    console = Console(file=shown, width=200)
    outcome = predict_pictures(
        model, find_pictures([pictures]), stored, "gray", console
    )
    return outcome, model.engine.frames, shown.getvalue()  # type: ignore[attr-defined]


def test_a_second_call_predicts_only_what_is_missing(pictures):
    out = pictures.parent / "out"
    first, seen, _ = predict(pictures)
    assert (first.predicted, seen, len(first.rows)) == (3, 3, 3)
    again, seen, _ = predict(pictures)
    assert (again.predicted, seen) == (0, 0)
    assert list(again.rows.values()) == list(first.rows.values())
    corrected = write(out / "masks" / "0.png", np.zeros((6, 5), np.uint8)).read_bytes()
    (out / "masks" / "1.png").unlink()
    assert predict(pictures)[1] == 1
    assert (out / "masks" / "0.png").read_bytes() == corrected
    (out / "figures" / "1.json").write_text("{")  # as if somebody edited it
    assert predict(pictures)[1] == 1
    write(pictures / "2.png", noise(6, 5, 9))
    changed, seen, _ = predict(pictures)
    assert seen == 1
    assert list(changed.rows.values())[2] != list(first.rows.values())[2]


def test_overlays_that_are_asked_for_later_are_of_the_masks_that_are_there(pictures):
    out = pictures.parent / "out"
    predict(pictures)
    label = np.zeros((6, 5), np.uint8)
    label[:2] = max(SPLASH.gray_to_train_id)
    corrected = write(out / "masks" / "0.png", label).read_bytes()
    assert predict(pictures, overlays=True)[:2][1] == 0  # no network needed
    assert (out / "masks" / "0.png").read_bytes() == corrected
    ids = SPLASH.to_train_ids(label, "label")
    painted = overlay(noise(6, 5, 0), ids, SPLASH.palette)
    np.testing.assert_array_equal(Image.open(out / "overlays" / "0.png"), painted)
    before = {each: each.stat().st_mtime_ns for each in (out / "overlays").iterdir()}
    assert len(before) == 3
    assert predict(pictures, overlays=True)[1] == 0
    after = {each: each.stat().st_mtime_ns for each in (out / "overlays").iterdir()}
    assert {each.name for each in before if before[each] != after[each]} == {"0.png"}


def test_figures_of_a_corrected_mask_are_its_own(pictures):
    out = pictures.parent / "out"
    predicted = list(predict(pictures)[0].rows.values())
    label = np.zeros((6, 5), np.uint8)
    label[:2], label[5, 4] = 255, 255
    write(out / "masks" / "0.png", label)
    again = list(predict(pictures)[0].rows.values())
    assert again[1:] == predicted[1:]
    assert {
        name: value
        for name, value in again[0].items()
        if name not in ("picture", "path", "width", "height")
    } == {
        "confidence": None,
        "share_background": 19 / 30,
        "area_background": 19,
        "blobs_background": 1,
        "confidence_background": None,
        "share_splash": 11 / 30,
        "area_splash": 11,
        "blobs_splash": 2,
        "confidence_splash": None,
    }


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((4, 9), np.uint8), "is 9x4 and its picture 5x6: save it in the size"),
        (np.zeros((6, 5, 3), np.uint8), "expected a one-channel"),
        (np.full((6, 5), 7, np.uint8), "7"),
    ],
)
def test_a_mask_that_somebody_has_spoilt_is_named_and_left_out(pictures, pixels, words):
    predict(pictures)
    write(pictures.parent / "out" / "masks" / "1.png", pixels)
    outcome, seen, shown = predict(pictures)
    assert seen == 0
    assert [each.file for each in outcome.unreadable] == ["1.png"]
    assert "masks/1.png" in shown
    assert words in shown


def test_a_picture_that_is_damaged_in_the_middle_is_named(pictures):
    whole = write(pictures / "photo.jpg", noise(300, 400), quality=95)
    content = bytearray(whole.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4096] = bytes(4096)
    whole.write_bytes(content)
    outcome, seen, shown = predict(pictures)
    assert seen == 3
    assert [each.file for each in outcome.unreadable] == ["photo.jpg"]
    assert "photo.jpg cannot be read: " in shown


def test_pictures_that_cannot_be_read_are_named_and_left_out(pictures):
    (pictures / "1.png").write_bytes(b"\x89PNG broken")
    os.mkfifo(pictures / "3.png")  # reading it would never end
    outcome, seen, shown = predict(pictures)
    assert seen == 2
    assert [each.file for each in outcome.rows] == ["0.png", "2.png"]
    assert [each.file for each in outcome.unreadable] == ["1.png", "3.png"]
    for name in ("1.png cannot be read", "3.png is not a file but a pipe"):
        assert name in shown
    assert not (pictures.parent / "out" / "masks" / "1.png").exists()


def test_a_full_drive_is_named_and_what_is_written_stays_whole(pictures):
    out = pictures.parent / "out"
    predict(pictures)
    (out / "figures" / "2.json").unlink()
    write(pictures / "2.png", noise(90, 90))
    before = (out / "masks" / "2.png").read_bytes()
    with (
        limited(100),
        pytest.raises(UnwritableError, match=r"2\.png cannot be written"),
    ):
        predict(pictures)
    assert (out / "masks" / "2.png").read_bytes() == before
    assert not (out / "figures" / "2.json").exists()  # so it is predicted again
    assert predict(pictures)[1] == 1


def test_a_folder_is_claimed_once(tmp_path):
    out = tmp_path / "out"
    asked = {"model": "a" * 64, "coding": "gray"}
    claim_folder(out, asked)
    claim_folder(out, asked)
    assert json.loads((out / "asked.json").read_text()) == asked
    words = r"holds predictions of another coding: coding gray \(now colour\)"
    with pytest.raises(ValueError, match=words):
        claim_folder(out, asked | {"coding": "colour"})
    (out / "asked.json").write_text("[]")
    with pytest.raises(ValueError, match=r"asked\.json is not of this tool"):
        claim_folder(out, asked)
    (out / "asked.json").write_text("{")
    with pytest.raises(ValueError, match=r"asked\.json is not valid JSON"):
        claim_folder(out, asked)


def test_files_of_something_else_are_never_mixed_with_masks(tmp_path):
    write(tmp_path / "farm" / "masks" / "a.png", np.zeros((3, 3), np.uint8))
    with pytest.raises(FileExistsError, match="something else, such as masks"):
        claim_folder(tmp_path / "farm", {})
    with pytest.raises(FileExistsError, match="is no folder"):
        claim_folder(tmp_path / "farm" / "masks" / "a.png", {})
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".DS_Store").touch()
    claim_folder(tmp_path / "new", {})

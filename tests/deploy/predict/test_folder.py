"""A folder of predictions goes on where it stopped, and is of one model only."""

import io
import json
import os

import numpy as np
import pytest
from rich.console import Console

from mmseg_splashkd.deploy.predict.asked import claim_folder
from mmseg_splashkd.deploy.predict.folder import Outcome, predict_pictures
from mmseg_splashkd.deploy.predict.sources import find_pictures
from mmseg_splashkd.deploy.predict.stored import Stored
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
    assert predict(pictures, overlays=True)[1] == 3
    assert predict(pictures, overlays=True)[1] == 0
    assert len(list((out / "overlays").iterdir())) == 3


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

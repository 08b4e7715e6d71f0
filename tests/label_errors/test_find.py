import csv
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.label_errors import find, find_label_errors, write_findings
from mmseg_splashkd.label_errors.held_out import Prediction

SIZE = (20, 30)


def frame(number: int) -> Frame:
    return Frame("pond", number, f"images/{number}.png", f"labels/{number}.png")


def prediction(number: int, splash: Any = None, predicted: Any = None) -> Prediction:
    """A frame with splash in given areas of the label and of the prediction."""
    label, likely = np.zeros(SIZE, np.uint8), np.full(SIZE, 0.1, np.float32)
    if splash is not None:
        label[splash] = 1
    if predicted is not None:
        likely[predicted] = 0.9
    return Prediction(frame(number), label, np.stack([1 - likely, likely]))


BLOCK, STRIPE = np.s_[5:15, 5:15], np.s_[0:2, 0:10]


@pytest.fixture
def runs(monkeypatch) -> list[Any]:
    """Two runs of two frames each, predicted without a network."""
    of_run = {
        "fold0": [prediction(0), prediction(1, predicted=STRIPE)],
        "fold1": [
            prediction(2, splash=BLOCK),
            prediction(3, splash=BLOCK, predicted=BLOCK),
        ],
    }

    def predictions(run: Any, progress: bool) -> Iterator[Prediction]:
        yield from of_run[run.work_dir.name]

    monkeypatch.setattr(find, "predictions", predictions)
    return [SimpleNamespace(work_dir=Path(name), coding=SPLASH) for name in of_run]


def test_frames_are_ranked_by_their_highest_score(runs):
    found = find_label_errors(runs, ["pond/9"])
    assert [finding.frame for finding in found.findings[:2]] == [frame(2), frame(1)]
    assert [finding.frame for finding in found.suspicious] == [frame(2), frame(1)]
    assert found.findings[0].score == pytest.approx(100 * 0.8)
    assert found.findings[1].score == pytest.approx(20 * 0.8)
    assert [finding.score for finding in found.findings[2:]] == [0, 0]
    assert [finding.run for finding in found.findings[:2]] == ["fold1", "fold0"]
    assert found.findings[0].quality < found.findings[3].quality
    assert found.unjudged == ["pond/9"]
    assert found.focus == 1


def test_predictions_are_kept(runs):
    found = find_label_errors(runs)
    predicted = {f.frame.timestamp: f.predicted for f in found.findings}
    assert not predicted[0].any()
    assert predicted[3][BLOCK].all()
    assert predicted[3].sum() == 100


def test_the_table_has_one_line_per_region(runs, tmp_path):
    path = write_findings(find_label_errors(runs), tmp_path / "new" / "found.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["rank"], row["frame"], row["kind"]) for row in rows] == [
        ("1", "images/2.png", "false"),
        ("2", "images/1.png", "missing"),
    ]
    first = rows[0]
    assert (first["given"], first["suggested"]) == ("splash", "background")
    box = [int(first[side]) for side in ("left", "top", "right", "bottom")]
    assert box == [5, 5, 15, 15]
    assert (first["pixels"], first["region"], first["score"]) == ("100", "1", "80.0")
    assert first["label"] == "labels/2.png"
    assert write_findings(find_label_errors(runs), path) == path  # once more
    assert list(path.parent.iterdir()) == [path]


def test_another_table_is_not_overwritten(runs, tmp_path):
    path = tmp_path / "label_errors.csv"
    path.write_text("frame,kind,wrong_pixels,clean_label\n")
    with pytest.raises(FileExistsError, match="another table, which would be"):
        write_findings(find_label_errors(runs), path)
    assert path.read_text().startswith("frame,kind")


def test_another_focus_class(runs):
    found = find_label_errors(runs, focus_class="background")
    assert found.focus == 0
    with pytest.raises(ValueError, match="focus_class='foam' is not a class"):
        find_label_errors(runs, focus_class="foam")

"""``tools/event_errors.py``: errors of events from the scores of a test."""

from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.evaluation.frame_scores import FrameScores, save_scores
from mmseg_splashkd.statistics.event_errors import EventReference
from tests.tools import status_of

PIXELS, FRAMES, RECORDINGS = 10_000, 60, 6
SURE, UNSURE = 230, 5  # bins of the probability of predicted and other pixels


def scores_of(found: np.ndarray, true: np.ndarray) -> FrameScores:
    """Scores of (R, N) numbers of pixels; predicted ones are true if they can be."""
    both = np.minimum(found, true).ravel()
    found, true = found.ravel(), true.ravel()
    confusion = np.zeros((len(both), 2, 2), int)
    confusion[:, 1, 1], confusion[:, 1, 0] = both, true - both
    confusion[:, 0, 1] = found - both
    confusion[:, 0, 0] = PIXELS - confusion.sum((1, 2))
    histogram = np.zeros((len(both), 2, 256), int)
    histogram[:, 0, SURE], histogram[:, 1, SURE] = found - both, both
    histogram[:, 0, UNSURE] = confusion[:, 0, 0]
    histogram[:, 1, UNSURE] = true - both
    return FrameScores(
        confusion,
        histogram,
        tuple(f"{number}.png" for number in range(len(both))),
        tuple(f"r{n}" for n in range(RECORDINGS) for _ in range(FRAMES)),
        (
            SECOND
            * np.add.outer(86_400 * np.arange(RECORDINGS), 10 * np.arange(FRAMES))
        ).ravel(),
        ("background", "splash"),
        "splash",
    )


@pytest.fixture
def scores(tmp_path) -> Path:
    """Events of 40 s every 100 s, found a quarter too large, and one false alarm."""
    true = np.where(np.arange(FRAMES) % 10 < 4, 200, 0)
    true = np.tile(true, (RECORDINGS, 1))
    found = true * 5 // 4
    found[2, 16] = 150
    found[3, 40:44] = 0
    return save_scores(scores_of(found, true), tmp_path / "scores.npz")


def test_errors_are_counted_and_written(scores, tmp_path, capsys):
    out = tmp_path / "errors.json"
    assert status_of("event_errors.py", scores, "--out", out, "--on", 0.01) == 0
    printed = capsys.readouterr().out
    assert "36 found events in 6 blocks: 1 false, 1 missed" in printed
    assert "true area / found area: median 0.80, 80 % in 0.80 to 0.80" in printed
    assert "true duration - found: median +0.0 s, mean +0.0 s" in printed
    known = EventReference.read(out)
    assert known.settings.on == 0.01
    assert known.found[0].seen.confidence == pytest.approx((SURE + 0.5) / 256)
    assert known.found[0].area_share_s == pytest.approx(4 * 10 * 0.02)
    assert {each.block for each in known.missed} == {3}


def test_blocks_may_be_stretches_of_time(scores, tmp_path):
    out = tmp_path / "errors.json"
    words = ("--out", out, "--block", "100s")
    assert status_of("event_errors.py", scores, *words) == 0
    assert EventReference.read(out).blocks == 36


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--block", "soon"), "block 'soon' is neither frames (5) nor seconds (30s)"),
        (("--on", 0.5), "0 found events with a true one, in 6 blocks"),
        (("--off", 0.5), "off=0.5"),
        (("--settings", "none.json"), "none.json"),
    ],
)
def test_bad_arguments_are_refused(scores, tmp_path, words, message, capsys):
    out = tmp_path / "errors.json"
    assert status_of("event_errors.py", scores, "--out", out, *words) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_file_that_is_no_scores_file(tmp_path, capsys):
    (tmp_path / "a.npz").write_bytes(b"no")
    words = (tmp_path / "a.npz", "--out", tmp_path / "errors.json")
    assert status_of("event_errors.py", *words) == 2
    assert "a.npz" in capsys.readouterr().err

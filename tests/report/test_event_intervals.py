"""Intervals that ``tools/score_events.py --scores`` prints."""

import json
from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.evaluation.frame_scores import load_scores, save_scores
from mmseg_splashkd.statistics.blocks import BlockLength
from mmseg_splashkd.statistics.event_arms import blocked_events, estimate_events
from tests.evaluation.helpers import frame_scores
from tests.tools import run_tool, status_of

CALM, HIT, LOST, FALSE = (100, 0, 0, 0), (80, 0, 5, 15), (80, 0, 20, 0), (90, 10, 0, 0)
APART = ("--min-seconds", 0, "--gap-seconds", 0)
MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def arms(tmp_path) -> tuple[Path, Path]:
    """120 frames; the second arm misses some events, and has fewer false alarms."""
    rng = np.random.default_rng(4)
    first = [CALM, HIT, CALM, LOST, CALM, FALSE]
    kinds = rng.choice(6, 120, p=[0.3, 0.3, 0.2, 0.05, 0.05, 0.1])
    one = [first[kind] for kind in kinds]
    two = [
        LOST if kind == 1 and number % 4 == 0 else CALM if kind == 5 else first[kind]
        for number, kind in enumerate(kinds)
    ]
    files = [tmp_path / f"{name}.npz" for name in ("one", "two")]
    for file, counts in zip(files, (one, two), strict=True):
        save_scores(frame_scores(counts), file)
    return files[0], files[1]


def printed(capsys, *words: object) -> list[str]:
    run_tool("score_events.py", "--scores", *words, "--markdown")
    return capsys.readouterr().out.splitlines()


def test_arms_and_differences_have_intervals(arms, tmp_path, capsys):
    file = tmp_path / "figures.json"
    lines = printed(capsys, *arms, "--json", file, *APART, "--block", 10)
    settings = EventSettings(min_seconds=0, gap_seconds=0)
    sums = [
        blocked_events(load_scores(each), settings, 0.0, BlockLength(frames=10)).sums
        for each in arms
    ]
    values = json.loads(file.read_text())["arms"]
    for number, each in enumerate(sums):
        recall = estimate_events(each)["recall"]
        assert recall.interval is not None
        stored = values[number]["intervals"]["Events.recall"]
        assert stored["value"] == recall.value
        assert (stored["low"], stored["high"]) == (
            recall.interval.low,
            recall.interval.high,
        )
    between = estimate_events(sums[1], sums[0])["recall"]
    assert between.interval is not None
    ends = (between.value, between.interval.low, between.interval.high)
    value, low, high = (f"{each:+.1f}".replace("-", MINUS) for each in ends)
    rows = [each for each in lines if each.startswith("| two less one | ")]
    assert len(rows) == 2
    assert rows[0].split(" | ")[2] == f"{value} ({low} to {high})"
    assert "differences" not in values[0]
    assert values[1]["differences"]["Events.recall"]["high"] == between.interval.high
    assert "12 blocks of 10 frames" in "\n".join(lines)


def test_an_arm_without_false_alarms_has_no_interval_of_them(arms, capsys):
    lines = printed(capsys, arms[1], *APART)
    heads = "| Arm | Precision (%) | Recall (%) | F1 (%) | False per hour |"
    row = lines[lines.index(heads) + 2]
    assert row.endswith("| 0.00 |")
    assert "No interval where all blocks agree" in "\n".join(lines)


def test_arms_of_different_frames_have_no_differences(arms, tmp_path, capsys):
    other = save_scores(frame_scores([CALM, HIT, CALM, FALSE] * 9), tmp_path / "o.npz")
    lines = printed(capsys, arms[0], other, *APART, "--name", "a", "b")
    text = "\n".join(lines)
    assert "the arms were tested on different frames or labels." in text
    assert "b less a" not in text
    assert "(block bootstrap, 8 blocks of 14.2 frames and 5 blocks of 7.8 frames)" in (
        text
    )


def test_few_frames_have_no_intervals(tmp_path, capsys):
    few = save_scores(frame_scores([CALM, HIT, CALM, FALSE, CALM]), tmp_path / "f.npz")
    text = "\n".join(printed(capsys, few))
    assert "no intervals where frames make 2 blocks of 2.91 frames: 5 are" in text
    assert " to " not in text.split("A pair is")[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.csv", "b.csv", "--block", "10"], "block='10' is for the intervals of sc"),
        (["--scores", "one.npz", "--block", "x"], "block"),
    ],
)
def test_other_blocks_are_refused(arms, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    assert status_of("score_events.py", *words) == 2
    assert message in capsys.readouterr().err

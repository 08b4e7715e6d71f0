"""``tools/score_events.py``: tables, JSON, and messages."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.evaluation.events import (
    EventSettings,
    RecordedEvent,
    event_metrics,
    read_events,
    score_events,
    write_events,
)
from mmseg_splashkd.evaluation.frame_scores import save_scores
from mmseg_splashkd.report.events import compare_events
from tests.evaluation.events.series import event
from tests.evaluation.helpers import frame_scores
from tests.tools import run_tool, status_of

CALM, HIT, FALSE = (9970, 0, 0, 0), (9970, 3, 5, 25), (9940, 30, 0, 0)


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two arms and the true events; the second arm finds one of two, and a false."""
    true = [event(10, 14, 2.0), event(30, 36, 1.0)]
    arms = {
        "good": [event(10, 14, 2.5), event(31, 36, 1.0)],
        "poor": [event(12, 20, 1.0), event(50, 51)],
        "truth": true,
    }
    for name, events in arms.items():
        rows = [RecordedEvent("pond", each) for each in events]
        write_events(tmp_path / f"{name}.csv", rows)
    good, poor, truth = (tmp_path / f"{name}.csv" for name in arms)
    return good, poor, truth


@pytest.fixture
def tested(tmp_path: Path) -> Path:
    counts = [CALM, HIT, HIT, CALM, CALM, FALSE, CALM, CALM, CALM, HIT, CALM]
    return save_scores(frame_scores(counts), tmp_path / "run" / "scores.npz")


def test_arms_are_beside_each_other(tables, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    assert status_of("score_events.py", *tables, "--hours", 0.5) == 0
    printed = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert "good 2 2 100.0 100.0 100.0 0 0.00 0 0" in lines
    assert "poor 2 2 50.0 50.0 50.0 1 2.00 0 0" in lines
    minus = "\N{MINUS SIGN}"
    good = f"good 2 +0.50 (0.50) +0.00 (0.00) {minus}0.50 (0.50) +12.50 (12.50)"
    assert good in lines
    poor = f"poor 1 +2.00 (2.00) +6.00 (6.00) +4.00 (4.00) {minus}50.00 (50.00)"
    assert poor in lines
    assert "a false alarm overlaps no true event" in printed
    assert "Events of scores" not in printed


def test_markdown_names_and_json(tables, tmp_path, capsys):
    file = tmp_path / "new" / "figures.json"
    words = ("--name", "A|B", "C", "--markdown", "--json", file)
    run_tool("score_events.py", *tables, *words)
    printed = capsys.readouterr().out
    assert printed.startswith("| Arm | Found | True | Precision (%) |")
    assert r"| A\|B | 2 | 2 | 100.0 |" in printed
    values = json.loads(file.read_text())
    assert [arm["name"] for arm in values["arms"]] == ["A|B", "C"]
    found, true = (read_events(tables[i]) for i in (1, 2))
    assert values["arms"][1]["metrics"] == event_metrics(score_events(found, true))
    assert values["arms"][1]["hours"] is None
    assert len(values["notes"]) == 2


def test_a_tolerance_is_said(tables, capsys):
    run_tool("score_events.py", *tables[1:], "--tolerance", 14, "--markdown")
    printed = capsys.readouterr().out
    assert "| poor | 2 | 2 | 100.0 | 100.0 | 100.0 | 0 | n/a |" in printed
    assert "overlap in time, within 14 s;" in printed


def test_a_pattern_names_the_tables_of_one_arm(tables, tmp_path, capsys):
    (arm,) = compare_events([tmp_path / "*o*.csv", tables[2]], names=["both"])
    assert (arm.name, arm.scores.found, arm.scores.true) == ("both", 4, 2)


def test_the_events_of_a_drawn_farm_are_a_truth(tmp_path, capsys):
    for name in ("one", "two"):
        draw_pond(tmp_path / name, frames=40, size=(48, 64), progress=False)
    one, two = (tmp_path / name / "events.csv" for name in ("one", "two"))
    first, second = compare_events([one, two, one])
    assert (first.name, second.name) == ("one/events", "two/events")
    assert first.scores.f1 == second.scores.f1 == 1
    assert first.scores.true > 2
    assert np.abs(first.scores.area_errors).max() == 0


def test_events_of_stored_scores(tested, capsys):
    run_tool("score_events.py", "--scores", tested, "--markdown")
    printed = capsys.readouterr().out
    assert "| scores | 3 | 2 | 66.7 | 100.0 | 80.0 | 1 | 327.27 | 0 | 0 |" in printed
    assert "begin at a share of 0.002 and end below 0.001, last 0.5 s" in printed


def test_settings_of_a_file_and_of_options(tested, tmp_path, capsys):
    chosen = EventSettings(min_seconds=2, gap_seconds=4)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(chosen.as_json()))
    (arm,) = compare_events(scores=[tested], settings=chosen)
    assert (arm.scores.found, arm.scores.true) == (1, 1)
    run_tool("score_events.py", "--scores", tested, "--settings", file, "--markdown")
    assert "| scores | 1 | 1 | 100.0 |" in capsys.readouterr().out
    # Options take the place of values of the file.
    words = ("--settings", file, "--min-seconds", 0, "--gap-seconds", 0)
    run_tool("score_events.py", "--scores", tested, *words, "--markdown")
    assert "| scores | 3 | 2 | 66.7 |" in capsys.readouterr().out
    words = ("--on", 0.0029, "--off", 0.0001, "--markdown")
    run_tool("score_events.py", "--scores", tested, *words)
    printed = capsys.readouterr().out
    assert "begin at a share of 0.0029 and end below 0.0001" in printed


def test_tables_and_scores_are_arms_together(tested, tables):
    arms = compare_events(tables[1:], scores=[tested], hours=2)
    assert [arm.name for arm in arms] == ["poor", "scores"]
    assert [arm.scores.hours for arm in arms] == [2, pytest.approx(11 / 3600)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"tables=\[\]: give one or more tables of found events"),
        (["good.csv"], "tables=.*good.csv.*: give one or more tables"),
        (["good.csv", "none.csv"], "table of events none.csv does not exist"),
        (["good.csv", "no*.csv"], r"table of events no\*.csv does not exist"),
        (["good.csv", "truth.csv", "--name", "a", "b"], "give one for each of the 1 a"),
        (["good.csv", "truth.csv", "--hours", "0"], "hours=0.0: give the observed"),
        (["good.csv", "truth.csv", "--on", "0.1"], "are for scores: the events of tab"),
        (["--scores", "none.npz"], "scores none.npz do not exist"),
        (["--scores", "run/scores.npz", "--hours", "1"], "hours=1.0 is for tables"),
        (["--scores", "run/scores.npz", "--on", "2"], "on=2.0: give a share"),
    ],
)
def test_bad_input_is_a_message_and_2(
    words, message, tables, tested, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert status_of("score_events.py", *words) == 2
    error = capsys.readouterr().err
    assert error.startswith("cannot score events: ")
    assert re.search(message, error), error

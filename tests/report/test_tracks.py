"""``tools/score_tracks.py``: tables, JSON, and messages."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from mmseg_splashkd.evaluation.components import Area
from mmseg_splashkd.evaluation.following.table import COLUMNS, blob_line
from tests.tools import status_of


def table(path: Path, rows: Sequence[tuple[int, int | None, int]]) -> Path:
    """Time, id and left column of squares of 10 x 10 pixels."""
    lines = [
        blob_line(time, track, Area((x, 0, x + 10, 10), 100, (x + 4.5, 4.5)))
        for time, track, x in rows
    ]
    path.write_text(",".join(COLUMNS) + "\n" + "".join(lines))
    return path


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Four frames of one true track; the second arm changes its id, and more."""
    truth = [(time, 5, time) for time in range(4)]
    poor = [(0, 1, 0), (1, 1, 1), (2, 2, 2), (3, 2, 3), (3, 3, 60), (3, None, 80)]
    return (
        table(tmp_path / "good.csv", [(time, 1, x) for time, _, x in truth]),
        table(tmp_path / "poor.csv", poor),
        table(tmp_path / "truth.csv", truth),
    )


def test_arms_are_beside_each_other(tables, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    file = tmp_path / "scores.json"
    assert status_of("score_tracks.py", *tables, "--json", file) == 0
    printed = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert "good 4 4 1 1 0 0 0 0" in lines
    assert "poor 4 5 1 3 0 1 1 0" in lines
    assert "good 100.0 100.0 100.0 100.0 100.0 100.0 100.0" in lines
    assert any(line.startswith("poor 50.0 40.0 50.0 44.4 ") for line in lines)
    assert "poor: 1 found blobs without a track left out." in lines
    good, poor = json.loads(file.read_text())["arms"]
    assert (good["name"], good["metrics"]["mota"]) == ("good", 1)
    assert (poor["metrics"]["switches"], poor["untracked"]) == (1, 1)


def test_only_frames_of_rows_are_scored(tables, tmp_path, capsys):
    rows = tmp_path / "rows.csv"
    rows.write_text("time,time_ns\n,0\n,1\n")
    words = (*tables, "--rows", rows, "--markdown", "--name", "a", "b")
    assert status_of("score_tracks.py", *words) == 0
    printed = capsys.readouterr().out
    assert "| b | 2 | 2 | 1 | 1 | 0 | 0 | 0 | 0 |" in printed
    assert "b: 6 blobs in frames that --rows lacks." in printed


def test_figures_of_nothing_are_omitted(tables, tmp_path, capsys):
    empty, file = table(tmp_path / "empty.csv", []), tmp_path / "scores.json"
    assert status_of("score_tracks.py", tables[0], empty, "--json", file) == 0
    assert "n/a" in capsys.readouterr().out
    assert "mota" not in json.loads(file.read_text())["arms"][0]["metrics"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("good.csv",), "give one or more tables of found tracks and then the table"),
        (("good.csv", "truth.csv", "--name", "a", "b"), "one for each of the 1 arms"),
        (("good.csv", "truth.csv", "--overlap", 2), "threshold=2.0: give a share in"),
        (("good.csv", "none.csv"), "none.csv does not exist"),
        (("good.csv", "truth.csv", "--rows", "none.csv"), "--rows none.csv does not"),
        (("good.csv", "truth.csv", "--rows", "a.csv"), "a.csv has no column time_ns"),
    ],
)
@pytest.mark.usefixtures("tables")
def test_bad_arguments_are_refused(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("time\n0\n")
    assert status_of("score_tracks.py", *words) == 2
    error = capsys.readouterr().err
    assert error.startswith("cannot score tracks: ")
    assert message in error

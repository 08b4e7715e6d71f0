"""tools/find_label_errors.py."""

import csv
from functools import partial
from pathlib import Path

import pytest

from tests.tools import run_tool

call = partial(run_tool, "find_label_errors.py")


def test_a_run_leaves_page_and_table(fold_run, tmp_path, capsys):
    call(fold_run, "--out", tmp_path / "page.html", "--shown", 3)
    printed = capsys.readouterr().out
    assert "of 7 frames have a suspicious region" in printed
    assert "14 training frames are held out by no run" in printed
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert 1 <= page.count('<section class="frame">') <= 3
    with (tmp_path / "page.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert all(Path(row["frame"]).is_file() for row in rows)
    scores = [float(row["frame_score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_bad_input_ends_with_its_remedy(tmp_path):
    with pytest.raises(SystemExit, match=r"label errors: run .*nowhere does not exist"):
        call(tmp_path / "nowhere", "--out", tmp_path / "page.html")
    with pytest.raises(SystemExit, match="holds no run"):
        call(tmp_path, "--out", tmp_path / "page.html")
    assert not list(tmp_path.iterdir())

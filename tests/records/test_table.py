import json

import pandas as pd
import pytest
from rich.console import Console

from mmseg_splashkd.records.record import BestAndLast, Teacher
from mmseg_splashkd.records.store import find_runs
from mmseg_splashkd.records.table import print_runs, rows, write_csv
from tests.records.builders import leave_run
from tests.tools import run_tool


@pytest.fixture
def folder(tmp_path):
    metrics = BestAndLast({"mIoU": 12.5, "Dice.splash": None}, None)
    text = "a = '''\n,\"'''\n"
    ended = {"status": "failed", "reason": 'x,\n"y"', "config_text": text}
    leave_run(tmp_path, 0, metrics=metrics, wall_s=90.0, iterations=4, **ended)
    teacher = Teacher(("a", "b"), ("1", "2"), {"ece": 0.25})
    leave_run(tmp_path, 1, status="finished", teacher=teacher)
    return tmp_path


def test_table_has_one_column_per_value(folder):
    write_csv(folder / "runs.csv", find_runs([folder]))
    table = pd.read_csv(folder / "runs.csv")
    assert table["name"].tolist() == ["run0", "run1"]
    assert table["work_dir"].tolist() == [str(folder / f"run{i}") for i in (0, 1)]
    assert table["metrics.best.mIoU"].tolist()[0] == 12.5
    assert table["metrics.best.Dice.splash"].isna().tolist() == [True, True]
    assert table["code.version"].tolist() == ["0.1.0", "0.1.0"]
    assert table["reason"].tolist()[0] == 'x,\n"y"'
    assert json.loads(table["teacher.checkpoints"].tolist()[1]) == ["a", "b"]
    assert table["teacher.report.ece"].tolist()[1] == 0.25
    assert "config_text" not in table


def test_rows_hold_no_nested_values(folder):
    for row in rows(find_runs([folder])):
        assert not [v for v in row.values() if isinstance(v, dict | list | tuple)]


def test_list_shows_status_duration_and_iterations(folder):
    console = Console(record=True, width=200)
    print_runs(find_runs([folder]), console)
    first = next(line for line in console.export_text().splitlines() if "run0" in line)
    for shown in ("failed", "2024-05-01 08:00", " 1.5 ", "0/4", str(folder / "run0")):
        assert shown in first


def test_tool_prints_or_writes(folder, monkeypatch, capsys):
    run_tool("runs.py", folder)
    assert "run1" in capsys.readouterr().out
    run_tool("runs.py", folder / "run1", "--csv", folder / "one.csv")
    assert pd.read_csv(folder / "one.csv")["name"].tolist() == ["run1"]
    with pytest.raises(SystemExit, match=r"cannot list runs: .* no path matches it"):
        run_tool("runs.py", folder / "none")

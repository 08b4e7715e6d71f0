"""Which runs a report is about, and what it is told of those that did not end well."""

import json
import socket

import pytest

from mmseg_splashkd.report.experiments.found import find_runs, unread_lines
from tests.report.experiments.fake import read_lines, record, write_ledger


@pytest.fixture
def folder(tmp_path):
    """Three recorded runs without files, and a file that is none."""
    lines = [record(f"run{i}", "farm_b0", None, i, "t.csv") for i in range(3)]
    for line in lines:
        (tmp_path / line["work_dir"]).mkdir()
    write_ledger(tmp_path, lines)
    (tmp_path / "sweep.json").write_text("{}")
    return tmp_path


def names(sources):
    return [run.name for run in find_runs(sources)]


def write_state(folder, name, **changes):
    (folder / name).mkdir(exist_ok=True)
    state = record(name, "farm_b0", None, 0, "t.csv")
    state |= {"how": "running", "id": f"new {name}", "validations": {}} | changes
    (folder / name / "run.json").write_text(json.dumps(state))


def test_a_folder_its_ledger_and_patterns_give_the_same_runs_once(folder):
    every = ["run0", "run1", "run2"]
    assert names([folder]) == every
    assert names([folder / "records.jsonl"]) == every
    assert names([f"{folder}/*"]) == every
    assert names([folder / "run2", folder]) == ["run2", "run0", "run1"]
    assert names([f"{folder}/run[12]"]) == ["run1", "run2"]


def test_the_last_line_about_a_folder_counts(folder):
    first, *rest = read_lines(folder)
    failed = first | {"id": "earlier", "how": "failed", "iteration": 40}
    write_ledger(folder, [failed, *rest, first])
    run = find_runs([folder])[0]
    assert (run.name, run.how) == ("run0", "finished")
    assert [each["iteration"] for each in run.earlier] == [40]


def test_a_run_under_way_is_running_and_a_dead_one_killed(folder):
    write_state(folder, "far", hostname="another machine", pid=1)
    write_state(folder, "dead", hostname=socket.gethostname(), pid=2**22 + 1)
    write_state(folder, "run1", hostname="another machine", pid=1)
    found = {run.name: run for run in find_runs([folder])}
    assert found["far"].how == "running"
    assert found["dead"].how == "killed"
    assert "is gone" in found["dead"].record["why"]
    assert found["run1"].how == "running"
    assert [each["how"] for each in found["run1"].earlier] == ["finished"]
    assert found["run0"].how == "finished"


def test_a_folder_of_no_ledger_is_named(tmp_path):
    (tmp_path / "old" / "scores").mkdir(parents=True)
    (tmp_path / "old" / "scores" / "val_last.npz").touch()
    (run,) = find_runs([tmp_path / "old"])
    assert (run.name, run.how) == ("old", "not recorded")
    assert "train it again" in run.record["why"]


def test_torn_lines_and_other_versions_are_counted(folder):
    ledger = folder / "records.jsonl"
    first, second, third = ledger.read_text().splitlines()
    other = json.dumps(json.loads(second) | {"version": 2})
    ledger.write_text(f"{first}\n{other}\n{third[:50]}")
    assert names([folder]) == ["run0"]
    assert unread_lines(ledger) == 2
    ledger.write_text(f"{other}\n")
    with pytest.raises(ValueError, match=r"1 lines of records.jsonl cannot be read"):
        find_runs([folder])


def test_nothing_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        find_runs([tmp_path / "nowhere"])
    with pytest.raises(ValueError, match=r"no runs there .*give work directories"):
        find_runs([tmp_path])

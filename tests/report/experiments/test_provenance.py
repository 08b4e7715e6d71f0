"""How runs ended, and on what they ran."""

from pathlib import Path

import pytest

from mmseg_splashkd.report.experiments.arms import Aside
from mmseg_splashkd.report.experiments.found import RunRecord
from mmseg_splashkd.report.experiments.provenance import (
    commands,
    conditions,
    duration,
    endings,
    seconds_of,
)
from tests.report.experiments.fake import record


def run(name, **changes):
    line = record(name, "farm_b0", None, 0, "t.csv") | changes
    return RunRecord(line, Path(f"/{name}"))


def test_those_without_a_part_come_first_and_earlier_attempts_are_told():
    good = run("good")
    killed = run("killed", how="killed", why="its process is gone", iteration=50)
    again = RunRecord(good.record, good.work_dir, None, (killed.record,))
    found = endings([good, killed, again], [Aside(killed, "killed")])
    assert [each.name for each in found] == ["killed", "good", "good"]
    assert found[0].why == "its process is gone"
    assert found[0].cells[:3] == ("2026-11-25 01:00", "3 min 10 s", "50 of 300")
    assert found[1].why == ""
    assert found[2].why == "earlier: killed at 50 of 300"
    assert (seconds_of(good), seconds_of(again)) == (190, 380)


def test_what_runs_differ_in_is_counted():
    other = {"version": "0.5.0", "commit": "f" * 40, "dirty": True}
    told = {
        each.name: each.values
        for each in conditions([run("a"), run("b"), run("c", code=other)])
    }
    assert told["Code"] == (
        ("0.5.0, commit 0123456789ab", 2),
        ("0.5.0, commit ffffffffffff with changes not committed", 1),
    )
    assert told["Frames"] == (("train 48, val 24", 3),)
    assert told["Hardware"] == (("x86_64 A CPU; 2 cores, threads: 1; no GPU", 3),)


def test_a_bare_record_is_no_reason_to_fail():
    bare = RunRecord(
        {"run": "old", "how": "not recorded", "why": "older"}, Path("/old")
    )
    assert conditions([bare]) == []
    (found,) = endings([bare], [Aside(bare, "older")])
    assert set(found.cells) == {""}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (12.4, "12 s"), (190, "3 min 10 s"), (7384.0, "2 h 3 min")],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_one_command_of_many_runs_stands_once():
    told = {"command": "python tools/sweep.py"}
    ledger = Path("my sweep/records.jsonl")
    runs = [
        RunRecord(
            record(f"kd_fold{fold}", "kd", 0.5, fold, "t.csv") | told, Path(), ledger
        )
        for fold in range(2)
    ]
    (command,) = commands(runs, [])["kd"]
    assert command.command == "python tools/sweep.py"
    assert command.reruns == (
        "python tools/rerun.py 'my sweep/records.jsonl' --run kd_fold0",
        "python tools/rerun.py 'my sweep/records.jsonl' --run kd_fold1",
    )

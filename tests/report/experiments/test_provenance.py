"""How runs ended, their conditions, and the commands that repeat them."""

from dataclasses import replace
from pathlib import Path

from mmseg_splashkd.records.record import Attempt, Code, RunRecord
from mmseg_splashkd.records.store import NOT_RECORDED, Run
from mmseg_splashkd.report.experiments.provenance import (
    commands,
    conditions,
    endings,
    seconds_of,
)
from mmseg_splashkd.report.scored_runs import LeftOut
from tests.report.experiments.test_over_time import runs, scores
from tests.report.fake_runs import record


def run(name, config="farm_b0", ratio=None, fold=0, **changes):
    made = record(config, ratio, fold, "t.csv", name=name, **changes)
    return Run(made, Path(f"/{name}"))


def test_runs_left_out_come_first_and_earlier_attempts_are_named():
    good = run("good")
    killed = run("killed", status="killed", reason="its process is gone", iteration=50)
    attempt = Attempt("i", "2026", "killed", iteration=50, wall_s=10.0)
    again = run("again", attempts=(attempt,))
    rows = endings([good, killed, again], [LeftOut(killed, "killed")])
    assert [row.name for row in rows] == ["killed", "good", "again"]
    assert rows[0].reason == "its process is gone"
    assert rows[0].cells[:4] == (
        "2026-11-25 01:00",
        "3 min 10 s",
        "50 of 300",
        "0.9 GiB",
    )
    assert [row.reason for row in rows[1:]] == ["", "earlier: killed at 50"]
    assert [row.compared for row in rows] == [False, True, True]
    assert (seconds_of(good), seconds_of(again)) == (190, 200)


def test_a_run_without_an_end():
    (row,) = endings([run("a", status="running", reason=None)], [])
    assert row.reason.startswith("no end is recorded")


def test_values_of_conditions_are_counted():
    other = Code("0.5.0", "f" * 40, True)
    values = conditions([run("a"), run("b"), run("c", code=other)])
    assert values["Code"] == [
        ("0.5.0, commit 0123456789ab", 2),
        ("0.5.0, commit ffffffffffff with uncommitted changes", 1),
    ]
    assert values["Frames"] == [("train 48, val 24", 3)]
    assert values["Hardware"] == [("x86_64 A CPU; 2 cores, threads: 1; no GPU", 3)]
    assert values["Data"] == [("t.csv, SHA-256 of table dddddddddddd", 3)]
    assert values["Versions"] == [("python 3.11.7, torch 2.13.0, mmseg 1.4.2", 3)]
    assert values["Iterations"] == [("300", 3)]


def test_an_unrecorded_run_has_no_conditions():
    made = RunRecord("", "old", NOT_RECORDED, reason="no record")
    old = Run(made, Path("/old"))
    assert conditions([old]) == {}
    (row,) = endings([old], [LeftOut(old, "no record")])
    assert (row.reason, set(row.cells)) == ("no record", {""})


def test_one_command_of_many_runs_is_listed_once():
    command = "python tools/sweep.py"
    folds = [run(f"my run {fold}", fold=fold, command=command) for fold in range(2)]
    arm = replace(runs(scores([0], [1], ["a"]), title="plain"), runs={0: folds[0]})
    listed = commands([*folds, run("other", "kd", 0.5)], [arm])
    assert list(listed) == ["plain", "other"]  # a run that failed is of its arm, too
    assert listed["plain"] == {
        command: [
            "python tools/rerun.py '/my run 0'",
            "python tools/rerun.py '/my run 1'",
        ]
    }
    (reruns,) = listed["other"].values()
    assert reruns == ["python tools/rerun.py /other"]

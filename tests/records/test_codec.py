"""Records of every schema version are read; those of a newer one are refused."""

import hashlib
import json
import math
from dataclasses import replace

import pytest

from mmseg_splashkd.records.codec import from_json, to_json
from mmseg_splashkd.records.ledger import read_ledger
from mmseg_splashkd.records.record import (
    VERSION,
    Attempt,
    BestAndLast,
    Charge,
    Cost,
    Data,
    Hardware,
    Memory,
    Teacher,
    Timing,
    Weights,
)
from tests.records.builders import GOLDEN, record

VERSION1 = GOLDEN / "version1"
FULL = record(
    ended="2024-05-01T09:00:00+00:00",
    wall_s=3600.0,
    reason="x,\n'y'",
    options={"fold": 2, "ratios": [0.5, 0.5], "model": None},
    teacher_ratio={"kind": "linear", "end": 0.8},
    data=Data("d", ("a.csv", "b.csv"), ("1", "2"), {"train": 3, "test": None}),
    hardware=Hardware("m", "cpu", 4, 2, 7.5, ("H100", "H100"), 2),
    memory=Memory(100.5, None),
    teacher=Teacher(("t.pth", "u.pth"), ("3", "4"), {"ece": 0.1, "metrics": {"a": 1}}),
    validations={2: {"mIoU": 1.0}, 10: {"mIoU": None}},
    metrics=BestAndLast({"mIoU": 1.0}, {"mIoU": None}),
    scores=BestAndLast("scores/val_best.npz", None),
    weights=BestAndLast(Weights("b", "5"), Weights("l", "6")),
    cost=Cost(7, 0.5, 2.5, "CPU"),
    attempts=(Attempt("i", "b", "killed", iteration=4), Attempt("j", "c", "failed")),
)


IN_TURN = replace(
    FULL,
    cost=Cost(7, 0.5, 2.5, "CPU", Timing("m", 3, (2.0, 3.0), "plain", 1.5, (1.0, 2.0))),
)

CHARGED = replace(
    FULL, charge=Charge("kd", ("steps", "wall"), 0.1, 2, 0, 30.5, "once", ("a.b",))
)


def version1(name):
    """JSON values as the first version wrote them, and the record they are read as."""
    values = json.loads((VERSION1 / name / "run.json").read_text())
    return values, from_json(values)


@pytest.mark.parametrize(
    "given",
    [FULL, IN_TURN, CHARGED, record()],
    ids=["full", "in_turn", "charged", "minimal"],
)
def test_record_survives_json(given):
    text = json.dumps(to_json(given), allow_nan=False)
    assert json.loads(text)["version"] == VERSION
    assert from_json(json.loads(text)) == given


def test_numbers_that_json_cannot_hold_are_none():
    given = record(validations={2: {"a": math.nan, "b": math.inf, "c": 0.0}})
    assert to_json(given)["validations"] == {2: {"a": None, "b": None, "c": 0.0}}


@pytest.mark.parametrize("name", ["plain", "distilled", "killed", "dying"])
def test_version_1_is_read_with_all_its_values(name):
    old, new = version1(name)
    renamed = {"name": "run", "status": "how", "reason": "why"}
    same = ("id", "began", "ended", "wall_s", "resumed", "command", "config", "options")
    same += ("config_sha256", "config_text", "experiment", "teacher_ratio", "fold")
    same += ("seed", "iterations", "iteration", "host", "pid", "hostname")
    for key in (*same, *renamed):
        assert getattr(new, key) == old[renamed.get(key, key)], key
    written = to_json(new)
    for key in ("code", "hardware", "memory", "scores", "metrics", "weights"):
        assert written[key] == old[key], key
    for key in ("root", "frames", "files_sha256", "train_frames_sha256"):
        assert written["data"][key] == old["data"][key], key
    assert new.data.tables == (old["data"]["table"],)
    assert new.data.table_sha256 == (old["data"]["table_sha256"],)
    assert new.validations == {int(k): v for k, v in old["validations"].items()}
    assert (new.attempts, new.cost) == ((), None)


def test_version_1_of_a_distillation_holds_teacher_and_report():
    old, new = version1("distilled")
    assert new.teacher is not None
    assert new.teacher.checkpoints == (old["teacher"]["checkpoint"],)
    assert new.teacher.sha256 == (old["teacher"]["sha256"],)
    report = dict(old["teacher"])
    del report["checkpoint"], report["sha256"]
    assert new.teacher.report == report
    assert version1("plain")[1].teacher is None


def test_several_tables_and_teachers_of_version_1():
    old, _ = version1("distilled")
    old["data"] |= {"table": ["a", "b"], "table_sha256": ["1", "2"]}
    old["teacher"] = {"checkpoint": ["t", "u"], "sha256": ["3", "4"]}
    new = from_json(old)
    assert (new.data.tables, new.data.table_sha256) == (("a", "b"), ("1", "2"))
    assert new.teacher == Teacher(("t", "u"), ("3", "4"), None)
    old["data"] |= {"table": None, "table_sha256": None}
    assert from_json(old).data.tables == ()


def test_golden_file_of_this_version():
    """Written once, by this version: a change of the schema needs a new version."""
    text = (GOLDEN / "version2" / "run.json").read_text()
    assert from_json(json.loads(text)) == FULL
    assert json.loads(text) == json.loads(json.dumps(to_json(FULL)))


def test_ledger_of_version_1_is_read_except_a_truncated_line(caplog):
    path = VERSION1 / "records.jsonl"
    with caplog.at_level("WARNING", logger="mmengine"):
        lines = read_ledger(path)
    found = [
        (folder.name, each.name, each.status, each.iteration) for folder, each in lines
    ]
    assert found == [
        ("distilled", "kd_seed0", "finished", 2),
        ("resumed", "resumed_0102", "finished", 2),
        ("resumed", "resumed_0102", "finished", 4),
        ("killed", "killed", "killed", 2),
    ]
    assert [folder.parent for folder, _ in lines] == [VERSION1] * 4
    # The line of a run and its own file hold the same but for what its process needs.
    _, own = version1("distilled")
    bare = replace(own, pid=None, hostname=None, validations={})
    assert lines[0][1] == bare


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"version": 3, "code": {"version": "9.1"}},
            "has schema version 3, newer than the supported versions 1 to 2. "
            "mmseg_splashkd 9.1 wrote it: read it with that version",
        ),
        (
            {"run": "old"},
            "has schema version None, not one of the supported versions 1 to 2",
        ),
        ({"version": "x"}, "has schema version 'x'"),
        ([1, 2], "expected a record of a run, got list"),
        ({"version": 1, "run": "x", "how": "y"}, "the record lacks id"),
        ({"version": 2, "id": "a", "name": "b"}, "RunRecord: .*missing.*'status'"),
        (to_json(record()) | {"colour": 1}, "RunRecord: .*'colour'"),
        (to_json(record()) | {"data": {"rooot": 1}}, "Data: .*'rooot'"),
        (to_json(record()) | {"teacher": "t"}, "Teacher: expected an object, got 't'"),
        (to_json(record()) | {"validations": [1]}, "RunRecord: "),
    ],
)
def test_what_is_no_record_is_named(values, message):
    with pytest.raises(ValueError, match=message):
        from_json(values)


def test_left_out_lines_are_logged_with_their_number(tmp_path, monkeypatch):
    from mmseg_splashkd.records import ledger

    logged = []
    monkeypatch.setattr(ledger, "print_log", lambda text, **_: logged.append(text))
    path = tmp_path / "records.jsonl"
    whole = (VERSION1 / "records.jsonl").read_bytes().split(b"\n")[0]
    path.write_bytes(b"\0" * 64 + b"\n" + whole + b'\n\n{"version": 7}\n\xff\xfe{}')
    assert [each.name for _, each in read_ledger(path)] == ["kd_seed0"]
    starts = [f"{path}, line {number}, is left out: " for number in (1, 4, 5)]
    assert [text.startswith(s) for text, s in zip(logged, starts, strict=True)] == [
        True
    ] * 3
    assert "schema version 7, newer" in logged[1]


def test_hash_of_the_recorded_config_is_that_of_its_text():
    old, new = version1("plain")
    assert new.config_text is not None
    digest = hashlib.sha256(new.config_text.encode()).hexdigest()
    assert digest == new.config_sha256 == old["config_sha256"]


def test_skipped_iterations_survive_json():
    given = record(skipped=(3, 7))
    assert from_json(json.loads(json.dumps(to_json(given)))) == given
    assert "skipped" not in to_json(record())

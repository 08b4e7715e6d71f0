"""The table of plain and distilled students, of scores that are known."""

import json
from types import SimpleNamespace

import pytest

from mmseg_splashkd.evaluation.frame_scores import save_scores
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.figures import BAD
from tests.conftest import ROOT
from tests.evaluation.helpers import frame_scores
from tests.test_commands import module_of, run

FILE, ENGINE = "student.onnx, onnxruntime", "torch"


def test_times_are_of_the_threads_and_frames_of_the_table(tmp_path, monkeypatch):
    table = module_of(ROOT / "benchmarks" / "deploy_table.py")
    write_whole(tmp_path / "table.json", json.dumps({"steps": ["torch", FILE]}))
    asked = {}

    def seconds_of(opened, frames, rounds, threads):
        asked.update(opened=opened, frames=frames, threads=threads)
        return {"torch": [0.03] * 3, FILE: [0.01] * 3}

    monkeypatch.setattr(table, "open_steps", lambda *given: given)
    monkeypatch.setattr(table, "timed_frames", lambda *given: given)
    monkeypatch.setattr(table, "seconds_of", seconds_of)
    run = SimpleNamespace(config="c.py", options={"split_table": "few.csv", "a": 1})
    farm = table.DATA["farm"]
    table.measure_times(run, "w", farm, tmp_path, 1)
    options = {"a": 1, **farm.tested}
    assert asked["threads"] == 1
    assert asked["opened"][4:] == (1, options)
    assert asked["frames"] == ("c.py", options)
    times = json.loads((tmp_path / "table.json").read_text())
    assert times["ms"] == pytest.approx([30, 10])
    assert times["faster"] == pytest.approx([1, 3])


def test_the_table_has_a_row_for_each_student_and_step(tmp_path, monkeypatch, capsys):
    """Dice of every frame and seed is 80; of the file of the distilled one it is 50."""
    table = module_of(ROOT / "benchmarks" / "deploy_table.py")
    runs = {}
    for name in ("plain", "distilled"):
        for seed in table.SEEDS:
            out = tmp_path / "farm" / f"{name}{seed}"
            for step in (table.WEIGHTS, ENGINE, FILE):
                hurt = name == "distilled" and step == FILE
                found = [50 + n % 5 - 2 if hurt else 80 + n % 3 - 1 for n in range(60)]
                # Of 100 true pixels, and as many false as missed ones.
                scores = frame_scores([(800 + n, 100 - n, 100 - n, n) for n in found])
                save_scores(scores, out / "scores" / f"{step}.npz")
            steps = {"steps": [ENGINE, FILE], "mib": [4.0, 1.5], "ms": [30.0, 10.0]}
            write_whole(out / "table.json", json.dumps(steps | {"faster": [1.0, 3.0]}))
            runs[name, seed] = None, {}
    monkeypatch.setattr(table, "students", lambda *_: runs)
    picture = tmp_path / "steps.svg"
    run(
        "benchmarks/deploy_table.py",
        "farm",
        "--work-dir",
        tmp_path,
        "--picture",
        picture,
    )
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith(("| plain", "| distilled"))
    ]
    assert [[*row[:2], row[2].split(" (")[0]] for row in rows] == [
        ["plain", "weights", "80.0"],
        ["plain", ENGINE, "80.0"],
        ["plain", FILE, "80.0"],
        ["distilled", "weights", "80.0"],
        ["distilled", ENGINE, "80.0"],
        ["distilled", FILE, "50.0"],
    ]
    assert [row[4] for row in rows if row[1] == FILE] == ["equivalent", "worse"]
    drawn = picture.read_text("utf-8")
    assert f"farm: {FILE}" in drawn
    assert BAD in drawn
    assert "open: plain; filled: distilled" in drawn
    assert rows[2][5:] == ["1.50", "10.0", "3.00"]

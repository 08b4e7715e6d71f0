"""``tools/sweep.py`` and ``tools/slurm_sweep.sh``, as people call them."""

import json
import os
import runpy
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint
from mmseg_splashkd.config.frames import name_of
from mmseg_splashkd.datasets.split_table import read_table, select_frames
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.records import LEDGER, read_ledger
from mmseg_splashkd.runs.train import train
from mmseg_splashkd.sweep.locks import locked
from mmseg_splashkd.sweep.spec import read_sweep
from tests.conftest import ROOT, tiny_run
from tests.sweep.conftest import PLAIN, STUDENT, TEACHER, write_folds

ITERATIONS = 20
LAST = "weights_*_last.safetensors"
SBATCH = """#!/usr/bin/env bash
# What SLURM does with an array of two tasks: a copy of the script, from elsewhere.
set -euo pipefail
[ "$1" = --array=0-1 ]
cp "$2" "$SPOOL/slurm_script"
export SLURM_SUBMIT_DIR=$PWD
cd "$SPOOL"
for task in 0 1; do
  SLURM_ARRAY_TASK_ID=$task bash "$SPOOL/slurm_script" "${@:3}" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
"""


@pytest.fixture(scope="module")
def table(pond, tmp_path_factory) -> Path:
    """Two folds of the pond's frames."""
    return write_folds(pond, tmp_path_factory.mktemp("tables") / "folds.csv")


def options(pond: Path, table: Path) -> dict:
    models = "model", "model.student", "model.teacher"
    found = tiny_run(pond, *models, iterations=ITERATIONS)
    found["train_cfg.val_interval"] = ITERATIONS
    # The host removes a checkpoint before it writes the next: with one, there are
    # moments in which a kill leaves none.
    found["default_hooks.checkpoint.max_keep_ckpts"] = 2
    return found | {"split_table": str(table)}


def words(found: dict) -> list[str]:
    return [f"{key}={value}".replace(" ", "") for key, value in found.items()]


def call(*given: object) -> int:
    """Run the tool in this process; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["tools/sweep.py", *map(str, given)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "tools" / "sweep.py"), run_name="__main__")
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where a user works."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "tools").symlink_to(ROOT / "tools")
    (folder / "bin").mkdir()
    (folder / "bin" / "sbatch").write_text(SBATCH)
    (folder / "bin" / "sbatch").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def command(pond, table) -> list[str]:
    """The plain student and one distilled, in two folds."""
    given = [STUDENT, "--grid", "teacher_ratio=1", "--folds", "2"]
    given += ["--teacher", TEACHER, "--baseline", PLAIN, "--out", "sweep"]
    return [*given, "--cfg-options", *words(options(pond, table))]


@pytest.fixture(scope="module")
def killed(folder, command) -> str:
    """The run in which a sweep was killed by -9, after one that was done."""
    with subprocess.Popen(
        [sys.executable, "tools/sweep.py", *command, "--workers", "1"],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        second = (s for s in process.stdout if "[1/4]" in s and " on " in s)
        name = next(second).split("] ")[1].split(":")[0]
        while not (folder / "sweep" / name / "last_checkpoint").is_file():
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    with locked(folder / "sweep" / ".locks" / name):  # the run ended with its worker
        assert set(runs(folder / "sweep").values()) == {1}
    return name


@pytest.fixture(scope="module")
def sweep(folder, killed) -> Path:
    """The sweep, gone on with by two workers of an array of SLURM."""
    env = os.environ | {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    env |= {"PATH": f"{folder / 'bin'}:{env['PATH']}", "SPOOL": str(folder)}
    done = subprocess.run(
        ["sbatch", "--array=0-1", "tools/slurm_sweep.sh", "sweep"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert done.stdout.count("4 of 4 done") == 2
    return folder / "sweep"


def runs(sweep: Path) -> Counter:
    return Counter((record["run"], record["how"]) for record in read_ledger(sweep))


@pytest.mark.slow
def test_a_killed_run_is_gone_on_with_and_no_other_repeated(sweep, killed):
    counts = runs(sweep)
    assert counts.pop((killed, "killed")) == 1
    assert len(counts) == 4
    assert set(counts.values()) == {1}
    assert {how for _, how in counts} == {"finished"}
    again = [r for r in read_ledger(sweep) if r["run"] == killed][-1]
    assert (again["resumed"], again["iteration"]) == (True, ITERATIONS)


@pytest.mark.slow
def test_every_cell_is_named_as_in_the_record(sweep):
    known = read_sweep(sweep)
    assert known is not None
    arms = f"farm_b0_{known.began:%m%d}", f"farm_b0_kd_{known.began:%m%d}_100"
    cells = [f"{arm}_fold{fold}_seed0" for arm in arms for fold in (0, 1)]
    assert {run for run, _ in runs(sweep)} == set(cells)
    for cell in cells:
        assert (sweep / cell / "predictions" / "val").is_dir()
        assert len(list((sweep / cell / "predictions" / "test").iterdir())) == 3
        scores = load_scores(sweep / cell / "scores" / "test_last.npz")
        assert (scores.about["run"], scores.about["weights"]) == (cell, "last")
        assert not list((sweep / cell).glob("*.pth"))


@pytest.mark.slow
def test_the_teacher_of_a_fold_never_saw_it_and_is_trained_once(sweep, table):
    (teachers,) = (sweep.parent / "work_dirs" / "teachers").iterdir()
    assert sorted(how for _, how in runs(teachers)) == ["finished", "finished"]
    for fold in (0, 1):
        held_out = {name_of(f) for f in select_frames(read_table(table), "val", fold)}
        text = (teachers / f"fold{fold}" / "train_frames.txt").read_text()
        assert held_out
        assert not held_out & set(text.split())
        for record in read_ledger(sweep):
            if "_kd_" in record["run"] and record["fold"] == fold:
                assert f"/fold{fold}/" in record["teacher"]["checkpoint"]


@contextmanager
def threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
def test_a_cell_is_an_ordinary_run(sweep, pond, table, tmp_path):
    (cell,) = sweep.glob("farm_b0_kd_*_100_fold1_seed0")
    record = next(r for r in read_ledger(sweep) if r["run"] == cell.name)
    given = options(pond, table) | {"model.distill_loss.teacher_ratio": 1, "fold": 1}
    given = {k: v for k, v in given.items() if not k.startswith("model.b")}
    given = {k: v for k, v in given.items() if not k.startswith("model.decode_head")}
    given["model.teacher_checkpoint"] = str(
        sweep.parent / record["teacher"]["checkpoint"]
    )
    with threads(record["hardware"]["threads"]):  # on which last digits depend
        plain = train(STUDENT, tmp_path / "plain", cfg_options=given)
    weights = [
        read_checkpoint(find_checkpoint(str(path / LAST)))["state_dict"]
        for path in (plain, cell)
    ]
    assert weights[0].keys() == weights[1].keys()
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]), key
    told = json.loads((cell / "cell.json").read_text())
    assert told["val"]["mIoU"] == record["metrics"]["last"]["mIoU"]


@pytest.mark.slow
def test_the_same_command_repeats_nothing(sweep, command, monkeypatch, capfd):
    monkeypatch.chdir(sweep.parent)
    before = (sweep / LEDGER).read_bytes()
    assert call(*command) == 0
    assert (sweep / LEDGER).read_bytes() == before
    assert "4 of 4 done" in capfd.readouterr().out


@pytest.mark.slow
def test_another_question_in_its_folder_is_refused(sweep, command, monkeypatch, capfd):
    monkeypatch.chdir(sweep.parent)
    assert call(*command, "--seeds", 2) == 2
    said = capfd.readouterr().err
    assert said.startswith("cannot sweep: sweep holds another sweep:")
    assert "seeds: it has None, asked for is 2" in said
    assert call("--join", "sweep", "--storage", "sqlite:///other.db") == 2
    assert "was begun with the default --storage" in capfd.readouterr().err


@pytest.mark.slow
def test_a_teacher_of_another_fold_is_refused(sweep, command, monkeypatch, capfd):
    monkeypatch.chdir(sweep.parent)
    (teachers,) = Path("work_dirs", "teachers").iterdir()
    for fold in (0, 1):
        Path(f"swapped{fold}").symlink_to(teachers / f"fold{1 - fold}")
    given = [word for word in command if word not in ("--teacher", TEACHER)]
    given[given.index("sweep")] = "leaky"
    assert call(*given, "--teacher-checkpoint", "swapped{fold}/" + LAST) == 2
    assert "frames of the val part" in capfd.readouterr().err
    assert not Path("leaky").exists()


def test_bad_words_end_with_their_remedy(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert call(STUDENT, "--grid", "teachr_ratio=0.5") == 2
    said = capfd.readouterr().err
    assert said.startswith("cannot sweep: --grid teachr_ratio")
    assert "did you mean model.distill_loss.teacher_ratio" in said
    assert call("--join", "nowhere") == 2
    assert "Begin the sweep first" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())

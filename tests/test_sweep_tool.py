"""``tools/sweep.py`` and ``tools/slurm_sweep.sh``, as people call them."""

import json
import os
import runpy
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint
from mmseg_splashkd.datasets.split_table import read_table, select
from mmseg_splashkd.engine.parts import name_of
from mmseg_splashkd.engine.records import LEDGER, read_ledger
from mmseg_splashkd.engine.sweep.locks import locked
from mmseg_splashkd.engine.sweep.spec import read_sweep
from mmseg_splashkd.engine.training import train
from mmseg_splashkd.evaluation.frame_scores import load_scores
from tests.conftest import ROOT, tiny_run
from tests.engine.sweep.conftest import PLAIN, STUDENT, TEACHER, write_folds

Tool = Callable[..., tuple[int, str]]
LAST = "weights_*_last.safetensors"


@pytest.fixture(scope="module")
def table(pond, tmp_path_factory) -> Path:
    """Two folds of the pond's frames."""
    return write_folds(pond, tmp_path_factory.mktemp("tables") / "folds.csv")


def options(pond: Path, table: Path, **more) -> dict:
    found = tiny_run(pond, "model", "model.student", "model.teacher", **more)
    return found | {"ann_file": str(table)}


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
    return tmp_path_factory.mktemp("user")


@pytest.fixture(scope="module")
def command(pond, table) -> list[str]:
    """The plain student and one distilled, in two folds."""
    given = [STUDENT, "--grid", "teacher_ratio=1", "--folds", "2"]
    given += ["--teacher", TEACHER, "--baseline", PLAIN, "--out", "sweep"]
    return [*given, "--cfg-options", *words(options(pond, table))]


@pytest.fixture(scope="module")
def sweep(folder, command) -> Path:
    """A sweep that two workers made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert call(*command, "--workers", 2) == 0
    return folder / "sweep"


def runs(sweep: Path) -> Counter:
    return Counter((record["run"], record["how"]) for record in read_ledger(sweep))


@pytest.mark.slow
def test_every_cell_is_run_once_and_named_as_in_the_record(sweep):
    known = read_sweep(sweep)
    assert known is not None
    arms = f"farm_b0_{known.began:%m%d}", f"farm_b0_kd_{known.began:%m%d}_100"
    cells = [f"{arm}_fold{fold}_seed0" for arm in arms for fold in (0, 1)]
    assert runs(sweep) == {(cell, "finished"): 1 for cell in cells}
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
        held_out = {name_of(f) for f in select(read_table(table), "val", fold)}
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


@pytest.mark.slow
def test_killed_in_mid_run_and_finished_by_an_array_of_slurm(pond, table, tmp_path):
    out, bin_dir = tmp_path / "sweep", tmp_path / "bin"
    bin_dir.mkdir()
    (bin_dir / "sbatch").write_text(SBATCH)
    (bin_dir / "sbatch").chmod(0o755)
    env = os.environ | {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    env |= {"PATH": f"{bin_dir}:{env['PATH']}", "SPOOL": str(tmp_path)}
    given = tiny_run(pond, "model", iterations=12) | {"ann_file": str(table)}
    given["train_cfg.val_interval"] = 12
    command = [sys.executable, "tools/sweep.py", PLAIN, "--grid", "lr=0.1,0.01"]
    command += ["--folds", "2", "--no-predictions", "--out", str(out)]
    command += ["--cfg-options", *words(given)]
    killed = kill_at_second_run(command, env)
    with locked(out / ".locks" / killed):  # its process has ended with its worker
        assert runs(out) == {(next(iter(runs(out)))[0], "finished"): 1}
    done = subprocess.run(
        ["sbatch", "--array=0-1", "tools/slurm_sweep.sh", str(out)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "4 of 4 done" in done.stdout
    counts = runs(out)
    assert counts.pop((killed, "killed")) == 1
    assert len(counts) == 4
    assert set(counts.values()) == {1}
    assert {how for _, how in counts} == {"finished"}
    again = [r for r in read_ledger(out) if r["run"] == killed][-1]
    assert (again["resumed"], again["iteration"]) == (True, 12)


def kill_at_second_run(command: list[str], env: dict) -> str:
    """Start a sweep, and kill -9 it once its second run has a checkpoint."""
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        name = None
        for line in process.stdout:
            if "[1/4]" in line and " trains on " in line:
                name = line.split("] ")[1].split(":")[0]
                break
        assert name is not None
        pointer = Path(command[command.index("--out") + 1], name, "last_checkpoint")
        while not pointer.is_file():
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    return name

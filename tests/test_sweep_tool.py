"""``tools/sweep.py`` and ``tools/slurm_sweep.sh`` as commands."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint
from mmseg_splashkd.config.frames import frame_name
from mmseg_splashkd.datasets.split_table import read_table, select_frames
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.runs.train import train
from mmseg_splashkd.sweep.spec import read_sweep
from tests.conftest import ROOT, tiny_run
from tests.lean_processes import lean, paths
from tests.sweep.conftest import STUDENT, TEACHER, write_folds
from tests.tools import status_of

ITERATIONS = 12
LAST = "weights_*_last.safetensors"
# Last digits of the weights depend on the number of threads.
THREADS = {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def table(pond, tmp_path_factory) -> Path:
    """Two folds of the pond's frames."""
    return write_folds(pond, tmp_path_factory.mktemp("tables") / "folds.csv")


def options(pond: Path, table: Path) -> dict:
    models = "model", "model.student", "model.teacher"
    chosen = tiny_run(pond, *models, iterations=ITERATIONS)
    chosen["train_cfg.val_interval"] = ITERATIONS
    # mmengine removes a checkpoint before it writes the next one: with one, a kill in
    # between leaves none.
    chosen["default_hooks.checkpoint.max_keep_ckpts"] = 2
    return chosen | {"split_table": str(table)}


def words(chosen: dict) -> list[str]:
    return [f"{key}={value}".replace(" ", "") for key, value in chosen.items()]


def call(*given: object) -> int:
    """Run the tool in this process; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (THREADS | {"PYTHONPATH": paths()}).items():
            patch.setenv(name, value)  # also of the processes of Ray
        return status_of("sweep.py", *given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where a user works."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "tools").symlink_to(ROOT / "tools")
    return folder


@pytest.fixture(scope="module")
def command(pond, table) -> list[str]:
    """A teacher and a distilled student in each of two folds, two at once."""
    given = [STUDENT, "--grid", "teacher_ratio=1", "--folds", "2", "--teacher", TEACHER]
    given += ["--out", "sweep", "--workers", "2"]
    return [*given, "--cfg-options", *words(options(pond, table))]


@pytest.fixture(scope="module")
def killed(folder, command) -> str:
    """Name of a run that trained when the driver was killed."""
    with subprocess.Popen(
        [sys.executable, "tools/sweep.py", *command],
        cwd=folder,
        env=lean(**THREADS),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        student = (s for s in process.stdout if "_kd_" in s and ": trains on " in s)
        name = next(student).split("] ")[1].split(":")[0]
        run = folder / "sweep" / name
        while not (run / "last_checkpoint").is_file():
            with pytest.raises(subprocess.TimeoutExpired):  # it is still running
                process.wait(0.02)
        process.kill()
        # Ray ends the tasks of a lost driver a second later: a run ends before that.
        pid = record_of(run).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert record_of(run).status == "running"
    return name


@pytest.fixture(scope="module")
def before(folder, killed) -> dict[str, RunRecord]:
    """Records that the killed driver left."""
    paths = [*(folder / "sweep").iterdir(), *folder.glob("work_dirs/teachers/*/*")]
    records = {path.name: read_record(path) for path in paths if path.is_dir()}
    return {name: record for name, record in records.items() if record is not None}


@pytest.fixture(scope="module")
def sweep(folder, command, before) -> Path:
    """The sweep, continued by the same command."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(folder)
        assert call(*command) == 0, printed.getvalue()
    assert printed.getvalue().splitlines()[-1].startswith("2 of 2 done")
    return folder / "sweep"


def record_of(work_dir: Path) -> RunRecord:
    record = read_record(work_dir)
    assert record is not None
    return record


def runs(sweep: Path) -> dict[str, RunRecord]:
    return {p.name: record_of(p) for p in sorted(sweep.iterdir()) if p.is_dir()}


@pytest.mark.slow
def test_a_killed_run_is_resumed_and_no_finished_one_repeated(sweep, killed, before):
    after = runs(sweep)
    assert {record.status for record in after.values()} == {"finished"}
    assert (after[killed].resumed, after[killed].iteration) == (True, ITERATIONS)
    finished = {n for n, record in before.items() if record.status == "finished"}
    assert finished >= {"fold0", "fold1"}  # the teachers
    (teachers,) = (sweep.parent / "work_dirs" / "teachers").iterdir()
    after |= {name: record_of(teachers / name) for name in ("fold0", "fold1")}
    for name in finished:
        assert after[name].id == before[name].id


@pytest.mark.slow
def test_names_and_files_of_the_runs(sweep):
    stored = read_sweep(sweep)
    assert stored is not None
    variant = f"farm_b0_kd_{stored.began:%m%d}_100"
    names = [f"{variant}_fold{fold}_seed0" for fold in (0, 1)]
    assert list(runs(sweep)) == names
    for name in names:
        assert (sweep / name / "predictions" / "val").is_dir()
        predicted = sweep / name / "predictions" / "test"
        assert len(list(predicted.rglob("*.png"))) == 3
        scores = load_scores(sweep / name / "scores" / "test_last.npz")
        assert (scores.about["run"], scores.about["weights"]) == (name, "last")
        assert not list((sweep / name).glob("*.pth"))
        tested = record_of(sweep / name).test_metrics
        assert tested is not None
        assert tested.keys() >= {"mIoU", "Dice.splash"}


@pytest.mark.slow
def test_the_teacher_of_a_fold_is_trained_once_and_without_its_frames(sweep, table):
    (teachers,) = (sweep.parent / "work_dirs" / "teachers").iterdir()
    for fold in (0, 1):
        held_out = {
            frame_name(f) for f in select_frames(read_table(table), "val", fold)
        }
        text = (teachers / f"fold{fold}" / "train_frames.txt").read_text()
        assert held_out
        assert not held_out & set(text.split())
        for name, record in runs(sweep).items():
            if record.fold == fold:
                assert record.teacher is not None, name
                assert f"/fold{fold}/" in record.teacher.checkpoints[0]


@contextlib.contextmanager
def threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
def test_a_killed_run_has_the_weights_of_an_uninterrupted_one(
    sweep, killed, pond, table, tmp_path
):
    run, record = sweep / killed, record_of(sweep / killed)
    given = options(pond, table) | {"model.distill_loss.teacher_ratio": 1}
    given = {k: v for k, v in given.items() if not k.startswith("model.b")}
    given = {k: v for k, v in given.items() if not k.startswith("model.decode_head")}
    assert record.teacher is not None
    teacher = str(sweep.parent / record.teacher.checkpoints[0])
    given |= {"model.teacher_checkpoint": teacher, "fold": record.fold}
    with threads(record.hardware.threads or 1):  # on which last digits depend
        plain = train(STUDENT, tmp_path / "plain", cfg_options=given)
    weights = [
        read_checkpoint(find_checkpoint(str(path / LAST)))["state_dict"]
        for path in (plain, run)
    ]
    assert weights[0].keys() == weights[1].keys()
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]), key
    assert record.metrics.last == record_of(plain).metrics.last
    assert str(record.command).split()[1] == str(ROOT / "tools" / "sweep.py")


@pytest.mark.slow
def test_the_same_command_repeats_no_finished_run(sweep, command, monkeypatch, capfd):
    monkeypatch.chdir(sweep.parent)
    records = runs(sweep)
    assert call(*command) == 0
    assert runs(sweep) == records
    assert "2 of 2 done" in capfd.readouterr().out


@pytest.mark.slow
def test_another_sweep_in_its_folder_is_refused(sweep, command, monkeypatch, capfd):
    monkeypatch.chdir(sweep.parent)
    assert call(*command, "--seeds", 2) == 2
    printed = capfd.readouterr().err
    assert printed.startswith("cannot sweep: sweep holds another sweep:")
    assert "seeds: the sweep has None, this command sets 2" in printed


@pytest.mark.slow
def test_a_teacher_of_another_fold_is_refused(sweep, command, monkeypatch, capfd):
    monkeypatch.chdir(sweep.parent)
    (teachers,) = Path("work_dirs", "teachers").iterdir()
    for fold in (0, 1):
        Path(f"swapped{fold}").symlink_to(teachers / f"fold{1 - fold}")
    of_teacher = "--teacher", TEACHER, "model.backbone", "model.decode_head"
    given = [word for word in command if not word.startswith(of_teacher)]
    given[given.index("sweep")] = "overlap"
    assert call(*given, "--teacher-checkpoint", "swapped{fold}/" + LAST) == 2
    assert "frames of the val part" in capfd.readouterr().err
    assert not Path("overlap").exists()


def test_errors_name_their_remedy(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert call(STUDENT, "--grid", "teachr_ratio=0.5") == 2
    printed = capfd.readouterr().err
    assert printed.startswith("cannot sweep: --grid teachr_ratio")
    assert "did you mean model.distill_loss.teacher_ratio" in printed
    assert call("--join", "sweep") == 2
    assert "unrecognized arguments: --join" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


SRUN = """#!/usr/bin/env bash
echo "srun $1 $2"
exec "${@:3}"
"""
RAY = """#!/usr/bin/env bash
# As symmetric-run on the first node: run the command after --, pass its exit code.
args=()
while [ "$1" != -- ]; do args+=("$1"); shift; done
echo "ray ${args[*]}, statistics $RAY_USAGE_STATS_ENABLED"
"${@:2}"
"""
PYTHON = """#!/usr/bin/env bash
trap 'echo interrupted; kill $!; exit 1' TERM
echo "python $*"
if [ "$2" = --forever ]; then sleep 1000 & wait; fi
"""


@pytest.fixture
def slurm(folder, tmp_path) -> dict[str, str]:
    """The environment of a batch script on two nodes, with stand-ins on the path."""
    for name, text in {"srun": SRUN, "ray": RAY, "python": PYTHON}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_SUBMIT_DIR": str(folder),
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_ON_NODE": "8",
    }


def test_slurm_starts_ray_on_all_nodes_and_one_driver(slurm, tmp_path):
    script = [str(ROOT / "tools" / "slurm_sweep.sh"), "kd.py", "--grid", "r=0.5,1"]
    done = subprocess.run(
        ["bash", *script], cwd=tmp_path, env=slurm, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    address = f"{os.uname().nodename}:6379"
    assert done.stdout.splitlines() == [
        "srun --nodes=2 --ntasks=2",
        f"ray symmetric-run --address {address} --min-nodes 2 --num-cpus=8, "
        f"statistics 0",
        f"python tools/sweep.py kd.py --grid r=0.5,1 --address {address}",
    ]


def test_slurm_interrupts_the_driver_before_time_is_up(slurm, tmp_path):
    with subprocess.Popen(
        ["bash", str(ROOT / "tools" / "slurm_sweep.sh"), "--forever"],
        cwd=tmp_path,
        env=slurm,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any("python tools/sweep.py" in line for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "interrupted\n"
    assert process.returncode == 1

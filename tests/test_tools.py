"""The command-line tools with one process, in this one, and with two."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT, tiny_run
from tests.lean_processes import lean
from tests.tools import run_tool, status_of

pytestmark = pytest.mark.slow


def call(*command: object, **environment: str) -> subprocess.CompletedProcess:
    env = lean(PYTHON=sys.executable, OMP_NUM_THREADS="1", **environment)
    arguments = [str(each) for each in command]
    return subprocess.run(arguments, cwd=ROOT, env=env, capture_output=True, text=True)


def succeed(*command: object, **environment: str) -> str:
    done = call(*command, **environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def write_config(path: Path, base: str, options: dict, **variables: object) -> Path:
    """A config file that inherits from ``configs/demo/<base>`` with options applied."""
    from mmengine.config import Config

    from mmseg_splashkd.config.reading import read_config

    cfg = read_config(ROOT / "configs" / "demo" / base, options)
    for name, value in variables.items():
        cfg[name] = value
    cfg.pop("work_dir")
    Config(cfg.to_dict()).dump(path)
    return path


def metrics_of(work_dir: Path) -> dict[str, float]:
    """Metrics that a test run logged as JSON."""
    (log,) = [p for p in work_dir.glob("*/*.json") if "vis_data" not in str(p)]
    return json.loads(log.read_text().splitlines()[-1])


@pytest.fixture(scope="module")
def teacher_run(pond, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    options = tiny_run(pond, "model")
    config = write_config(folder / "tiny_b1.py", "segformer_b1_pond.py", options)
    assert status_of("train.py", config, "--work-dir", folder / "run") == 0
    return folder


@pytest.fixture(scope="module")
def distillation(pond, teacher_run, tmp_path_factory) -> Path:
    """Ten steps of two processes, through the script."""
    folder = tmp_path_factory.mktemp("distillation")
    options = tiny_run(pond, "model.student", "model.teacher", iterations=10)
    (weights,) = (teacher_run / "run").glob("weights_*_best.safetensors")
    options["model.teacher_checkpoint"] = str(weights)
    config = write_config(
        folder / "tiny_kd.py",
        "segformer_b0_kd_pe001_pond.py",
        options,
        custom_imports={"imports": ["mmseg_splashkd", "tests.rank_probe"]},
    )
    text = config.read_text()
    config.write_text(text + "custom_hooks.append(dict(type='RankProbeHook'))\n")
    succeed(
        "tools/dist_train.sh",
        config,
        2,
        "--work-dir",
        folder / "run",
        PORT=free_port(),
    )
    return folder


def test_train_then_test(teacher_run, capfd):
    run_tool(
        "test.py",
        teacher_run / "tiny_b1.py",
        teacher_run / "run" / "weights_*_best.safetensors",
        "--work-dir",
        teacher_run / "test",
        "--show-dir",
        teacher_run / "show",
        "--cfg-options",
        "test_dataloader.batch_size=2",
    )
    assert "Dice.splash" in capfd.readouterr().out
    assert len(list((teacher_run / "show").rglob("*.png"))) == 3


def test_ranks_end_with_equal_weights_and_an_unchanged_teacher(distillation):
    before, after = (
        [torch.load(distillation / "run" / f"rank{rank}_{when}.pt") for rank in (0, 1)]
        for when in ("before", "after")
    )
    assert [state["world_size"] for state in after] == [2, 2]
    for key, value in after[0]["student"].items():
        assert torch.equal(value, after[1]["student"][key]), key
    for rank in (0, 1):
        for key, value in before[0]["teacher"].items():
            assert torch.equal(value, after[rank]["teacher"][key]), key
    key = "decode_head.conv_seg.weight"
    assert not torch.equal(before[0]["student"][key], after[0]["student"][key])


def test_two_processes_yield_the_metrics_of_one(distillation):
    config = distillation / "tiny_kd.py"
    weights = distillation / "run" / "weights_*_last.safetensors"
    common = ("--cfg-options", "test_dataloader.batch_size=2")
    one, two = distillation / "one", distillation / "two"
    run_tool("test.py", config, weights, "--work-dir", one, *common)
    succeed(
        "tools/dist_test.sh",
        config,
        weights,
        2,
        "--work-dir",
        two,
        *common,
        PORT=free_port(),
    )
    first, second = metrics_of(one), metrics_of(two)
    names = [name for name in first if "time" not in name]
    assert "Dice.splash" in names
    for name in names:  # 3 frames: two for the first process, one for the second
        assert first[name] == pytest.approx(second[name], abs=1e-6, nan_ok=True), name


def test_error_of_bad_input_names_the_remedy(tmp_path):
    config = ROOT / "configs" / "kd" / "segformer_b0.py"
    nowhere = f"data_root={tmp_path / 'nowhere'}"
    with pytest.raises(SystemExit) as ended:
        run_tool("train.py", config, "--cfg-options", nowhere)
    message = str(ended.value)
    assert "make demo" in message
    assert "tools/new_project.py" in message.splitlines()[-1]


@pytest.mark.parametrize("script", ["dist_train.sh", "dist_test.sh"])
def test_scripts_print_their_usage(script):
    done = call(f"tools/{script}", "only_a_config.py")
    assert done.returncode == 2
    assert "CONFIG" in done.stderr

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.hooks import export_weights_hook as hooks
from mmseg_splashkd.hooks.export_weights_hook import ExportWeightsHook
from tests.hooks.small_runs import small_run
from tests.models.builders import build, fcn


@pytest.mark.parametrize("by_epoch", [False, True])
@pytest.mark.parametrize("validates", [False, True])
def test_exported_weights_are_those_of_the_checkpoints(tmp_path, by_epoch, validates):
    run = small_run(
        build(fcn(auxiliary=False)),
        tmp_path / "run",
        by_epoch=by_epoch,
        validates=validates,
        hooks=("ExportWeightsHook",),
    )
    run.train()
    for which in ("last", "best") if validates else ("last",):
        file = run.message_hub.get_info(f"{which}_ckpt")
        checkpoint = read_checkpoint(file)
        exported = read_checkpoint(tmp_path / f"run/weights_run_{which}.safetensors")
        assert exported["meta"]["iter"] == checkpoint["meta"]["iter"]
        assert exported["state_dict"].keys() == checkpoint["state_dict"].keys()
        for name, weight in exported["state_dict"].items():
            assert torch.equal(weight, checkpoint["state_dict"][name]), name
    assert run.iter == (4 if by_epoch else 2)
    last = read_checkpoint(tmp_path / "run" / "weights_run_last.safetensors")
    assert last["meta"]["iter"] == run.iter


def test_several_best_metrics_are_refused():
    runner: Any = SimpleNamespace(hooks=[CheckpointHook(save_best=["mIoU", "mAcc"])])
    with pytest.raises(ValueError, match=r"save_best=\['mIoU', 'mAcc'\] names several"):
        ExportWeightsHook().before_train(runner)


class Run:
    """The parts of a run that the export uses, in a folder."""

    def __init__(self, folder: Path, iteration: int) -> None:
        self.work_dir = str(folder)
        self.iter = iteration
        self.message_hub = MessageHub(f"{folder}_{iteration}")
        dataset = SimpleNamespace(metainfo={"classes": ("water", "splash")})
        self.train_dataloader = SimpleNamespace(dataset=dataset)

    def saves(self, which: str, iteration: int, point: dict | None = None) -> None:
        path = Path(self.work_dir, f"{which}_{iteration}.pth")
        meta = {"iter": iteration, "run": "mine", "operating_point": point}
        weights = {"weight": torch.full((2,), float(iteration))}
        torch.save({"state_dict": weights, "meta": meta}, path)
        self.message_hub.update_info(f"{which}_ckpt", str(path))

    def chooses(self, iteration: int) -> dict:
        point = {"class": "splash", "threshold": 0.25, "iteration": iteration}
        self.message_hub.update_info("operating_point", point)
        return point

    def exported(self, which: str) -> dict:
        return read_checkpoint(Path(self.work_dir, f"weights_mine_{which}.safetensors"))


@pytest.fixture
def kept(monkeypatch) -> list:
    """Folders whose last scores were kept as the best."""
    calls: list = []
    monkeypatch.setattr(hooks, "keep_best", calls.append)
    return calls


def validate(hook: ExportWeightsHook, run: Run) -> None:
    hook.after_val_epoch(run)  # type: ignore[arg-type]


def step(hook: ExportWeightsHook, run: Run) -> None:
    hook.after_train_iter(run)  # type: ignore[arg-type]


def test_the_last_weights_get_the_operating_point_of_their_validation(tmp_path, kept):
    run, hook = Run(tmp_path, 2), ExportWeightsHook()
    run.saves("last", 2)
    step(hook, run)
    assert run.exported("last")["meta"]["operating_point"] is None
    point = run.chooses(2)
    validate(hook, run)
    exported = run.exported("last")
    assert exported["meta"]["operating_point"] == point
    assert exported["meta"]["dataset_meta"] == {"classes": ["water", "splash"]}
    assert exported["state_dict"]["weight"].tolist() == [2, 2]
    step(hook, run)
    assert run.exported("last")["meta"]["operating_point"] == point
    assert not kept


def test_the_operating_point_of_other_weights_is_not_exported(tmp_path, kept):
    run, hook = Run(tmp_path, 2), ExportWeightsHook()
    run.saves("last", 2)
    step(hook, run)
    run.chooses(3)
    validate(hook, run)
    assert run.exported("last")["meta"]["operating_point"] is None


def test_a_resumed_run_keeps_the_operating_point_of_its_checkpoint(tmp_path, kept):
    run, hook = Run(tmp_path, 2), ExportWeightsHook()
    run.saves("last", 2)
    step(hook, run)
    point = run.chooses(2)
    validate(hook, run)
    resumed, hook = Run(tmp_path, 3), ExportWeightsHook()
    resumed.message_hub.update_info("last_ckpt", str(tmp_path / "last_2.pth"))
    step(hook, resumed)
    assert resumed.exported("last")["meta"]["operating_point"] == point
    resumed.saves("last", 4)
    step(hook, resumed)
    assert resumed.exported("last")["meta"]["iter"] == 4
    assert resumed.exported("last")["meta"]["operating_point"] is None


def test_only_scores_of_new_best_weights_are_kept_as_best(tmp_path, kept):
    run, hook = Run(tmp_path, 2), ExportWeightsHook()
    run.saves("best", 2, point := run.chooses(2))
    validate(hook, run)
    assert kept == [str(tmp_path)]
    assert run.exported("best")["meta"]["operating_point"] == point
    # Resumed, the first validation is worse: the best is exported, and not its own.
    resumed, hook = Run(tmp_path, 4), ExportWeightsHook()
    resumed.message_hub.update_info("best_ckpt", str(tmp_path / "best_2.pth"))
    resumed.chooses(4)
    validate(hook, resumed)
    assert kept == [str(tmp_path)]
    assert resumed.exported("best")["meta"]["operating_point"] == point

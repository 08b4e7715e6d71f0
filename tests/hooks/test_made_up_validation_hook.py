"""A validation that was cut off is made up for when the run is resumed."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import EarlyStoppingHook, Hook

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.runs.runner import SafeRunner
from tests.hooks.small_runs import small_run
from tests.models.builders import build, fcn

NAMES = ("IterationSeedHook", "NoteValidationHook", "ResumedEpochHook")
NAMES += ("FrameScoresHook", "ExportWeightsHook")
STEPS, CUT = 4, 2


class Cut(Exception):  # noqa: N818 - stands for kill -9
    """Ends a run at a moment of a validation."""


class CutHook(Hook):
    """Ends the validation of step ``CUT`` at a method of hooks."""

    def __init__(self, method: str, priority: int) -> None:
        self.priority: Any = priority
        setattr(self, method, self.cut)

    def cut(self, runner, *_, **__) -> None:
        step = runner.epoch if self.by_epoch else runner.iter
        if step == CUT:
            raise Cut

    by_epoch = False


class HistoryHook(Hook):
    """Keeps what validations change, after each of them."""

    priority = "LOWEST"

    def __init__(self) -> None:
        self.found: dict[int, Any] = {}

    def after_val(self, runner) -> None:
        hub, (scheduler,) = runner.message_hub.runtime_info, runner.param_schedulers
        (early,) = (h for h in runner.hooks if isinstance(h, EarlyStoppingHook))
        self.found[runner.iter] = {
            "hub": {key: hub[key] for key in ("best_score", "operating_point")},
            "best": Path(hub["best_ckpt"]).name,
            "schedule": scheduler.state_dict(),
            "lr": runner.optim_wrapper.get_lr(),
            "early": (early.wait_count, early.best_score),
            "stopped": runner.train_loop.stop_training,
        }


def run(work_dir: Path, by_epoch: bool, *cuts: Hook, **options: Any) -> dict[int, Any]:
    """Train, and return what each validation has changed."""
    torch.manual_seed(0)
    model = build(fcn(auxiliary=False))
    schedule = {"monitor": "aAcc", "rule": "greater", "patience": 0, "threshold": 50}
    given: dict[str, Any] = {"steps": STEPS, "lr": 0.05, **options}
    runner = small_run(
        model,
        work_dir,
        by_epoch=by_epoch,
        validates=True,
        hooks=NAMES,
        runner=SafeRunner,
        param_scheduler={"type": "ReduceOnPlateauLR", "by_epoch": True, **schedule},
        **given,
    )
    early = {"type": "EarlyStoppingHook", "monitor": "aAcc", "rule": "greater"}
    runner.register_hook({**early, "min_delta": 200, "patience": 3})
    history = HistoryHook()
    runner.register_custom_hooks([history, {"type": "MadeUpValidationHook"}])
    for each in cuts:
        each.by_epoch = by_epoch
        runner.register_hook(each)
    runner.train()
    return history.found


def files(work_dir: Path) -> dict[str, Any]:
    """What a run leaves for its user, and for a longer run."""
    found: dict[str, Any] = {}
    for kind in ("best", "last"):
        (path,) = work_dir.glob(f"weights_*_{kind}.safetensors")
        weights = read_checkpoint(path)
        scores = load_scores(work_dir / "scores" / f"val_{kind}.npz")
        about = {key: scores.about[key] for key in ("iteration", "weights")}
        found[kind] = (weights["state_dict"], weights["meta"], scores.confusion, about)
    last = read_checkpoint(work_dir / (work_dir / "last_checkpoint").read_text())
    info = {k: v for k, v in last["message_hub"]["runtime_info"].items() if k != "cfg"}
    paths = {key: Path(str(info.pop(key))).name for key in ("last_ckpt", "best_ckpt")}
    info = {k: v for k, v in info.items() if k not in ("experiment_name", "run_name")}
    found["resumed"] = (last["optimizer"], last["param_schedulers"], last["validation"])
    found["names"] = sorted(path.name for path in work_dir.glob("*.pth")), paths, info
    return found


def plain(value: Any) -> Any:
    """Tensors and arrays as lists, which can be compared."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value.tolist() if hasattr(value, "tolist") else value


@pytest.fixture(scope="module", params=[False, True], ids=["iterations", "epochs"])
def whole(request, tmp_path_factory) -> tuple[bool, dict[int, Any], dict[str, Any]]:
    """An uninterrupted run: its loop, what validations changed, and what it left."""
    work_dir = tmp_path_factory.mktemp("whole") / "run"
    found = run(work_dir, request.param)
    return request.param, found, files(work_dir)


def test_early_stopping_and_schedule_act_in_the_uninterrupted_run(whole):
    by_epoch, found, _ = whole
    per_step = 2 if by_epoch else 1
    assert list(found) == [per_step * step for step in range(1, STEPS + 1)]
    assert [each["early"][0] for each in found.values()] == [0, 1, 2, 3]
    assert [each["stopped"] for each in found.values()] == [False] * 3 + [True]
    assert len({each["lr"]["lr"][0] for each in found.values()}) > 2


@pytest.mark.parametrize(
    ("method", "priority"),
    [
        ("before_val", 0),  # the checkpoint is written
        ("after_val_iter", 100),  # within the validation
        ("after_val_epoch", 0),  # it is complete, nothing is written
        ("after_val_epoch", 89),  # scores and steps of schedules, not the best weights
        ("after_val_epoch", 95),  # the best weights, not their export
        ("after_val_epoch", 100),  # all but the end
        ("after_val", 100),
    ],
)
def test_run_that_is_cut_off_ends_as_an_uninterrupted_one(
    whole, tmp_path, method, priority
):
    by_epoch, found, left = whole
    work_dir = tmp_path / "run"
    with pytest.raises(Cut):
        run(work_dir, by_epoch, CutHook(method, priority))
    resumed = run(work_dir, by_epoch, resume=True)
    assert resumed == {step: found[step] for step in list(found)[CUT - 1 :]}
    assert plain(files(work_dir)) == plain(left)

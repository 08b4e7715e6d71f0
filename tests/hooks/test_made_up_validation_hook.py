"""A validation that was cut off is made up for when the run is resumed."""

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.hooks import EarlyStoppingHook, Hook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.hooks.made_up_validation_hook import (
    MadeUpValidationHook,
    validation_is_due,
)
from mmseg_splashkd.hooks.whole_checkpoint_hook import REPLACED
from mmseg_splashkd.runs.runner import SafeRunner
from tests.hooks.small_runs import small_run
from tests.models.builders import build, fcn

NAMES = ("IterationSeedHook", "NoteValidationHook", "ResumedEpochHook")
NAMES += ("FrameScoresHook", "ExportWeightsHook")
STEPS, CUT = 3, 2


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


def run(
    work_dir: Path, by_epoch: bool, *cuts: CutHook, **options: Any
) -> dict[int, Any]:
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
    runner.register_hook({**early, "min_delta": 200, "patience": 2})
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
    # The names of files that are gone may differ, and those of the run.
    own = ("experiment_name", "run_name", REPLACED)
    info = {k: v for k, v in info.items() if k not in own}
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


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Callable[[bool], tuple[dict[int, Any], dict[str, Any]]]:
    """Uninterrupted runs: what validations changed, and what was left, by the loop."""

    @functools.cache
    def of(by_epoch: bool) -> tuple[dict[int, Any], dict[str, Any]]:
        work_dir = tmp_path_factory.mktemp("whole") / "run"
        found = run(work_dir, by_epoch)
        return found, files(work_dir)

    return of


def test_early_stopping_and_schedule_act_in_the_uninterrupted_run(whole):
    found, _ = whole(False)
    assert list(found) == [1, 2, 3]
    assert [each["early"][0] for each in found.values()] == [0, 1, 2]
    assert [each["stopped"] for each in found.values()] == [False, False, True]
    assert len({each["lr"]["lr"][0] for each in found.values()}) == 3


MOMENTS = {
    "before": ("before_val", 0),  # the checkpoint is written
    "within": ("after_val_iter", 100),
    "scored": ("after_val_epoch", 89),  # schedules and scores, not the best weights
    "saved": ("after_val_epoch", 95),  # the best weights, not their export
    "after": ("after_val", 100),
}


@pytest.mark.parametrize(
    ("by_epoch", "moment"), [(False, moment) for moment in MOMENTS] + [(True, "saved")]
)
def test_run_that_is_cut_off_ends_as_an_uninterrupted_one(
    whole, tmp_path, by_epoch, moment
):
    found, left = whole(by_epoch)
    work_dir = tmp_path / "run"
    with pytest.raises(Cut):
        run(work_dir, by_epoch, CutHook(*MOMENTS[moment]))
    resumed = run(work_dir, by_epoch, resume=True)
    assert resumed == {step: found[step] for step in list(found)[CUT - 1 :]}
    assert plain(files(work_dir)) == plain(left)


@pytest.mark.parametrize(("steps", "validated"), [(5, [3]), (7, [3, 4, 5])])
def test_run_that_stopped_early_trains_on_if_a_longer_one_is_asked_for(
    tmp_path, steps, validated
):
    """Early stopping takes two validations without progress, and counts them anew."""
    assert list(run(tmp_path, False, steps=5)) == [1, 2, 3]
    assert list(run(tmp_path, False, steps=steps, resume=True)) == validated


@pytest.mark.parametrize("begun", [True, False])
def test_validation_that_has_begun_is_made_up_for_in_a_longer_schedule(begun):
    """The last iteration is validated, but lies at no interval of a longer run."""
    validated: list[int] = []
    runner = SimpleNamespace(
        iter=5,
        train_loop=loop(IterBasedTrainLoop, 5),
        val_loop=SimpleNamespace(run=lambda: validated.append(5)),
        logger=logging.getLogger(__name__),
        hooks=[],
    )
    made_up: Any = MadeUpValidationHook()
    made_up.after_load_checkpoint(runner, {"validation": {"begun": begun}})
    made_up.before_train(runner)
    assert validated == [5] * begun


def loop(kind: Any, done: int, last: int = 9, **given: Any) -> Any:
    """A loop of mmengine, without a runner, that has done some of its steps."""
    made: Any = kind.__new__(kind)
    made._iter = made._epoch = done
    made._max_iters = made._max_epochs = last
    made.dataloader = range(1)
    given = {"dynamic_milestones": [0], "dynamic_intervals": [2]} | given
    vars(made).update({"val_begin": 1, "val_interval": 2} | given)
    return made


@pytest.mark.parametrize("kind", [IterBasedTrainLoop, EpochBasedTrainLoop])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"val_begin": 5},
        {"dynamic_milestones": [0, 4], "dynamic_intervals": [3, 1]},
    ],
    ids=["interval", "begin", "dynamic"],
)
def test_due_where_mmengine_validates(kind, given):
    def host(done: int) -> bool:
        """The condition of ``run`` of both loops, after a step."""
        made = loop(kind, done, **given)
        made._decide_current_val_interval()
        at = done % made.val_interval == 0 or done == 9
        return done >= made.val_begin and at

    for done in range(1, 10):
        assert validation_is_due(loop(kind, done, **given)) is host(done), done


def test_not_due_within_an_epoch_and_in_an_unknown_loop():
    made = loop(EpochBasedTrainLoop, 2)
    assert validation_is_due(made)
    made._iter = 3
    assert not validation_is_due(made)
    assert not validation_is_due(SimpleNamespace(iter=2, epoch=2))

"""A run that is made longer follows its new schedule from the middle."""

from pathlib import Path
from typing import Any

import pytest
from mmengine.hooks import CheckpointHook, Hook
from mmengine.registry import PARAM_SCHEDULERS
from mmseg.models import FCNHead

from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.runs.new_schedule import schedules_differ
from mmseg_splashkd.runs.rerun import rerun
from mmseg_splashkd.runs.runner import SafeRunner
from mmseg_splashkd.runs.train import train
from tests.conftest import PLAIN, tiny_run
from tests.hooks.small_runs import small_run
from tests.models.builders import build, fcn


class Rates(Hook):
    """Learning rate of each iteration."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def before_train_iter(self, runner: Any, *_: Any, **__: Any) -> None:
        self.found.append(runner.optim_wrapper.get_lr()["lr"][0])


def schedule(end: int) -> list[dict[str, Any]]:
    warmup = {"type": "LinearLR", "start_factor": 0.5, "begin": 0, "end": 2}
    poly = {"type": "PolyLR", "power": 0.9, "begin": 2, "end": end}
    return [{**each, "by_epoch": False} for each in (warmup, poly)]


def rates(work_dir: Path, steps: int, end: int, resume: bool = False) -> list[float]:
    hook = Rates()
    runner = small_run(
        build(fcn(auxiliary=False)),
        work_dir,
        steps,
        runner=SafeRunner,
        param_scheduler=schedule(end),
        cfg={"param_scheduler": schedule(end)},
        resume=resume,
    )
    runner.register_hook(hook)
    runner.train()
    return hook.found


def published(iteration: int, end: int) -> float:
    """PolyLR after a linear warm-up of two iterations from a half, of 0.1."""
    if iteration < 2:
        return 0.1 * (0.5, 1.0)[iteration]
    return 0.1 * (1 - (iteration - 2) / (end - 3)) ** 0.9  # 0 in the last iteration


def test_rates_are_those_of_a_run_that_had_the_schedule_from_the_start(tmp_path):
    rates(tmp_path / "cut", 6, 6)
    found = rates(tmp_path / "cut", 10, 10, resume=True)
    assert found == pytest.approx([published(k, 10) for k in range(6, 10)], rel=1e-9)
    whole = rates(tmp_path / "whole", 10, 10)
    assert found == pytest.approx(whole[6:], rel=1e-12)
    assert min(found[:-1]) > 0


def test_an_unchanged_schedule_is_restored(tmp_path):
    rates(tmp_path / "cut", 4, 8)
    found = rates(tmp_path / "cut", 8, 8, resume=True)
    assert found == pytest.approx([published(k, 8) for k in range(4, 8)], rel=1e-9)


@pytest.mark.slow
def test_a_longer_run_is_recorded_with_the_change_and_not_repeated(pond, tmp_path):
    options = tiny_run(pond, "model")
    options.pop("train_cfg.max_iters")
    train(PLAIN, tmp_path / "run", cfg_options=options | {"max_iters": 2})
    longer = options | {"max_iters": 4}
    train(PLAIN, tmp_path / "run", resume=True, cfg_options=longer)
    record = read_record(tmp_path / "run")
    assert record is not None
    assert (record.iteration, record.status) == (4, "finished")
    found = {each.key: (each.iteration, each.after) for each in record.changes}
    assert found["train_cfg.max_iters"] == (2, "4")
    assert found["param_scheduler.1.end"] == (2, "4")
    with pytest.raises(ValueError, match="was changed while it was resumed: param_s"):
        rerun(tmp_path / "run")


def resumed(work_dir: Path, **options: Any) -> SafeRunner:
    """A runner that goes on from the checkpoint of a run, and has not trained yet."""
    runner = small_run(
        build(fcn(auxiliary=False)), work_dir, 4, runner=SafeRunner, **options
    )
    assert isinstance(runner, SafeRunner)
    return runner


def test_schedules_with_classes_as_types_are_compared_too(tmp_path):
    named = schedule(4)
    assert named[0]["type"] == "LinearLR"
    classes = [{**each, "type": PARAM_SCHEDULERS.get(each["type"])} for each in named]
    longer = [classes[0], {**classes[1], "end": 9}]
    runner = resumed(tmp_path, cfg={"param_scheduler": classes, "model": FCNHead})
    meta = {"cfg": runner.cfg.pretty_text}
    assert not schedules_differ(runner, meta)
    runner = resumed(tmp_path, cfg={"param_scheduler": longer, "model": FCNHead})
    assert schedules_differ(runner, meta)
    assert schedules_differ(runner, {})
    assert not schedules_differ(runner, {"cfg": "param_scheduler = <object>"})


def test_options_that_act_are_those_of_a_resumed_run(tmp_path):
    rates(tmp_path, 2, 9)
    loader = {"batch_size": 1, "num_workers": 0, "dataset": {"type": "RandomFrames"}}
    loader["sampler"] = {"type": "DefaultSampler", "shuffle": False}
    runner = resumed(tmp_path, resume=True, validates=True)
    train_cfg: Any = runner._train_loop
    train_cfg |= {"val_interval": 3, "val_begin": 2, "dynamic_intervals": [(3, 1)]}
    runner._val_dataloader = loader
    hook = next(each for each in runner.hooks if isinstance(each, CheckpointHook))
    hook.interval, hook.max_keep_ckpts, hook.save_last = 2, 1, False
    runner.train()
    assert runner.iter == 4
    loop: Any = runner.train_loop
    assert (loop.val_begin, loop.max_iters) == (2, 4)
    assert loop.dynamic_intervals == [3, 1]
    assert runner.val_dataloader.batch_size == 1  # type: ignore[union-attr]
    saved = sorted(path.name for path in tmp_path.glob("iter_*.pth"))
    assert saved == ["iter_1.pth", "iter_2.pth", "iter_4.pth"]


def test_a_run_with_averaged_weights_is_not_resumed_without_them(tmp_path):
    def run(**options: Any) -> SafeRunner:
        return resumed(tmp_path, **options)

    run(hooks=("EMAHook",)).train()
    with pytest.raises(
        ValueError, match=r"iter_4\.pth without an EMAHook: it holds we"
    ):
        run(resume=True).train()
    run(resume=True, hooks=("EMAHook",)).train()


def test_new_schedules_that_follow_a_metric_are_refused(tmp_path):
    rates(tmp_path / "cut", 2, 8)
    plateau = {"type": "ReduceOnPlateauLR", "monitor": "loss", "by_epoch": True}
    given = [*schedule(8), plateau]
    runner = resumed(
        tmp_path / "cut",
        param_scheduler=given,
        cfg={"param_scheduler": given},
        resume=True,
    )
    with pytest.raises(ValueError, match="schedules that follow a metric"):
        runner.train()

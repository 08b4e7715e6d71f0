"""Times of a training step of several configs, measured in turn."""

import copy
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import IterBasedTrainLoop, Runner

from mmseg_splashkd.config.devices import prepare_distributed
from mmseg_splashkd.config.length import length_key
from mmseg_splashkd.config.training import check_training
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.evaluation.interleaved import (
    Pass,
    Spread,
    ratios,
    spread,
    time_in_turn,
)
from mmseg_splashkd.hooks import TeacherGateHook
from mmseg_splashkd.models.bare_model import bare_model
from mmseg_splashkd.runs.runner import SafeRunner
from mmseg_splashkd.runs.train import set_experiment_name
from mmseg_splashkd.teacher_cache import use_teacher_cache
from mmseg_splashkd.teacher_cache.build import ViewPass, view_pass

ROUNDS = 15
PREFETCHED = 2  # batches that a worker of torch's loader prepares by default


class StepTime(NamedTuple):
    """Time of a training step.

    Attributes:
        seconds: Median and quartiles over the rounds (see ``compared``).
        iterations: Iterations of a run of the config.
    """

    seconds: Spread
    iterations: int


class ViewTime(NamedTuple):
    """Time of a view in a teacher's cache.

    Attributes:
        seconds: Median and quartiles over the rounds, per view (see ``compared``).
        views: Number of views in the cache.
    """

    seconds: Spread
    views: int


class SteppedLoop(IterBasedTrainLoop):
    """The loop of a run that is prepared as always, and then makes single steps.

    It stands at half of its iterations, so that schedules of the loss are at theirs.

    Args:
        runner: The runner.
        dataloader: Loader of the training data, or its config.
        max_iters: Iterations of the run; None for a loop of epochs.
        max_epochs: Epochs of the run, instead.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: Any,
        max_iters: int | None = None,
        max_epochs: int | None = None,
    ) -> None:
        super().__init__(runner, dataloader, max_iters or 1)
        if max_epochs is not None:
            self._max_iters = max_epochs * len(self.dataloader)

    def run(self) -> Any:
        """Call the hooks that precede the first step."""
        self._iter = self._max_iters // 2
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        return self.runner.model

    def step(self) -> None:
        """Load a batch and train on it, with all hooks, and wait for a GPU."""
        self.runner.model.train()
        self.run_iter(next(self.dataloader_iterator))
        _wait_for_gpu()

    def drop_prefetched(self) -> None:
        """Drop batches that the loader's workers prepared while others were timed."""
        loader: Any = self.dataloader
        ahead = loader.num_workers * (loader.prefetch_factor or PREFETCHED)
        for _ in range(ahead):
            next(self.dataloader_iterator)


def measure_steps(
    arms: Mapping[str, Config],
    caches: Mapping[str, Config],
    rounds: int = ROUNDS,
) -> tuple[dict[str, StepTime], dict[str, ViewTime]]:
    """Time a training step of each config, and a view of each cache, in turn.

    A step is that of a run: loading, forward and backward pass, optimizer, and hooks;
    without validations, checkpoints and logs. In every round each config makes one
    step, so that all are slowed alike by what the machine does beside.

    Args:
        arms: Name -> resolved config that can train; its caches exist.
        caches: Name -> resolved config with ``teacher_cache``.
        rounds: Number of timed rounds, from 1.

    Returns:
        Times of steps and of views, by name.

    Raises:
        FileNotFoundError: Data, a teacher or a cache is missing.
        ValueError: A config cannot train.
    """
    with tempfile.TemporaryDirectory() as folder:
        loops = {
            name: _prepared(cfg, Path(folder, str(number)))
            for number, (name, cfg) in enumerate(arms.items())
        }
        views = {name: view_pass(cfg) for name, cfg in caches.items()}
        passes: dict[str, Pass] = {f"arm {n}": each.step for n, each in loops.items()}
        passes |= {f"cache {n}": _waited(each.run) for n, each in views.items()}
        before: dict[str, Pass] = {
            f"arm {name}": each.drop_prefetched for name, each in loops.items()
        }
        seconds = time_in_turn(passes, rounds, before=before)
        iterations = {name: loop.max_iters for name, loop in loops.items()}
    times = compared(seconds)
    steps = {n: StepTime(times[f"arm {n}"], count) for n, count in iterations.items()}
    return steps, {
        name: _per_view(times[f"cache {name}"], v) for name, v in views.items()
    }


def compared(seconds: Mapping[str, Sequence[float]]) -> dict[str, Spread]:
    """Times that keep their ratios although the machine was busy for a while.

    Args:
        seconds: Name -> seconds of each round, from ``time_in_turn``.

    Returns:
        Name -> median and quartiles of the ratio to the first one in the same round,
        times the median of the first one.
    """
    first = next(iter(seconds.values()))
    unit = spread(first).median
    return {
        name: Spread(*(unit * ratio for ratio in ratios(own, first)))
        for name, own in seconds.items()
    }


def _per_view(times: Spread, views: ViewPass) -> ViewTime:
    return ViewTime(Spread(*(each / views.size for each in times)), views.total)


def _prepared(cfg: Config, work_dir: Path) -> SteppedLoop:
    cfg = copy.deepcopy(cfg)
    init_default_scope(cfg.get("default_scope", "mmseg"))
    check_training(cfg)
    use_teacher_cache(cfg)
    prepare_distributed(cfg, "none")
    cfg.launcher, cfg.resume, cfg.work_dir = "none", False, str(work_dir)
    cfg.visualizer = None  # trackers are of runs
    key = length_key(cfg)
    cfg.train_cfg = {"type": SteppedLoop, key: cfg.train_cfg[key]}
    hooks = dict(cfg.get("default_hooks") or {})
    cfg.default_hooks = hooks | {"logger": None, "checkpoint": None}
    custom = cfg.get("custom_hooks") or ()
    cfg.custom_hooks = [each for each in custom if not is_a(each, TeacherGateHook)]
    set_experiment_name(cfg)
    runner: Any = SafeRunner.from_cfg(cfg)
    loss = getattr(bare_model(runner.model), "distill_loss", None)
    if loss is not None and loss.needs_fitted_temperature:
        loss.set_fitted_temperature(1.0)  # the time does not depend on it
    runner.train()
    return runner.train_loop


def _waited(run: Pass) -> Pass:
    def both() -> None:
        run()
        _wait_for_gpu()

    return both


def _wait_for_gpu() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()

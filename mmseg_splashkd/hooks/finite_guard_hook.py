"""Ends a run whose loss is no longer finite, before the step of the optimizer."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from mmseg_splashkd.hooks.finite_weights_hook import FiniteWeightsHook
from mmseg_splashkd.hooks.not_finite import NotFiniteError, causes, listed
from mmseg_splashkd.hooks.replay import random_state, write_replay
from mmseg_splashkd.hooks.skipped_step import SkippedStep
from mmseg_splashkd.hooks.step_losses import StepLosses
from mmseg_splashkd.hooks.stop_request import any_process
from mmseg_splashkd.models.bare_model import bare_model

SKIPPED = "skipped_iterations"  # key of the message hub; checkpoints hold it


@HOOKS.register_module()
class FiniteGuardHook(Hook):
    """End a run whose loss or gradient norm is NaN or infinite, or skip its step.

    The loss is read before the step of the optimizer: weights, moving averages and the
    state of the optimizer stay those of the iteration before. Batch, terms and random
    state are stored in ``not_finite.pt`` of the work directory. All processes end, or
    skip, at the same iteration. Weights are checked by ``FiniteWeightsHook``, which
    this hook adds.

    An iteration that is skipped counts as one of the run: schedules go on. Its loss is
    logged, its number is in the record, and its batch in ``not_finite_<number>.pt``.
    Where gradients are accumulated, those of the iterations before it that were not yet
    used are dropped with it.

    The gradient norm is read where the optimizer wrapper clips by it; where skips are
    allowed, all gradients are. In mixed precision they are not: the loss scale is found
    by steps that overflow, which the scaler leaves out by itself. A model with a
    ``train_step`` that does not call the model for its losses, or an optimizer
    that is none of torch (DeepSpeed), is checked after the step, and never skipped.

    Args:
        max_skips: Number of iterations that may be skipped in a run, from 0.

    Raises:
        ValueError: ``max_skips`` is no whole number from 0.
    """

    # Before EMAHook; behind mmengine's hook that copies the loss for the log.
    priority = "VERY_HIGH"

    def __init__(self, max_skips: int = 0) -> None:
        if isinstance(max_skips, bool) or not isinstance(max_skips, int):
            raise ValueError(f"max_skips={max_skips!r} must be a whole number from 0")
        if max_skips < 0:
            raise ValueError(f"max_skips={max_skips} must be 0 or more")
        self.max_skips = max_skips
        self._losses = StepLosses()
        self._restored = SkippedStep()
        self._handles: list[RemovableHandle] = []
        self._random: dict[str, Any] = {}
        self._batch: Any = None
        self._is_judged = self._is_stepped = False

    def before_train(self, runner: Runner) -> None:
        """Follow the model's losses and the steps of every optimizer."""
        self._release()
        self._handles = [self._losses.follow(bare_model(runner.model))]
        for wrapper in _wrappers(runner):
            self._handles += self._before_steps_of(wrapper, runner)
        # mmengine goes through this list now: what is added behind this hook is called.
        if self.max_skips and self._restored not in runner.hooks:
            runner.register_hook(self._restored)
        if not any(isinstance(hook, FiniteWeightsHook) for hook in runner.hooks):
            runner.register_hook(FiniteWeightsHook())

    def after_train(self, runner: Runner) -> None:
        """Follow them no longer."""
        del runner
        self._release()

    def _release(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _before_steps_of(
        self, wrapper: Any, runner: Runner
    ) -> Iterator[RemovableHandle]:
        optimizer = getattr(wrapper, "optimizer", None)
        if isinstance(optimizer, Optimizer):
            yield optimizer.register_step_pre_hook(
                lambda *_: self._before_step(runner, wrapper, optimizer)
            )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Keep batch and random state that the iteration starts with."""
        del runner, batch_idx
        self._random, self._batch = random_state(), data_batch
        self._is_judged = self._is_stepped = False
        self._losses.clear()

    def _before_step(self, runner: Runner, wrapper: Any, optimizer: Optimizer) -> None:
        what = None
        if not self._losses.are_finite():
            what = "loss"
        elif _gradient_is_bad(runner, wrapper, optimizer, bool(self.max_skips)):
            what = "gradient"
        if any_process(what is not None):
            self._skip_or_end(runner, what, self._losses.terms)
            _drop_gradients(optimizer)  # no parameter is left to step
        self._is_stepped = True
        self._is_judged = self._losses.are_known

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Check the loss of an iteration without a step, such as of an accumulation.

        Raises:
            NotFiniteError: It is not finite, in this process or in another.
        """
        if not self._is_judged:
            what = "loss" if _loss_is_bad(outputs or {}) else None
            if what is None and not self._handles:
                bad = [_norm_is_bad(runner, each) for each in _wrappers(runner)]
                what = "gradient" if any(bad) else None
            if any_process(what is not None):
                self._batch = data_batch
                self._skip_or_end(runner, what, outputs or {})
                for wrapper in _wrappers(runner):
                    _drop_gradients(wrapper.optimizer)
        self._batch = None

    def _skip_or_end(
        self, runner: Runner, what: str | None, outputs: Mapping[str, Any]
    ) -> None:
        """Prepare to skip this iteration.

        Args:
            runner: Runner in an iteration.
            what: What is not finite in this process; None if it is in another.
            outputs: Name -> value of the loss and its terms.

        Raises:
            NotFiniteError: No skip is left, or the step has been taken.
        """
        iteration = runner.iter + 1
        skipped = list(skipped_iterations(runner))
        is_skipped = iteration in skipped  # with another optimizer
        has_left = is_skipped or len(skipped) < self.max_skips
        is_in_time = is_skipped or (bool(self._handles[1:]) and not self._is_stepped)
        skips = has_left and is_in_time
        terms, file, names = _numbers(outputs), None, []
        if what is not None:
            names = [name for name in terms if what in name and _is_bad(terms[name])]
            of = iteration if skips else None
            file = write_replay(runner, self._batch, terms, self._random, of)
        error = _error(runner, what, names, file, skipped)
        if not skips:
            raise error
        runner.logger.warning(f"{error}. This iteration is skipped")
        if not is_skipped:
            runner.message_hub.update_info(SKIPPED, [*skipped, iteration])
            self._restored.skip(runner)


def skipped_iterations(runner: Runner) -> tuple[int, ...]:
    """Iterations of a run that were skipped, from 1, also before it was resumed."""
    return tuple(runner.message_hub.get_info(SKIPPED) or ())


def _error(
    runner: Runner,
    what: str | None,
    names: list[str],
    file: Path | None,
    skipped: list[int],
) -> NotFiniteError:
    where = listed(names) or ("its norm" if what else "in another process")
    stored = f". Batch, terms and random state: {file}" if file else ""
    before = f". Skipped before: {', '.join(map(str, skipped))}" if skipped else ""
    return NotFiniteError(
        f"{what or 'loss'} is not finite at iteration {runner.iter + 1}",
        f"{where}. {causes(runner)}{stored}{before}",
    )


def _wrappers(runner: Runner) -> list[Any]:
    wrapper = runner.optim_wrapper
    if isinstance(wrapper, OptimWrapperDict):
        return list(wrapper.values())
    return [wrapper]


def _drop_gradients(optimizer: Any) -> None:
    """Leave nothing to step: torch passes over parameters without a gradient."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def _numbers(outputs: Mapping[str, Any]) -> dict[str, float]:
    """Values of the log of one iteration."""
    return {
        name: float(value.detach().mean() if isinstance(value, torch.Tensor) else value)
        for name, value in outputs.items()
        if isinstance(value, torch.Tensor | float | int)
    }


def _loss_is_bad(outputs: Mapping[str, Any]) -> bool:
    # Other values of the log may be NaN, such as the accuracy of a teacher not in use.
    total = {"loss": outputs["loss"]} if "loss" in outputs else outputs
    losses = {name: value for name, value in total.items() if "loss" in name}
    return any(map(_is_bad, _numbers(losses).values()))


def _gradient_is_bad(
    runner: Runner, wrapper: Any, optimizer: Optimizer, checks_all: bool
) -> bool:
    if isinstance(wrapper, AmpOptimWrapper):
        return False
    if checks_all:
        found = [p.grad for g in optimizer.param_groups for p in g["params"]]
        finite = [torch.isfinite(each).all() for each in found if each is not None]
        return bool(finite) and not bool(torch.stack(finite).all())
    return _norm_is_bad(runner, wrapper)


def _norm_is_bad(runner: Runner, wrapper: Any) -> bool:
    """Whether the gradient norm that the wrapper has just clipped by is not finite."""
    scales = isinstance(wrapper, AmpOptimWrapper)
    if not isinstance(wrapper, OptimWrapper) or not wrapper.clip_grad_kwargs or scales:
        return False
    norm = runner.message_hub.log_scalars.get(f"train/{wrapper.grad_name}")
    return norm is not None and _is_bad(norm.current())


def _is_bad(value: float) -> bool:
    return not math.isfinite(value)

"""One batch through model, metrics and hooks before the first step of a run.

What fails after the first validation, or after thousands of tested frames, fails here.
"""

import copy
import math
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from mmengine.dataset import InfiniteSampler
from mmengine.evaluator import DumpResults
from mmengine.hooks import CheckpointHook, EarlyStoppingHook, Hook
from mmengine.model import BaseModel, MMDistributedDataParallel, is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner, autocast
from torch import nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm

from mmseg_splashkd.config.faults import (
    ConfigError,
    cause_of,
    closest,
    explains_itself,
    shown,
)
from mmseg_splashkd.models.bare_model import bare_model
from mmseg_splashkd.runs.dry_batch import load_batch, validation_batch
from mmseg_splashkd.runs.untouched import untouched

TRAIN = "train_dataloader"


class DryPassHook(Hook):
    """Pass one batch of each kind before the first step, without a trace.

    Before training: a training batch through loss and gradients, without a step of the
    optimizer, and a validation batch through prediction, copies of the metrics, and the
    hooks that read predictions (those with a method ``check_outputs``). Before a test:
    a batch of the test part. Weights, buffers, random states, order of the data and
    metrics are those of a run without this hook: see ``untouched``.

    In several processes each passes the same batches. Models in wrappers that cannot
    run without their wrapper (FSDP, DeepSpeed) are passed over.
    """

    priority = "VERY_HIGH"  # before the teacher is tested on all validation frames

    def before_train(self, runner: Runner) -> None:
        """Pass a training batch and a validation batch.

        Raises:
            ConfigError: One fails; the message names the stage, the key of the config,
                its value and the remedy.
        """
        if not _can_run(runner.model):
            return
        with untouched(runner):
            _pass_training(runner)
        if runner.val_loop is None:
            return
        with untouched(runner):
            metrics = _pass_evaluation(runner, "val")
        if metrics:
            _check_monitored(runner, metrics)

    def before_test(self, runner: Runner) -> None:
        """Pass a batch of the test part.

        Raises:
            ConfigError: It fails, as in ``before_train``.
        """
        if _can_run(runner.model):
            with untouched(runner):
                _pass_evaluation(runner, "test")


def _can_run(model: Any) -> bool:
    wrapped = is_model_wrapper(model)
    return not wrapped or isinstance(model, MMDistributedDataParallel)


@contextmanager
def _stage(what: str, key: str, value: Any, remedy: str = "") -> Iterator[None]:
    """Name the stage and the key of the config in errors of the host."""
    try:
        yield
    except Exception as error:
        if explains_itself(error):
            raise
        raise ConfigError(
            f"{what} fails before the first step, {key}={shown(value)}: "
            f"{cause_of(error)}{remedy}"
        ) from error


@contextmanager
def _through(model: Any, what: str, batch: Any, key: str) -> Iterator[None]:
    """Name the part of the model, or the pipeline, in errors of a forward pass."""
    try:
        yield
    except Exception as error:
        if explains_itself(error):
            raise
        message = (
            f"{what} fails before the first step in {_where(model, error)}: "
            f"{cause_of(error)}"
        )
        if isinstance(batch, dict) and "inputs" not in batch:
            message = (
                f"frames of {key}.dataset have no 'inputs', only {shown([*batch])}: "
                f"end its pipeline with dict(type='PackSegInputs')"
            )
        raise ConfigError(message) from error


def _where(model: Any, error: Exception) -> str:
    """Dotted name of the innermost module in a traceback, with its type."""
    names = {id(module): name for name, module in bare_model(model).named_modules()}
    found = f"model ({type(bare_model(model)).__name__})"
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = frame.f_locals.get("self")
        if names.get(id(module)):
            found = f"model.{names[id(module)]} ({type(module).__name__})"
    return found


# The training batch.


def _pass_training(runner: Runner) -> None:
    model: Any = runner.model
    if isinstance(model, MMDistributedDataParallel):
        model = model.module  # without the reduction of gradients between processes
    if getattr(type(model), "train_step", None) is not BaseModel.train_step:
        return  # a step of its own, such as of several optimizers
    loader: Any = runner.train_dataloader
    size, frames = loader.batch_size or 1, len(loader.dataset)
    model.train()
    with _batch_norms_checked(model, _too_small(size)):
        _pass_losses(runner, model, load_batch(loader, TRAIN, size))
    rest = 0 if _is_endless(loader) or loader.drop_last else len(loader.sampler) % size
    if rest == 1 and size > 1:
        message = (
            f"the last training batch of an epoch holds 1 of {frames} frames at "
            f"train_dataloader.batch_size={size}: {{}}. Set "
            f"train_dataloader.drop_last=True"
        )
        with _batch_norms_checked(model, message), torch.no_grad():
            _losses(runner, model, load_batch(loader, TRAIN, 1))


def _pass_losses(runner: Runner, model: Any, batch: Any) -> None:
    labels = _labels(batch)  # before a GPU that fails can no longer be read
    try:
        total = _losses(runner, model, batch)
        with _through(model, "the gradient of a training batch", batch, TRAIN):
            total.backward()
            total.item()  # waits for a GPU
    except ConfigError as error:
        if wrong := _labels_outside(model, labels):
            raise ConfigError(wrong) from error
        raise


def _losses(runner: Runner, model: Any, batch: Any) -> torch.Tensor:
    wrapper: Any = runner.optim_wrapper
    single = isinstance(wrapper, OptimWrapper)
    with _through(model, "the loss of a training batch", batch, TRAIN):
        _set_temperature(model)
        with wrapper.optim_context(model) if single else nullcontext():
            data = model.data_preprocessor(batch, True)
            losses = model._run_forward(data, mode="loss")
        return model.parse_losses(losses)[0]


def _set_temperature(model: Any) -> None:
    """Any temperature, where the one fitted to the teacher is not known yet."""
    loss = getattr(model, "distill_loss", None)
    if loss is not None and loss.needs_fitted_temperature:
        loss.set_fitted_temperature(1.0)


def _is_endless(loader: Any) -> bool:
    return isinstance(loader.sampler, InfiniteSampler)


def _too_small(size: int) -> str:
    return (
        f"train_dataloader.batch_size={size}: {{}}. Set train_dataloader.batch_size=2 "
        f"or more"
    )


@contextmanager
def _batch_norms_checked(model: nn.Module, message: str) -> Iterator[None]:
    """Refuse a batch norm that sees one value per channel, which has no variance."""

    def hook(name: str) -> Any:
        def check(module: Any, inputs: Sequence[Any]) -> None:
            shape = inputs[0].shape
            one = module.training and math.prod(shape) == shape[1]
            synchronised = isinstance(module, SyncBatchNorm) and _processes() > 1
            if one and not synchronised:
                cause = f"{name} of the model normalises over one value per channel"
                raise ConfigError(message.format(cause))

        return check

    handles = [
        module.register_forward_pre_hook(hook(name))
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _processes() -> int:
    initialised = (
        torch.distributed.is_available() and torch.distributed.is_initialized()
    )
    return torch.distributed.get_world_size() if initialised else 1


def _labels(batch: Any) -> set[int]:
    samples = batch.get("data_samples", ()) if isinstance(batch, dict) else ()
    values: set[int] = set()
    for sample in samples:
        if (label := getattr(sample, "gt_sem_seg", None)) is not None:
            values |= set(label.data.unique().tolist())
    return values


def _labels_outside(model: Any, labels: set[int]) -> str | None:
    head = getattr(model, "decode_head", None)
    head = head[-1] if isinstance(head, nn.ModuleList) else head
    classes = getattr(head, "num_classes", None)
    if not isinstance(classes, int):
        return None
    ignored = getattr(head, "ignore_index", 255)
    outside = sorted(v for v in labels if v != ignored and not 0 <= v < classes)
    if not outside:
        return None
    return (
        f"labels of a training batch hold {outside}, which are no classes of "
        f"model.decode_head.num_classes={classes} and not ignore_index={ignored}: set "
        f"num_classes, or map the values in the data set (label_coding, "
        f"reduce_zero_label)"
    )


# The batch of a validation or a test.


def _pass_evaluation(runner: Runner, part: str) -> dict[str, Any]:
    """Predict, score and show a batch to hooks; returns the metrics."""
    loop: Any = runner.val_loop if part == "val" else runner.test_loop
    loader, model = loop.dataloader, runner.model
    batch = validation_batch(loader, f"{part}_dataloader")
    outputs = _predict(model, loop, batch, part)
    try:
        evaluator = copy.deepcopy(loop.evaluator)
    except (TypeError, RuntimeError):  # a metric with an open file or the like
        return {}
    _write_nothing(evaluator)
    key = f"{part}_evaluator"
    value = [type(metric).__name__ for metric in evaluator.metrics]
    value = runner.cfg.get(key) or value
    with _stage(f"scoring a {part} batch", key, value):
        evaluator.process(data_samples=outputs, data_batch=batch)
        metrics = dict(evaluator.evaluate(len(outputs) * _processes()))
    for hook in runner.hooks:
        if (check := getattr(hook, "check_outputs", None)) is not None:
            with _stage(f"{type(hook).__name__} on a {part} batch", "custom_hooks", ""):
                metrics |= check(runner, loader, outputs) or {}
    return metrics


def _predict(model: Any, loop: Any, batch: Any, part: str) -> Any:
    loader = loop.dataloader
    step = model.val_step if part == "val" else model.test_step
    shapes = _shapes(batch)
    model.eval()
    try:
        with (
            _through(model, f"predicting a {part} batch", batch, f"{part}_dataloader"),
            torch.no_grad(),
            autocast(enabled=getattr(loop, "fp16", False)),
        ):
            return step(batch)
    except ConfigError as error:
        if len(shapes) < 2:
            raise
        listed = " and ".join("x".join(map(str, shape)) for shape in sorted(shapes)[:3])
        key = f"{part}_dataloader.batch_size"
        raise ConfigError(
            f"{key}={loader.batch_size}: frames of several sizes ({listed}) make no "
            f"batch: set {key}=1, or Resize with keep_ratio=False"
        ) from error


def _shapes(batch: Any) -> set[tuple[int, ...]]:
    inputs = batch.get("inputs", ()) if isinstance(batch, dict) else ()
    tensors = [each for each in inputs if isinstance(each, torch.Tensor)]
    return {tuple(each.shape[-2:]) for each in tensors}


def _write_nothing(evaluator: Any) -> None:
    """Keep copies of metrics from writing files."""
    metrics = evaluator.metrics
    metrics[:] = [each for each in metrics if not isinstance(each, DumpResults)]
    for metric in metrics:
        for name in ("output_dir", "files"):
            if getattr(metric, name, None) is not None:
                setattr(metric, name, None)


# Metrics by which weights are selected, training is stopped or the rate is lowered.


def _check_monitored(runner: Runner, metrics: dict[str, Any]) -> None:
    for key, name in _monitored(runner):
        if name not in metrics:
            raise ConfigError(
                f"{key}={name!r} is not a metric of the validation"
                f"{closest(name, metrics) or '.'} There are {', '.join(metrics)}"
            )
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.save_best == ["auto"]:
            _check_auto(hook, next(iter(metrics)))


def _monitored(runner: Runner) -> Iterator[tuple[str, str]]:
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook):
            names = [name for name in hook.save_best or () if name != "auto"]
            yield from (("default_hooks.checkpoint.save_best", name) for name in names)
        if isinstance(hook, EarlyStoppingHook):
            yield "custom_hooks: EarlyStoppingHook.monitor", hook.monitor
    schedulers: Any = runner.param_schedulers or []
    if isinstance(schedulers, dict):
        schedulers = [each for group in schedulers.values() for each in group]
    for scheduler in schedulers:
        if getattr(scheduler, "need_val_args", False):
            yield "param_scheduler.monitor", scheduler.monitor


def _check_auto(hook: CheckpointHook, first: str) -> None:
    try:
        copy.deepcopy(hook)._init_rule(hook.rules, [first])
    except ValueError as error:
        raise ConfigError(
            f"default_hooks.checkpoint.save_best='auto' takes the first metric, "
            f"{first!r}, whose direction is not known: name a metric, or set "
            f"default_hooks.checkpoint.rule to 'greater' or 'less'"
        ) from error

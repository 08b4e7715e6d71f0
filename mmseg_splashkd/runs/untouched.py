"""Restores what a batch through a model changes: a context without traces."""

import copy
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from mmengine.runner import Runner
from torch import nn

from mmseg_splashkd.datasets.views import seeded


@contextmanager
def untouched(runner: Runner) -> Iterator[None]:
    """Run batches inside the context, and leave the run as if nothing had happened.

    Restored are: all random states; attributes, buffers and training mode of every
    module of the model, also of an unregistered one such as a teacher; gradients; and
    the message hub. Weights are not written by a forward and a backward pass. The log
    is silent meanwhile.
    """
    # A large number of devices needs to be given explicitly.
    devices = list(range(torch.cuda.device_count()))
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices))
        stack.enter_context(seeded(0))
        stack.enter_context(_modules_kept(runner.model))
        stack.enter_context(_hub_kept(runner.message_hub))
        stack.enter_context(_silent(runner.logger))
        yield


@contextmanager
def _modules_kept(model: nn.Module) -> Iterator[None]:
    modules = list(_modules(model))
    attributes = [(module, dict(vars(module))) for module in modules]
    # The registers are dicts that a module changes in place.
    registers = [(module._buffers, dict(module._buffers)) for module in modules]
    tensors = [b for _, register in registers for b in register.values()]
    values = [(b, b.clone()) for b in tensors if b is not None]
    parameters = [p for module in modules for p in module.parameters(recurse=False)]
    gradients = [(parameter, parameter.grad) for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    try:
        yield
    finally:
        for module, attribute in attributes:
            vars(module).clear()
            vars(module).update(attribute)
        for register, before in registers:
            register.clear()
            register.update(before)
        with torch.no_grad():
            for tensor, value in values:
                tensor.copy_(value)
        for parameter, gradient in gradients:
            parameter.grad = gradient


def _modules(model: nn.Module) -> Iterator[nn.Module]:
    """Every module, also one that is held by an attribute and not registered."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        yield module
        waiting += [each for each in module._modules.values() if each is not None]
        waiting += [each for each in vars(module).values() if _is_module(each)]


def _is_module(value: Any) -> bool:
    return isinstance(value, nn.Module)


@contextmanager
def _hub_kept(hub: Any) -> Iterator[None]:
    stores = (hub.log_scalars, hub.runtime_info, hub._resumed_keys)
    copies = [copy.deepcopy(hub.log_scalars), *(dict(each) for each in stores[1:])]
    try:
        yield
    finally:
        for store, before in zip(stores, copies, strict=True):
            store.clear()
            store.update(before)


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    def drop(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR

    logger.addFilter(drop)
    try:
        yield
    finally:
        logger.removeFilter(drop)

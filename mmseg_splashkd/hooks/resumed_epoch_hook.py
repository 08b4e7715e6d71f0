"""Resumes within an epoch."""

import itertools
from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class ResumedEpochHook(Hook):
    """Pass over the batches of an epoch that were trained before a run was stopped.

    mmengine begins the epoch again, and counts its iterations twice. The batches are
    loaded once more, in the same order where the sampler is seeded by seed and epoch,
    as mmengine's are.
    """

    priority = "LOWEST"  # after DistSamplerSeedHook

    def before_train_epoch(self, runner: Runner) -> None:
        """Pass over the batches, once."""
        loop: Any = runner.train_loop
        done = batches_done(loop)
        if done:
            runner.logger.info(f"passing over {done} trained batches of this epoch")
            loop.dataloader = _Rest(loop.dataloader, done)

    def after_train_epoch(self, runner: Runner) -> None:
        """Use the loader itself from now on."""
        loop: Any = runner.train_loop
        if isinstance(loop.dataloader, _Rest):
            loop.dataloader = loop.dataloader.loader


def batches_done(loop: Any) -> int:
    """Number of batches of the present epoch that are trained; 0 at its beginning."""
    if not within_epoch(loop, loop.iter):
        return 0
    size = len(loop.dataloader)
    return min(loop.iter - loop.epoch * size, size)


def within_epoch(loop: Any, iteration: int) -> bool:
    """Whether an iteration lies after the beginning of the loop's present epoch."""
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    return by_epoch and iteration > loop.epoch * len(loop.dataloader)


class _Rest:
    """A loader without its first batches."""

    def __init__(self, loader: Any, done: int) -> None:
        self.loader, self._done = loader, done

    def __iter__(self) -> Iterator[Any]:
        return itertools.islice(self.loader, self._done, None)

    def __len__(self) -> int:
        return len(self.loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

"""Ends a run whose loss or weights are no longer finite, before they are saved."""

import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.hooks import CheckpointHook, Hook
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.checkpoint import not_finite
from mmseg_splashkd.files import whole_file
from mmseg_splashkd.hooks.stop_request import any_process
from mmseg_splashkd.models.bare_model import bare_model

REPLAY = "not_finite"  # stem of the file
MAX_BYTES = 2**28  # of the frames in it
CAUSES = (
    "Likely causes: a learning rate that is too high (optim_wrapper.optimizer.lr, now "
    "{lr}), the range of mixed precision (--amp, optim_wrapper.loss_scale), or a batch "
    "without a labelled pixel"
)


class NotFiniteError(RuntimeError):
    """Loss, gradient or weights are NaN or infinite; training on cannot repair them.

    Args:
        reason: What is not finite, and at which iteration.
        details: Names, likely causes and remedies.
    """

    def __init__(self, reason: str, details: str) -> None:
        super().__init__(f"{reason}: {details}")
        self.reason = reason


@HOOKS.register_module()
class FiniteGuardHook(Hook):
    """End a run whose loss, gradient norm or weights are NaN or infinite.

    The loss is read after every iteration, where mmengine has just copied it for the
    log, so that a GPU waits no longer. Weights and batch-norm statistics are read
    before every validation and every checkpoint: none that are not finite are
    validated, saved, exported or selected. All processes end at the same iteration.
    The batch, the terms and the random state are stored in ``not_finite.pt`` of the
    work directory.

    The gradient norm is read where the optimizer wrapper clips by it, and not in mixed
    precision, whose loss scale is found by steps that overflow and are left out.
    """

    priority = "LOW"  # after the log of the iteration, before CheckpointHook

    def __init__(self) -> None:
        self._random: dict[str, Any] = {}

    def before_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Keep the random state that the iteration starts with."""
        self._random = random_state()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Check loss and gradient, and the weights if a checkpoint is due.

        Raises:
            NotFiniteError: They are not finite, in this process or in another.
        """
        terms: dict[str, float] = {}
        what = _broken(runner, outputs or {})
        if any_process(what is not None):
            file, names = None, []
            if what is not None:
                terms = _numbers(outputs or {})
                names = [
                    name for name in terms if what in name and _is_bad(terms[name])
                ]
                file = write_replay(runner, data_batch, terms, self._random)
            raise self._error(runner, what or "loss", names, file)
        if _checkpoint_is_due(runner):
            self._check_weights(runner, runner.iter + 1)

    def after_train_epoch(self, runner: Runner) -> None:
        """Check the weights before a checkpoint by epoch, or of an early stop.

        Raises:
            NotFiniteError: They are not finite.
        """
        self._check_weights(runner, runner.iter)

    def before_val_epoch(self, runner: Runner) -> None:
        """Check the weights before they are validated.

        Raises:
            NotFiniteError: They are not finite.
        """
        self._check_weights(runner, runner.iter)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check what a checkpoint would hold, such as moving averages.

        Raises:
            NotFiniteError: It is not finite.
        """
        # mmengine calls this in the first process alone.
        if names := not_finite(checkpoint["state_dict"]):
            raise _of_weights(runner, names, checkpoint["meta"]["iter"])

    def _check_weights(self, runner: Runner, iteration: int) -> None:
        names = not_finite(bare_model(runner.model).state_dict())
        if any_process(bool(names)):
            raise _of_weights(runner, names, iteration)

    def _error(
        self, runner: Runner, what: str, names: list[str], file: Path | None
    ) -> NotFiniteError:
        elsewhere = "in another process" if file is None else "its norm"
        where = _listed(names) or elsewhere
        stored = f". Batch, terms and random state: {file}" if file else ""
        return NotFiniteError(
            f"{what} is not finite at iteration {runner.iter + 1}",
            f"{where}. {_causes(runner)}{stored}",
        )


def _of_weights(runner: Runner, names: list[str], iteration: int) -> NotFiniteError:
    return NotFiniteError(
        f"weights are not finite at iteration {iteration}",
        f"{_listed(names) or 'in another process'}. {_causes(runner)}, or a batch norm "
        f"over one value per channel. They were not saved",
    )


def _numbers(outputs: Mapping[str, Any]) -> dict[str, float]:
    """Values of the log of one iteration."""
    return {
        name: float(value.detach().mean() if isinstance(value, torch.Tensor) else value)
        for name, value in outputs.items()
        if isinstance(value, torch.Tensor | float | int)
    }


def _broken(runner: Runner, outputs: Mapping[str, Any]) -> str | None:
    """What is not finite, ``'loss'`` or ``'gradient'``; None if nothing is."""
    # Other values of the log may be NaN, such as the accuracy of a teacher not in use.
    total = {"loss": outputs["loss"]} if "loss" in outputs else outputs
    losses = {name: value for name, value in total.items() if "loss" in name}
    if any(map(_is_bad, _numbers(losses).values())):
        return "loss"
    wrapper = runner.optim_wrapper
    scales = isinstance(wrapper, AmpOptimWrapper)
    if isinstance(wrapper, OptimWrapper) and wrapper.clip_grad_kwargs and not scales:
        norm = runner.message_hub.log_scalars.get(f"train/{wrapper.grad_name}")
        if norm is not None and _is_bad(norm.current()):
            return "gradient"
    return None


def _is_bad(value: float) -> bool:
    return not math.isfinite(value)


def _checkpoint_is_due(runner: Runner) -> bool:
    """Whether CheckpointHook saves after this iteration: it first deletes another."""
    saves = [
        h for h in runner.hooks if isinstance(h, CheckpointHook) and not h.by_epoch
    ]
    return any(
        hook.every_n_train_iters(runner, hook.interval, hook.save_begin)
        or (hook.save_last and hook.is_last_train_iter(runner))
        for hook in saves
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _causes(runner: Runner) -> str:
    rates = {rate for each in _learning_rates(runner).values() for rate in each}
    return CAUSES.format(lr=", ".join(f"{rate:g}" for rate in sorted(rates)))


def _learning_rates(runner: Runner) -> dict[str, list[float]]:
    wrapper: Any = runner.optim_wrapper
    rates = wrapper.get_lr()
    return {name: [float(rate) for rate in each] for name, each in rates.items()}


def random_state() -> dict[str, Any]:
    """Random states of Python, NumPy and torch, as numbers and tensors only."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 - of the transforms
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def write_replay(
    runner: Runner, batch: Any, terms: Mapping[str, float], state: Mapping[str, Any]
) -> Path | None:
    """Write what is needed to repeat the iteration, in one piece.

    Args:
        runner: Runner after the step of the iteration.
        batch: Batch of the data loader, with ``inputs`` and ``data_samples``.
        terms: Values of the log.
        state: ``random_state`` before the iteration.

    Returns:
        ``not_finite.pt``, with the rank in its name where there are several processes,
        readable by ``torch.load``. Frames over ``MAX_BYTES`` are left out. None if it
        cannot be written, such as on a full drive.
    """
    frames = _frames(batch)
    rank = f"_rank{runner.rank}" if runner.world_size > 1 else ""
    path = Path(runner.work_dir, f"{REPLAY}{rank}.pt")
    content = {
        "iteration": runner.iter + 1,
        "terms": dict(terms),
        "learning_rates": _learning_rates(runner),
        "seed": runner.seed,
        "random_state": dict(state),
        "checkpoint": runner.message_hub.get_info("last_ckpt"),
        "frames": _bounded(frames),
        "frames_in_batch": len(frames),
    }
    try:
        with whole_file(path) as partial:
            torch.save(content, partial)
    except OSError as error:
        runner.logger.error(f"{path} cannot be written: {error}")
        return None
    return path


def _frames(batch: Any) -> list[dict[str, Any]]:
    """Path, input and label of each frame of a batch of MMSegmentation."""
    if not isinstance(batch, Mapping):
        return []
    inputs, samples = batch.get("inputs", ()), batch.get("data_samples") or ()
    frames = []
    for image, sample in zip(inputs, samples, strict=False):
        label = getattr(sample, "gt_sem_seg", None)
        frames.append(
            {
                "path": str(getattr(sample, "img_path", "")),
                "inputs": image.detach().cpu().clone(),
                "label": None if label is None else label.data.detach().cpu().clone(),
            }
        )
    return frames


def _bounded(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept, size = [], 0
    for frame in frames:
        tensors = [value for value in frame.values() if isinstance(value, torch.Tensor)]
        size += sum(each.numel() * each.element_size() for each in tensors)
        if size > MAX_BYTES:
            break
        kept.append(frame)
    return kept

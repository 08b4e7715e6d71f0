"""Stores what is needed to repeat an iteration that went wrong."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.runner import Runner

from mmseg_splashkd.files import whole_file
from mmseg_splashkd.hooks.not_finite import learning_rates

REPLAY = "not_finite"  # stem of the file
MAX_BYTES = 2**28  # of the frames in it


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
    runner: Runner,
    batch: Any,
    terms: Mapping[str, float],
    state: Mapping[str, Any],
    skipped: int | None = None,
) -> Path | None:
    """Write what is needed to repeat the iteration, in one piece.

    Args:
        runner: Runner in the iteration.
        batch: Batch of the data loader, with ``inputs`` and ``data_samples``.
        terms: Values of the log.
        state: ``random_state`` before the iteration.
        skipped: Number of the iteration if the run goes on.

    Returns:
        ``not_finite.pt``, or ``not_finite_<skipped>.pt``, with the rank in its name
        where there are several processes,
        readable by ``torch.load``. Frames over ``MAX_BYTES`` are left out. None if it
        cannot be written, such as on a full drive.
    """
    frames = _frames(batch)
    rank = f"_rank{runner.rank}" if runner.world_size > 1 else ""
    number = "" if skipped is None else f"_{skipped}"
    path = Path(runner.work_dir, f"{REPLAY}{number}{rank}.pt")
    content = {
        "iteration": runner.iter + 1,
        "terms": dict(terms),
        "learning_rates": learning_rates(runner),
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

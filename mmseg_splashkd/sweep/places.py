"""Where workers run: a GPU each, or a share of the CPU's cores."""

import os
from collections.abc import Sequence

import torch

from mmseg_splashkd.sweep.process import Place


def places(workers: int | None, devices: Sequence[str] | None) -> list[Place]:
    """A place a worker.

    Args:
        workers: How many; by default one a GPU, or one.
        devices: GPUs as ``CUDA_VISIBLE_DEVICES`` names them; by default all that are
            visible.

    Raises:
        ValueError: ``workers`` is below 0, or there are fewer GPUs.
    """
    if workers is not None and workers < 0:
        raise ValueError(f"--workers {workers}: it takes a number from 0")
    gpus = list(devices) if devices else _visible_gpus()
    count = (len(gpus) or 1) if workers is None else workers
    if not gpus:
        return [Place(threads=_threads(count))] * count
    if count > len(gpus):
        raise ValueError(
            f"--workers {count}: there are {len(gpus)} GPUs, one a worker. To let "
            f"workers share them, name some twice: --devices {gpus[0]} {gpus[0]}"
        )
    return [Place(gpu=gpu) for gpu in gpus[:count]]


def _visible_gpus() -> list[str]:
    if not torch.cuda.is_available():
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named:
        return [name.strip() for name in named.split(",") if name.strip()]
    return [str(index) for index in range(torch.cuda.device_count())]


def _threads(workers: int) -> int | None:
    """Cores divided among workers, unless the environment decides."""
    if "OMP_NUM_THREADS" in os.environ:
        return None
    allowed = getattr(os, "sched_getaffinity", None)
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    return max(cores // max(workers, 1), 1)

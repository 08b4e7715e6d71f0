"""Where a run runs: GPUs through the host's defaults, CPUs through gloo."""

import os

import torch
import torch.distributed
from mmengine.config import Config
from mmengine.optim import AmpOptimWrapper

from mmseg_splashkd.config.types import is_a


def check_devices(cfg: Config) -> None:
    """Refuse what asks for a GPU where none is.

    Raises:
        ValueError: Mixed precision, NCCL or CUDA is asked for on a CPU.
    """
    if torch.cuda.is_available():
        return
    asked = {
        "--amp (optim_wrapper.type)": is_a(cfg.get("optim_wrapper"), AmpOptimWrapper),
        "env_cfg.dist_cfg.backend": "nccl" in _backend(cfg),
        "device": str(cfg.get("device", "")).startswith("cuda"),
    }
    for name, needs_gpu in asked.items():
        if needs_gpu:
            raise ValueError(
                f"{name} needs a CUDA GPU, and torch {torch.__version__} sees none. "
                f"Leave it out: the run then uses the CPU, and gloo between processes"
            )


def prepare_distributed(cfg: Config, launcher: str) -> None:
    """On a machine without GPUs, join the gloo group before the host's runner does.

    The host binds every process to a GPU of its own, and has no synchronised batch
    norm for the CPU (``SyncBatchNormHook`` stands in for it).

    Args:
        cfg: The run's config, changed in place.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        ValueError: A launcher other than ``pytorch`` is asked for without GPUs, or this
            process was not started by torchrun.
    """
    if launcher == "pytorch" and "RANK" not in os.environ:
        raise ValueError("--launcher pytorch is for torchrun: use tools/dist_train.sh")
    if launcher == "none" or torch.cuda.is_available():
        return
    if launcher != "pytorch":
        raise ValueError(f"--launcher {launcher} needs GPUs; use pytorch (torchrun)")
    cfg.sync_bn = None
    cfg.model_wrapper_cfg = {**cfg.get("model_wrapper_cfg", {}), "device_ids": None}
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group(_backend(cfg) or "gloo")


def leave_distributed(launcher: str) -> None:
    """Part from the other processes once all are done.

    A process that exits with its group open may be aborted by gloo's own threads.
    """
    if launcher != "none":
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def _backend(cfg: Config) -> str:
    return cfg.get("env_cfg", {}).get("dist_cfg", {}).get("backend", "")

"""Devices and process groups: mmengine's defaults on GPUs, gloo on CPUs."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch
import torch.distributed
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.models.cpu_amp import CPUAmpOptimWrapper
from mmseg_splashkd.records.cpu_kind import cpu_kind, lacks_bf16

CPU_AMP = CPUAmpOptimWrapper.__name__
# Arguments of AmpOptimWrapper that mean nothing to bfloat16 on a CPU.
OF_GPU_AMP = ("loss_scale", "dtype", "use_fsdp")


def use_mixed_precision(cfg: Config) -> None:
    """Make a run compute in mixed precision (``--amp``), on a GPU or on a CPU.

    Args:
        cfg: Config of the run; ``optim_wrapper`` is changed in place.
    """
    if torch.cuda.is_available():
        cfg.optim_wrapper.update(type="AmpOptimWrapper", loss_scale="dynamic")
        return
    for key in OF_GPU_AMP:
        cfg.optim_wrapper.pop(key, None)
    cfg.optim_wrapper.type = CPU_AMP


def slow_precision(cfg: Config) -> list[str]:
    """Lines for the log about a precision that is slower here than float32.

    It is no error: a run can be repeated on a machine that computes it slowly.
    """
    kind = cpu_kind()
    if not is_a(cfg.get("optim_wrapper"), CPUAmpOptimWrapper) or not lacks_bf16(kind):
        return []
    return [
        f"this CPU ({kind}) has no instructions for bfloat16 (AMX or AVX512-BF16): "
        f"mixed precision is slower than float32 here. Leave --amp "
        f"({CPU_AMP}) out, unless this run is to repeat another"
    ]


def check_devices(cfg: Config) -> None:
    """Check that a GPU exists where the config requires one.

    Raises:
        ValueError: CUDA or its mixed precision is configured without a GPU, mixed
            precision of a CPU with one, or ``device`` is another than MMEngine's.
    """
    if not torch.cuda.is_available():
        _check_no_gpu_needed(cfg)
    elif is_a(cfg.get("optim_wrapper"), CPUAmpOptimWrapper):
        raise ValueError(
            f"optim_wrapper.type={CPU_AMP!r} acts on a CPU, and this run uses "
            f"{get_device()!r}. Set it to 'AmpOptimWrapper', leave it out and give "
            f"--amp, which takes the one that fits, or hide the GPU by "
            f"CUDA_VISIBLE_DEVICES=-1"
        )
    wanted, used = str(cfg.get("device") or ""), get_device()
    if wanted and wanted.partition(":")[0] != used:
        raise ValueError(
            f"device={wanted!r} has no effect: MMEngine runs on {used!r}. Leave it "
            f"out; CUDA_VISIBLE_DEVICES selects GPUs, and -1 the CPU"
        )


def _check_no_gpu_needed(cfg: Config) -> None:
    finds_none = f"needs a CUDA GPU, and torch {torch.__version__} finds none"
    if is_a(cfg.get("optim_wrapper"), AmpOptimWrapper):
        raise ValueError(
            f"optim_wrapper.type='AmpOptimWrapper' {finds_none}. For mixed precision "
            f"on the CPU give --amp, or set it to {CPU_AMP!r} without "
            f"{', '.join(OF_GPU_AMP)}; for float32 set it to 'OptimWrapper'"
        )
    if str(cfg.get("device", "")).startswith("cuda"):
        raise ValueError(f"device {finds_none}. Leave it out to use the CPU")


def prepare_distributed(cfg: Config, launcher: str) -> None:
    """On a machine without GPUs, join the gloo group before mmengine's runner does.

    mmengine assigns a GPU to every process, and has no synchronised batch norm for the
    CPU (``SyncBatchNormHook`` takes its place).

    Args:
        cfg: The run's config, changed in place.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        ValueError: torchrun did not start this process, ``env_cfg.dist_cfg.timeout`` is
            no whole number above 0, or there are no GPUs and the launcher is ``slurm``
            or ``mpi``, or the backend is NCCL. Without a launcher the backend has no
            effect: MMSegmentation's own ``default_runtime`` names NCCL.
    """
    if launcher == "pytorch" and "RANK" not in os.environ:
        raise ValueError("--launcher pytorch needs torchrun: use tools/dist_train.sh")
    if launcher == "none" or torch.cuda.is_available():
        return
    if launcher != "pytorch":
        raise ValueError(f"--launcher {launcher} needs GPUs; use pytorch (torchrun)")
    if "nccl" in _backend(cfg):
        raise ValueError(
            f"env_cfg.dist_cfg.backend={_backend(cfg)!r} needs CUDA GPUs, and torch "
            f"{torch.__version__} finds none. Set it to 'gloo' to use CPU processes"
        )
    cfg.sync_bn = None
    cfg.model_wrapper_cfg = {**(cfg.get("model_wrapper_cfg") or {}), "device_ids": None}
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group(
            _backend(cfg) or "gloo", timeout=_timeout(cfg)
        )


def leave_distributed(launcher: str) -> None:
    """Leave the process group once all processes are done.

    gloo's threads may abort a process that exits with an open group.
    """
    if launcher != "none":
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def _backend(cfg: Config) -> str:
    return _dist_cfg(cfg).get("backend", "")


def _timeout(cfg: Config) -> timedelta | None:
    """Time limit of an operation of several processes; None for that of torch."""
    seconds = _dist_cfg(cfg).get("timeout")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        raise ValueError(
            f"env_cfg.dist_cfg.timeout={seconds!r} must be whole seconds above 0"
        )
    return timedelta(seconds=seconds)


def _dist_cfg(cfg: Config) -> Mapping[str, Any]:
    return (cfg.get("env_cfg") or {}).get("dist_cfg") or {}

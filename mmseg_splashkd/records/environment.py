"""Code, libraries, machine and memory of the running process."""

import functools
import os
import platform
import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import torch

from mmseg_splashkd.records.record import Code, Hardware, Memory
from mmseg_splashkd.version import __version__

PACKAGE = Path(__file__).resolve().parents[2]
LIBRARIES = ("numpy", "mmengine", "mmcv", "mmseg")
CPU_INFO = Path("/proc/cpuinfo")
MIB, GIB = 2**20, 2**30


@functools.cache
def code() -> Code:
    """Version and git commit of this package.

    The commit is None where the package is in no repository.
    """
    # An installed package may be inside the repository of another project.
    tracked = _git("ls-files", "--error-unmatch", "version.py")
    commit = _git("rev-parse", "HEAD") if tracked else None
    changes = _git("status", "--porcelain", "--", ".") if commit else None
    return Code(__version__, commit, None if changes is None else bool(changes))


def _git(*arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(PACKAGE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def library_versions() -> dict[str, str]:
    """Versions of Python, torch and the OpenMMLab libraries; of CUDA with a GPU."""
    versions = {"python": platform.python_version(), "torch": str(torch.__version__)}
    versions |= {name: str(import_module(name).__version__) for name in LIBRARIES}
    if torch.cuda.is_available():
        cuda, cudnn = torch.version.cuda, torch.backends.cudnn.version()
        versions |= {"cuda": str(cuda), "cudnn": str(cudnn)}
    return versions


def hardware() -> Hardware:
    """Host name, CPU, usable cores, torch's threads, memory (GiB) and GPUs."""
    has_affinity = hasattr(os, "sched_getaffinity")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    gpus = range(torch.cuda.device_count())
    return Hardware(
        machine=platform.node(),
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count(),
        threads=torch.get_num_threads(),
        memory_gib=round(pages / GIB, 1),
        gpus=tuple(torch.cuda.get_device_name(index) for index in gpus),
    )


def _cpu() -> str:
    if CPU_INFO.is_file():
        for line in CPU_INFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def memory(gpu_mib: float | None = None) -> Memory:
    """Peak memory so far, of this process and on its GPU.

    Args:
        gpu_mib: Peak on the GPU, in MiB, before mmengine last reset the count.
    """
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB on Linux
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    if torch.cuda.is_available():
        gpu_mib = gpu_peak(gpu_mib)
    return Memory(rss_mib=round(peak / MIB, 1), gpu_mib=gpu_mib)


def gpu_peak(before: float | None = None) -> float:
    """Peak memory of tensors on this process's GPU in MiB.

    Args:
        before: Peak in MiB before the count was last reset.
    """
    return round(max(before or 0.0, torch.cuda.max_memory_allocated() / MIB), 1)

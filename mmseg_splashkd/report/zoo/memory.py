"""Peak memory of inference, in a process of its own."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch import nn

from mmseg_splashkd.models.forward_pass import timed_pass
from mmseg_splashkd.report.zoo.networks import Size, build

MIB = 2**20
STATUS = Path("/proc/self/status")  # of Linux
RESET_PEAK = Path("/proc/self/clear_refs"), "5"


def peak_of_each(
    configs: list[Path], size: Size, device: str, threads: int
) -> list[float | None]:
    """Peak memory in MiB of one forward pass of each config, weights included.

    Each is measured in a fresh process, that nothing else has run in: the growth of its
    resident memory, or on a GPU the memory of its tensors.

    Args:
        configs: The configs.
        size: (H, W) of the frame in pixels.
        device: ``'cpu'`` or ``'cuda'``.
        threads: Threads of torch on the CPU.

    Returns:
        One number per config; None where the system does not tell (CPU, not Linux).
    """
    # The server imports the libraries once; every process is a fork of it as it was.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    peaks = []
    for config in configs:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            peaks.append(pool.submit(peak, config, size, device, threads).result())
    return peaks


def peak(config: Path, size: Size, device: str, threads: int) -> float | None:
    """Peak memory in MiB of one forward pass, in this process; see ``peak_of_each``."""
    torch.set_num_threads(threads)
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats(device)
        timed_pass(build(config).to(device), size)()
        return torch.cuda.max_memory_allocated(device) / MIB
    if not STATUS.is_file():
        return None
    _load_kernels()
    path, value = RESET_PEAK
    path.write_text(value)
    before = _resident("VmRSS")
    run = timed_pass(build(config), size)
    run()
    return _resident("VmHWM") - before


@torch.inference_mode()
def _load_kernels() -> None:
    """Run common layers once: their code is loaded on first use, and is no cost."""
    maps = nn.BatchNorm2d(8).eval()(nn.Conv2d(3, 8, 3)(torch.zeros(1, 3, 32, 32)))
    maps = nn.functional.interpolate(maps, size=(8, 8), mode="bilinear")
    tokens = maps.flatten(2).transpose(1, 2)
    nn.TransformerEncoderLayer(8, 1, 8, batch_first=True).eval()(tokens)


def _resident(key: str) -> float:
    """Resident memory of this process in MiB: ``VmRSS`` now, ``VmHWM`` at its peak."""
    return int(STATUS.read_text().split(f"{key}:")[1].split()[0]) / 1024

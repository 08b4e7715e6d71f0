"""Choices of a plan from the fingerprint of the data and the machine, with reasons."""

import math
import os
from dataclasses import dataclass

STEP = 32  # of widths and heights: the stride of the smallest feature map
GIB = 2**30
CPU_PIXELS = 192 * 128
# Training a SegFormer-B2 takes about 9 GiB per million pixels of a batch.
GIB_PER_MEGAPIXEL = 9.0


@dataclass(frozen=True)
class Machine:
    """What training may use.

    Args:
        cores: Number of CPU cores.
        gpu_memory: Memory of one GPU in bytes; 0 without a GPU.
    """

    cores: int
    gpu_memory: int = 0

    def __str__(self) -> str:
        gpu = (
            f"a GPU of {self.gpu_memory / GIB:.0f} GiB" if self.gpu_memory else "no GPU"
        )
        return f"{self.cores} CPU cores, {gpu}"


def this_machine() -> Machine:
    """The machine this process runs on."""
    import torch  # takes seconds

    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    if not torch.cuda.is_available():
        return Machine(cores)
    return Machine(cores, torch.cuda.get_device_properties(0).total_memory)


Choice = tuple[int, str]


def choose_size(
    median: tuple[float, float], machine: Machine
) -> tuple[tuple[int, int], str]:
    """Width and height of the network's input, and the reason.

    The median size, made smaller to a number of pixels that the machine trains on in
    reasonable time, rounded to multiples of 32.

    Args:
        median: Median width and height of the frames in pixels.
        machine: The machine.
    """
    budget, why = CPU_PIXELS, "without a GPU"
    if machine.gpu_memory:
        side = 1024 if machine.gpu_memory >= 20 * GIB else 512
        budget, why = side * side, f"on {machine}"
    scale = min(1.0, math.sqrt(budget / (median[0] * median[1])))
    whole = math.ceil if scale == 1 else round  # no detail of small frames is lost
    width, height = (max(1, whole(side * scale / STEP)) * STEP for side in median)
    source = f"median of the frames {median[0]:.0f}x{median[1]:.0f}"
    limit = f", at most {budget:,} pixels {why}" if scale < 1 else ""
    return (width, height), f"{source}{limit}, in multiples of {STEP}"


def choose_batch(size: tuple[int, int], train: int, machine: Machine) -> Choice:
    """Frames per step, and the reason: 2 to 16, as memory and frames allow.

    Args:
        size: Width and height of the network's input.
        train: Number of training frames, at least 1.
        machine: The machine.
    """
    fits, why = 8, "8 without a GPU"
    if machine.gpu_memory:
        gibs = GIB_PER_MEGAPIXEL * size[0] * size[1] / 1e6
        fits = int(0.8 * machine.gpu_memory / GIB / gibs)
        why = f"{fits} fit into {machine.gpu_memory / GIB:.0f} GiB by rule of thumb"
    most = max(2, train // 2)
    batch = max(2, min(16, fits, most))
    return batch, f"{why}; {train} training frames allow {most}; from 2 to 16"


def choose_iterations(train: int, batch: int, machine: Machine) -> Choice:
    """Training steps, and the reason: a number of passes over the frames, bounded.

    Args:
        train: Number of training frames, at least 1.
        batch: Frames per step.
        machine: The machine.
    """
    passes, low, high = (100, 1000, 20_000) if machine.gpu_memory else (40, 150, 600)
    wanted = passes * train / batch
    chosen = round(min(max(wanted, low), high) / 10) * 10
    seen = chosen * batch / train
    return chosen, (
        f"{passes} passes over {train} frames are {wanted:.0f} steps; from {low} to "
        f"{high} {'on a GPU' if machine.gpu_memory else 'without a GPU'}, so that each "
        f"frame is seen {seen:.0f} times"
    )


def choose_teacher(machine: Machine) -> tuple[str, str]:
    """Model of the teacher, and the reason."""
    if machine.gpu_memory:
        return "segformer_b2", "six times the student's weights; --teacher changes it"
    return "segformer_b1", "the smallest above the student, without a GPU"

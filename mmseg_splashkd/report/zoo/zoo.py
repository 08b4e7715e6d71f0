"""Measures the networks of configs in turn, and writes the page of the zoo."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import torch

from mmseg_splashkd.evaluation.interleaved import Spread, ratios, spread, time_in_turn
from mmseg_splashkd.models.forward_pass import timed_pass
from mmseg_splashkd.records.environment import hardware
from mmseg_splashkd.report.formatting import plural
from mmseg_splashkd.report.zoo.load import processor_time, share_of_others
from mmseg_splashkd.report.zoo.memory import peak_of_each
from mmseg_splashkd.report.zoo.networks import (
    LeftOut,
    Network,
    Size,
    build,
    find_networks,
)

REFERENCE = Path("kd", "segformer_b0.py")  # below the folder of the configs


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Args:
        size: (H, W) of the frame in pixels.
        rounds: Number of timed rounds, >= 1.
        device: ``'cpu'`` or ``'cuda'``.
        threads: Threads of torch on the CPU; None for as many as it has.

    Raises:
        ValueError: There is no such device.
    """

    size: Size
    rounds: int
    device: str = "cpu"
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.device != "cpu" and not torch.cuda.is_available():
            raise ValueError(f"device={self.device!r}: torch finds no GPU: use 'cpu'")


@dataclass(frozen=True)
class Measured:
    """A network with what it costs on this machine.

    Args:
        network: The network.
        peak_mib: Peak memory of a forward pass in MiB; None where it is not known.
        milliseconds: Time per frame.
        ratio: The same as a ratio to the reference in the same round.
    """

    network: Network
    peak_mib: float | None
    milliseconds: Spread
    ratio: Spread


@dataclass(frozen=True)
class Zoo:
    """All networks of one measurement.

    Args:
        measured: The networks, from the fastest on.
        left_out: Configs that could not be built here, with the reason.
        conditions: Size, rounds, hardware, versions and date, as one sentence.
        others: Share in [0, 1] of the CPU that other processes used while networks were
            timed; None where it is not known.
    """

    measured: Sequence[Measured]
    left_out: Sequence[LeftOut]
    conditions: str
    others: float | None = None


def zoo(configs: Sequence[Path], folder: Path, settings: Settings) -> Zoo:
    """Measure the networks of configs in turn, with SegFormer-B0 among them.

    Args:
        configs: The configs. Of a distillation, the student is measured.
        folder: Folder of the shipped configs, which holds that of SegFormer-B0.
        settings: How to measure.

    Raises:
        ValueError: A config cannot be read or built.
    """
    device, size = settings.device, settings.size
    if settings.threads:
        torch.set_num_threads(settings.threads)
    reference = folder / REFERENCE
    networks, left_out = find_networks(dict.fromkeys([*configs, reference]), size)
    first = [network.configs[0] for network in networks]
    peaks = peak_of_each(first, size, device, torch.get_num_threads())
    passes = {
        str(config): timed_pass(build(config).to(device), size) for config in first
    }
    before = processor_time()
    seconds = list(time_in_turn(passes, settings.rounds).values())
    others = share_of_others(before, processor_time())
    number = next(n for n, each in enumerate(networks) if reference in each.configs)
    measured = [
        Measured(
            network=network,
            peak_mib=peak,
            milliseconds=spread([1000 * second for second in times]),
            ratio=ratios(times, seconds[number]),
        )
        for network, peak, times in zip(networks, peaks, seconds, strict=True)
    ]
    measured.sort(key=lambda each: each.ratio.median)
    return Zoo(measured, left_out, _conditions(settings), others)


def _conditions(settings: Settings) -> str:
    """Size, rounds, hardware, versions and date."""
    height, width = settings.size
    machine = hardware()
    place = f"{machine.cores}-core CPU, {plural(torch.get_num_threads(), 'thread')}"
    if settings.device != "cpu":
        place = torch.cuda.get_device_name(settings.device)
    day = datetime.now(timezone.utc).date().isoformat()
    rounds = plural(settings.rounds, "round")
    return (
        f"Frames of {width}x{height}, batch 1, float32, {rounds}; {place}, "
        f"torch {str(torch.__version__).partition('+')[0]}, {day}"
    )

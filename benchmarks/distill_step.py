"""What a step of distillation costs beyond its parts.

One student is stepped by one optimizer in four ways, in turns, the loading of its batch
included:

- plain: the host's ``EncoderDecoder.train_step``, no teacher;
- floor: the same, and the teacher's bare forward under ``torch.inference_mode`` on the
  same batch. Nothing that asks a teacher while it trains can be cheaper;
- online: ``DistillSegmentor.train_step``, the recipe of experiment 0616;
- cached: the same, from a cache that ``build_teacher_cache`` wrote.

Weights are random: what a step costs does not depend on them.

    python benchmarks/distill_step.py
    python benchmarks/distill_step.py --pairs "B2->B0" --repeats 15
    python benchmarks/distill_step.py --device cuda --size 1024 --workers 8 --steps 30
    python benchmarks/distill_step.py --device cuda --size 1024 --workers 8 --steps 30 \
      --bf16
"""

import argparse
import copy
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from torch import nn

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.teacher_cache import build_teacher_cache, use_teacher_cache

CONFIGS = Path(__file__).parents[1] / "configs"
RECIPE = CONFIGS / "kd/segformer_b0_kd.py"
FRAMES = 30  # 21 of them to train on
VIEWS = 2  # of each frame in the cache
MEMORY_STEPS = 3
WAYS = ("plain", "floor", "online", "cached")
RATIOS = (
    ("floor", "plain"),
    ("online", "plain"),
    ("online", "floor"),
    ("cached", "plain"),
)


class Pair(NamedTuple):
    """Student and teacher, by their files in configs/_base_/models."""

    student: str
    teacher: str
    steps: int  # in a repeat on a CPU: seconds of each way


PAIRS = {
    "B1->B0": Pair("segformer_b0", "segformer_b1", 3),
    "B2->B0": Pair("segformer_b0", "segformer_b2", 3),
    "B4->B0": Pair("segformer_b0", "segformer_b4", 2),
    "R101->R50": Pair("pspnet_r50", "pspnet_r101", 1),
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=list(PAIRS))
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--bf16", action="store_true", help="autocast, on a GPU")
    parser.add_argument("--size", type=int, default=256, help="side of the frames")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--workers", type=int, default=0, help="0 loads in the step")
    parser.add_argument("--repeats", type=int, default=7, help="of each, in turns")
    parser.add_argument("--steps", type=int, help="in each repeat; by default few")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)  # in a fresh process
    args = parser.parse_args()
    if args.bf16 and not args.device.startswith("cuda"):
        parser.error("--bf16 is for a GPU: --device cuda")
    return args


# What is stepped.


def write_config(pair: Pair, root: Path, args: argparse.Namespace) -> Path:
    """Write the recipe of 0616 for another pair, the drawn frames and this machine."""
    cfg = read_config(RECIPE, {"data_root": str(root)})
    for role in ("student", "teacher"):
        file = CONFIGS / f"_base_/models/{getattr(pair, role)}.py"
        cfg.model[role] = Config.fromfile(file).model
        cfg.model[role].backbone.init_cfg = None
    torch.manual_seed(0)
    weights = root / f"{pair.teacher}.safetensors"
    write_weights(MODELS.build(cfg.model.teacher).state_dict(), weights, {})
    cfg.model.teacher_checkpoint = str(weights)
    loader = cfg.train_dataloader
    loader.update(batch_size=args.batch, num_workers=args.workers)
    loader.persistent_workers = args.workers > 0
    for step in loader.dataset.dataset.pipeline:
        if step.type == "Resize":
            step.scale = (args.size, args.size)
    cfg.val_dataloader = cfg.test_dataloader = None  # the cache need not be tested
    cfg.teacher_cache = {"dir": str(root / f"cache_{pair.teacher}"), "views": VIEWS}
    if args.bf16:
        cfg.optim_wrapper.update(type="AmpOptimWrapper", dtype="bfloat16")
    path = root / f"{pair.student}_{pair.teacher}.py"
    cfg.dump(path)
    return path


class Floor:
    """A plain step with the bare forward of a teacher in it."""

    def __init__(self, student: Any, teacher: nn.Module) -> None:
        self.student, self.teacher = student, teacher

    def train_step(self, data: dict, optim_wrapper: Any) -> None:
        """Do as the host's ``BaseModel.train_step``, and ask the teacher."""
        student = self.student
        with optim_wrapper.optim_context(student):
            data = student.data_preprocessor(data, True)
            with torch.inference_mode():
                self.teacher(data["inputs"], mode="tensor")
            losses = student._run_forward(data, mode="loss")
        total, _ = student.parse_losses(losses)
        optim_wrapper.update_params(total)


class Way(NamedTuple):
    """A model, and a config whose loader feeds it."""

    model: Any
    student: nn.Module
    cfg: Config


def build_way(name: str, path: Path, device: str) -> Way:
    """Build what one way needs, and nothing else."""
    cfg = read_config(path)
    if name == "cached":
        use_teacher_cache(cfg)
    torch.manual_seed(0)
    if name in ("online", "cached"):
        model = MODELS.build(cfg.model).to(device).train()
        return Way(model, model.student, cfg)
    student = MODELS.build(cfg.model.student).to(device).train()
    if name == "plain":
        return Way(student, student, cfg)
    teacher = MODELS.build(cfg.model.teacher).to(device).eval().requires_grad_(False)
    return Way(Floor(student, teacher), student, cfg)


def build_ways(path: Path, device: str) -> dict[str, Way]:
    """Build all ways around one student and one teacher."""
    online, cached = (build_way(name, path, device) for name in ("online", "cached"))
    student = cached.model.student = online.student
    floor = Floor(student, online.model.teacher)
    return {
        "plain": Way(student, student, online.cfg),
        "floor": Way(floor, student, online.cfg),
        "online": online,
        "cached": Way(cached.model, student, cached.cfg),
    }


def stepper(way: Way, optimizer: Any) -> Callable[[], None]:
    """One step of a way, its batch from an endless loader of its own."""
    loader = Runner.build_dataloader(copy.deepcopy(way.cfg.train_dataloader), seed=0)
    stream: Iterator[dict] = iter(loader)

    def step() -> None:
        way.model.train_step(next(stream), optim_wrapper=optimizer)

    return step


# Seconds.


def seconds_a_step(step: Callable[[], None], warm_up: int, steps: int) -> float:
    """Mean time of some steps, after others."""
    for _ in range(warm_up):
        step()
    synchronize()
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    synchronize()
    return (time.perf_counter() - begin) / steps


def synchronize() -> None:
    """Wait for the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def time_pair(
    name: str, path: Path, args: argparse.Namespace
) -> dict[str, list[float]]:
    """Seconds a step of each way, in every repeat; whoever begins changes."""
    ways = build_ways(path, args.device)
    plain = ways["plain"]
    optimizer = build_optim_wrapper(plain.student, plain.cfg.optim_wrapper)
    steps = {way: stepper(ways[way], optimizer) for way in WAYS}
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    warm_up = 2 * args.workers  # they fetch two batches each ahead
    for repeat in range(1 + args.repeats):
        for way in WAYS if repeat % 2 else reversed(WAYS):
            one = seconds_a_step(steps[way], warm_up, args.steps or PAIRS[name].steps)
            seconds[way].append(one)
        turn = ", ".join(f"{way} {seconds[way][-1]:.3f}" for way in WAYS)
        say(f"{name}, repeat {repeat} of {args.repeats}: {turn} s")
    return {way: numbers[1:] for way, numbers in seconds.items()}  # 0 warms up


# Memory.


def memory_of(name: str, path: Path, device: str) -> float:
    """Peak MiB of this process (on a GPU: of its tensors) after a few steps."""
    way = build_way(name, path, device)
    step = stepper(way, build_optim_wrapper(way.student, way.cfg.optim_wrapper))
    for _ in range(MEMORY_STEPS):
        step()
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    # Not ru_maxrss: on Linux a child's begins at the peak of the process it came from.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def memory_of_each(path: Path, args: argparse.Namespace) -> dict[str, float]:
    """Peak MiB of each way, in a process of its own."""
    peaks = {}
    for way in WAYS:
        command = [sys.executable, __file__, "--memory-of", f"{way}:{path}"]
        command += ["--device", args.device]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        peaks[way] = float(done.stdout.split()[-1])
        say(f"  {way}: {peaks[way]:,.0f} MiB")
    return peaks


# What is printed.


def say(line: str) -> None:
    """Print progress."""
    print(line, file=sys.stderr, flush=True)


def machine(args: argparse.Namespace) -> str:
    """Hardware, versions, threads and settings, in a line."""
    names = Path("/proc/cpuinfo").read_text().split("model name\t: ")[1:]
    cpu = names[0].split("\n")[0] if names else platform.machine()
    hardware = f"{cpu}, {os.cpu_count()} cores"
    if args.device.startswith("cuda"):
        hardware = f"{torch.cuda.get_device_name()} ({hardware})"
    precision = "bf16 autocast" if args.bf16 else "float32"
    spin = os.environ.get("GOMP_SPINCOUNT", "not set")
    return (
        f"{hardware}, load {os.getloadavg()[0]:.2f}; torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, GOMP_SPINCOUNT {spin}; {precision}, "
        f"{args.size}x{args.size}, batch {args.batch}, {args.workers} workers, "
        f"{args.repeats} repeats"
    )


def table(*heads: str) -> list[str]:
    """First lines of a Markdown table."""
    return [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]


def spread(numbers: list[float]) -> str:
    """Median, lowest and highest."""
    middle = statistics.median(numbers)
    return f"{middle:.3f} ({min(numbers):.3f} to {max(numbers):.3f})"


def ratio_row(pair: str, seconds: dict[str, list[float]]) -> str:
    """A pair's plain seconds and ratios, each taken within a repeat."""
    cells = [pair, spread(seconds["plain"])]
    for over, under in RATIOS:
        both = zip(seconds[over], seconds[under], strict=True)
        cells.append(spread([one / other for one, other in both]))
    return f"| {' | '.join(cells)} |"


def way_rows(
    pair: str, seconds: dict[str, list[float]], peaks: dict[str, float]
) -> list[str]:
    """Seconds and peak memory of each way of a pair."""
    return [
        f"| {pair} | {way} | {spread(seconds[way])} | {peaks[way]:,.0f} |"
        for way in WAYS
    ]


def measure(pairs: list[str], args: argparse.Namespace) -> None:
    """Measure pair after pair, then print both tables."""
    tables = [
        table("pair", "plain, s", *(f"{over} / {under}" for over, under in RATIOS)),
        table("pair", "way", "s a step", "peak memory, MiB"),
    ]
    described = machine(args)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        size = (args.size, args.size)
        draw_pond(root, frames=FRAMES, size=size, progress=False)
        for pair in pairs:
            say(f"{pair}: the cache")
            path = write_config(PAIRS[pair], root, args)
            with redirect_stdout(sys.stderr):
                build_teacher_cache(path, args.batch, args.device)
            seconds = time_pair(pair, path, args)
            peaks = memory_of_each(path, args)
            tables[0].append(ratio_row(pair, seconds))
            tables[1] += way_rows(pair, seconds, peaks)
    print(described, *map("\n".join, tables), sep="\n\n")


def main() -> None:
    """Measure, print; or step once for the memory of another process."""
    args = parse_args()
    init_default_scope("mmseg")
    MMLogger.get_instance("distill_step", log_level="WARNING")  # else a line a weight
    cv2.setNumThreads(0)  # as the configs' env_cfg has it
    torch.backends.cudnn.benchmark = True
    if args.memory_of:
        way, path = args.memory_of.split(":", 1)
        print(memory_of(way, Path(path), args.device))
        return
    measure(args.pairs, args)


if __name__ == "__main__":
    main()

"""Measure the time and memory of a training step of distillation.

One student and one optimizer take steps of four variants alternately; loading the batch
is part of a step:

- plain: ``EncoderDecoder.train_step`` of MMSegmentation, no teacher;
- floor: the same and a forward pass of the teacher under ``torch.inference_mode`` on
  the same batch, the lower bound of distillation with an online teacher;
- online: ``DistillSegmentor.train_step`` with the losses of experiment 0616;
- cached: the same with logits from a cache that ``build_teacher_cache`` wrote.

Weights are random: the cost of a step does not depend on them.

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
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import torch
from mmcv.transforms import Resize
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from torch import nn

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.teacher_cache import build_teacher_cache, use_teacher_cache

CONFIGS = Path(__file__).parents[1] / "configs"
RECIPE = CONFIGS / "kd/segformer_b0_kd.py"
FRAMES = 30  # 21 of them to train on
VIEWS = 2  # views per frame in the cache
MEMORY_STEPS = 3
VARIANTS = ("plain", "floor", "online", "cached")
RATIOS = (
    ("floor", "plain"),
    ("online", "plain"),
    ("online", "floor"),
    ("cached", "plain"),
)


class Pair(NamedTuple):
    """Student and teacher: names of files in configs/_base_/models."""

    student: str
    teacher: str
    steps: int  # steps per repeat: some seconds on a CPU


PAIRS = {
    "B1->B0": Pair("segformer_b0", "segformer_b1", 3),
    "B2->B0": Pair("segformer_b0", "segformer_b2", 3),
    "B4->B0": Pair("segformer_b0", "segformer_b4", 2),
    "R101->R50": Pair("pspnet_r50", "pspnet_r101", 1),
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pairs",
        nargs="+",
        choices=PAIRS,
        default=list(PAIRS),
        help="teachers and students (default: all)",
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--bf16", action="store_true", help="autocast, GPU only")
    parser.add_argument(
        "--size", type=int, default=256, help="side of the frames in px (default: 256)"
    )
    parser.add_argument("--batch", type=int, default=4, help="batch size (default: 4)")
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        help="loader processes (default: 0, load in the step)",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=7,
        help="alternating measurements of each variant (default: 7)",
    )
    parser.add_argument(
        "--steps", type=int, help="steps per measurement (default: 1 to 3 by pair)"
    )
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)  # in a fresh process
    args = parser.parse_args(argv)
    if args.bf16 and not args.device.startswith("cuda"):
        parser.error("--bf16 needs --device cuda")
    return args


# The four variants.


def write_config(pair: Pair, root: Path, args: argparse.Namespace) -> Path:
    """Write the config of experiment 0616 for a pair of models and drawn frames."""
    cfg = read_config(RECIPE, {"data_root": str(root)})
    for role in ("student", "teacher"):
        file = CONFIGS / "_base_/models" / f"{getattr(pair, role)}.py"
        cfg.model[role] = Config.fromfile(file).model
        cfg.model[role].backbone.init_cfg = None
    torch.manual_seed(0)
    student, teacher = Path(pair.student).name, Path(pair.teacher).name
    weights = root / f"{teacher}.safetensors"
    write_weights(MODELS.build(cfg.model.teacher).state_dict(), weights, {})
    cfg.model.teacher_checkpoint = str(weights)
    loader = cfg.train_dataloader
    loader.update(batch_size=args.batch, num_workers=args.workers)
    loader.persistent_workers = args.workers > 0
    for step in loader.dataset.dataset.pipeline:
        if is_a(step, Resize):
            step.scale = (args.size, args.size)
    cfg.val_dataloader = cfg.test_dataloader = None  # do not test the teacher
    cfg.teacher_cache = {"dir": str(root / f"cache_{teacher}"), "views": VIEWS}
    if args.bf16:
        cfg.optim_wrapper.update(type="AmpOptimWrapper", dtype="bfloat16")
    path = root / f"{student}_{teacher}.py"
    cfg.dump(path)
    return path


class Floor:
    """A plain step and a forward pass of the teacher."""

    def __init__(self, student: Any, teacher: nn.Module) -> None:
        self.student, self.teacher = student, teacher

    def train_step(self, data: dict, optim_wrapper: Any) -> None:
        """Same as ``BaseModel.train_step`` of mmengine, and run the teacher."""
        student = self.student
        with optim_wrapper.optim_context(student):
            data = student.data_preprocessor(data, True)
            with torch.inference_mode():
                self.teacher(data["inputs"], mode="tensor")
            losses = student._run_forward(data, mode="loss")
        total, _ = student.parse_losses(losses)
        optim_wrapper.update_params(total)


class Variant(NamedTuple):
    """A model and the config of its loader."""

    model: Any
    student: nn.Module
    cfg: Config


def build_variant(name: str, path: Path, device: str) -> Variant:
    """Build only the models that one variant needs."""
    cfg = read_config(path)
    if name == "cached":
        use_teacher_cache(cfg)
    torch.manual_seed(0)
    if name in ("online", "cached"):
        model = MODELS.build(cfg.model)
        model.load_teacher()
        model = model.to(device).train()
        return Variant(model, model.student, cfg)
    student = MODELS.build(cfg.model.student).to(device).train()
    if name == "plain":
        return Variant(student, student, cfg)
    teacher = MODELS.build(cfg.model.teacher).to(device).eval().requires_grad_(False)
    return Variant(Floor(student, teacher), student, cfg)


def build_variants(path: Path, device: str) -> dict[str, Variant]:
    """Build all variants with one student and one teacher."""
    online, cached = (
        build_variant(name, path, device) for name in ("online", "cached")
    )
    student = cached.model.student = online.student
    floor = Floor(student, online.model.teacher)
    return {
        "plain": Variant(student, student, online.cfg),
        "floor": Variant(floor, student, online.cfg),
        "online": online,
        "cached": Variant(cached.model, student, cached.cfg),
    }


def stepper(variant: Variant, optimizer: Any) -> Callable[[], None]:
    """A function that takes one step of a variant, with its own infinite loader."""
    loader = Runner.build_dataloader(
        copy.deepcopy(variant.cfg.train_dataloader), seed=0
    )
    stream: Iterator[dict] = iter(loader)

    def step() -> None:
        variant.model.train_step(next(stream), optim_wrapper=optimizer)

    return step


# Time.


def seconds_per_step(step: Callable[[], None], warm_up: int, steps: int) -> float:
    """Mean time of ``steps`` steps after ``warm_up`` steps."""
    for _ in range(warm_up):
        step()
    synchronize()
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    synchronize()
    return (time.perf_counter() - begin) / steps


def synchronize() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def time_pair(
    name: str, path: Path, args: argparse.Namespace
) -> dict[str, list[float]]:
    """Seconds per step of each variant in every repeat; the order alternates."""
    variants = build_variants(path, args.device)
    plain = variants["plain"]
    optimizer = build_optim_wrapper(plain.student, plain.cfg.optim_wrapper)
    steps = {variant: stepper(variants[variant], optimizer) for variant in VARIANTS}
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    warm_up = 2 * args.workers  # each worker prefetches two batches
    for repeat in range(1 + args.repeats):
        for variant in VARIANTS if repeat % 2 else reversed(VARIANTS):
            one = seconds_per_step(
                steps[variant], warm_up, args.steps or PAIRS[name].steps
            )
            seconds[variant].append(one)
        turn = ", ".join(
            f"{variant} {seconds[variant][-1]:.3f}" for variant in VARIANTS
        )
        print_progress(f"{name}, repeat {repeat} of {args.repeats}: {turn} s")
    return {variant: numbers[1:] for variant, numbers in seconds.items()}  # 0 warms up


# Memory.


def memory_of(name: str, path: Path, device: str) -> float:
    """Peak MiB of this process (on a GPU: of its tensors) after three steps."""
    variant = build_variant(name, path, device)
    step = stepper(
        variant, build_optim_wrapper(variant.student, variant.cfg.optim_wrapper)
    )
    for _ in range(MEMORY_STEPS):
        step()
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    # Not ru_maxrss: on Linux a child process inherits the peak of its parent.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def memory_of_each(path: Path, args: argparse.Namespace) -> dict[str, float]:
    """Peak MiB of each variant, in its own process."""
    peaks = {}
    for variant in VARIANTS:
        command = [sys.executable, __file__, "--memory-of", f"{variant}:{path}"]
        command += ["--device", args.device]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        peaks[variant] = float(done.stdout.split()[-1])
        print_progress(f"  {variant}: {peaks[variant]:,.0f} MiB")
    return peaks


# Output.


def print_progress(line: str) -> None:
    """Print a line to stderr."""
    print(line, file=sys.stderr, flush=True)


def machine(args: argparse.Namespace) -> str:
    """Hardware, versions, threads and settings in one line."""
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
    """The head of a Markdown table."""
    return [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]


def spread(numbers: list[float]) -> str:
    """Median, minimum and maximum."""
    middle = statistics.median(numbers)
    return f"{middle:.3f} ({min(numbers):.3f} to {max(numbers):.3f})"


def ratio_row(pair: str, seconds: dict[str, list[float]]) -> str:
    """Plain seconds and ratios of a pair; ratios are taken within a repeat."""
    cells = [pair, spread(seconds["plain"])]
    for over, under in RATIOS:
        both = zip(seconds[over], seconds[under], strict=True)
        cells.append(spread([one / other for one, other in both]))
    return f"| {' | '.join(cells)} |"


def variant_rows(
    pair: str, seconds: dict[str, list[float]], peaks: dict[str, float]
) -> list[str]:
    """Seconds and peak memory of each variant of a pair."""
    return [
        f"| {pair} | {variant} | {spread(seconds[variant])} | {peaks[variant]:,.0f} |"
        for variant in VARIANTS
    ]


def measure(pairs: list[str], args: argparse.Namespace) -> None:
    """Measure all pairs, then print both tables."""
    tables = [
        table("pair", "plain, s", *(f"{over} / {under}" for over, under in RATIOS)),
        table("pair", "variant", "s per step", "peak memory, MiB"),
    ]
    described = machine(args)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        size = (args.size, args.size)
        draw_pond(root, frames=FRAMES, size=size, progress=False)
        for pair in pairs:
            print_progress(f"{pair}: build the cache")
            path = write_config(PAIRS[pair], root, args)
            with redirect_stdout(sys.stderr):
                build_teacher_cache(path, args.batch, args.device)
            seconds = time_pair(pair, path, args)
            peaks = memory_of_each(path, args)
            tables[0].append(ratio_row(pair, seconds))
            tables[1] += variant_rows(pair, seconds, peaks)
    print(described, *map("\n".join, tables), sep="\n\n")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print; in a child process, only the memory of one variant."""
    args = parse_args(argv)
    init_default_scope("mmseg")
    MMLogger.get_instance("distill_step", log_level="WARNING")  # no line per weight
    cv2.setNumThreads(0)  # as in env_cfg of the configs
    torch.backends.cudnn.benchmark = True
    if args.memory_of:
        variant, path = args.memory_of.split(":", 1)
        print(memory_of(variant, Path(path), args.device))
        return
    measure(args.pairs, args)


if __name__ == "__main__":
    main()

"""Measure the time and memory of a training step of distillation.

Variants of a step, loading of the batch included:

- plain: ``EncoderDecoder.train_step`` of MMSegmentation, no teacher;
- floor: the same and a forward pass of the teacher under ``torch.inference_mode`` on
  the same batch, the lower bound of distillation with an online teacher;
- online: ``DistillSegmentor.train_step`` with the losses of experiment 0616;
- cached: the same with logits from a cache that ``build_teacher_cache`` wrote;
- mmrazor, torchdistill, cirkd: steps of those, where they are on the path
  (benchmarks/peers/mmseg_steps.py);

with options that make a step cheaper, one by one and all together:

- amp: ``--amp``, on a CPU bfloat16;
- teacher: ``teacher_precision='bf16'`` (online only; with amp it is so anyway);
- channels_last: ``ChannelsLastHook``;
- compile: ``compile=True`` of MMEngine;
- fused: ``optim_wrapper.optimizer.fused=True``;
- frames: ``LoadImageOnce``, decoded frames stay in memory;
- views: ``keep_views``, drawn views stay in memory (cached only).

"all" is every option that acts on the variant, but for compile: compiling a step takes
a minute or more in each process, and is not what most machines can do.

A way is a variant with some options. Each runs in several processes of its own, which
take turns in a random order. In each process, steps of the way alternate with those of
the reference, on the same views: the plain step of MMSegmentation in float32, without
options. So load on the machine hits both, and what differs between processes (memory
layout, caches) is seen as spread. Plain without options is measured against itself:
what it deviates from 1.00 is the error of the method.

Weights are random: the cost of a step does not depend on them.

    python benchmarks/distill_step.py --out work_dirs/distill_step.json
    python benchmarks/distill_step.py --pairs "B2->B0" --options none all
    python benchmarks/distill_step.py --device cuda --size 1024 --workers 8 --steps 30 \
      --options none amp
"""

import argparse
import copy
import json
import math
import os
import platform
import random
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
from mmcv.transforms import LoadImageFromFile, Resize
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from peers.mmseg_steps import PEERS, is_at_hand
from scipy.special import stdtrit
from torch import nn

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.config.devices import use_mixed_precision
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.records.cpu_kind import cpu_kind
from mmseg_splashkd.teacher_cache import build_teacher_cache, use_teacher_cache

CONFIGS = Path(__file__).parents[1] / "configs"
RECIPE = CONFIGS / "kd/segformer_b0_kd.py"
FRAMES = 30  # 21 of them to train on
VIEWS = 2  # views per frame in the cache
KEPT_MIB = 1024
MEMORY_STEPS = 3
VARIANTS = ("plain", "floor", "online", "cached")
OPTIONS = ("amp", "teacher", "channels_last", "compile", "fused", "frames", "views")
SETS = ("none", *OPTIONS, "all")
APART = {"compile"}  # not in "all"
# Options that do not act on a variant. Peers have none of them.
NO_EFFECT = {
    "plain": {"teacher", "views"},
    "floor": {"teacher", "views"},
    "online": {"views"},
    "cached": {"teacher"},
} | {name: set(OPTIONS) for name in PEERS}


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


class Way(NamedTuple):
    """A variant of a step with some options, of ``SETS``."""

    variant: str
    options: str

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the options that are on."""
        sets = {"none": (), "all": [each for each in OPTIONS if each not in APART]}
        names = sets.get(self.options, (self.options,))
        return tuple(each for each in names if each not in NO_EFFECT[self.variant])


REFERENCE = Way("plain", "none")


class Measured(NamedTuple):
    """One process: seconds per step of a way and of the reference, per repeat."""

    pair: str
    way: Way
    process: int
    seconds: list[float]
    reference: list[float]

    @property
    def ratio(self) -> float:
        """Median over the repeats of the way's time to that of the reference."""
        both = zip(self.seconds, self.reference, strict=True)
        return statistics.median(one / other for one, other in both)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pairs",
        nargs="+",
        choices=PAIRS,
        default=["B1->B0"],
        help="teachers and students (default: B1->B0)",
    )
    parser.add_argument(
        "--variants",
        nargs="+",
        choices=(*VARIANTS, *PEERS),
        default=list(VARIANTS),
        help=f"steps (default: {' '.join(VARIANTS)})",
    )
    parser.add_argument(
        "--options",
        nargs="+",
        choices=SETS,
        default=list(SETS),
        help="options, each alone, none or all of them (default: every one)",
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
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
        "--processes", type=int, default=5, help="processes of each way (default: 5)"
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=7,
        help="alternating measurements in a process (default: 7)",
    )
    parser.add_argument(
        "--steps", type=int, help="steps per measurement (default: 1 to 3 by pair)"
    )
    parser.add_argument("--out", type=Path, help="JSON file of all measurements")
    parser.add_argument("--time-of", help=argparse.SUPPRESS)  # in a fresh process
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.processes < 2:
        parser.error("--processes must be 2 or more: one has no spread")
    return args


# The ways.


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
    path = root / f"{student}_{teacher}.py"
    cfg.dump(path)
    return path


def configured(way: Way, path: Path, device: str) -> Config:
    """The config of a way: that of the pair, with the keys of the options set."""
    cfg = read_config(path)
    if "amp" in way.chosen:
        use_mixed_precision(cfg)
        if device.startswith("cuda"):
            cfg.optim_wrapper.dtype = "bfloat16"
    if "teacher" in way.chosen:
        cfg.model.teacher_precision = "bf16"
    if "fused" in way.chosen:
        cfg.optim_wrapper.optimizer.fused = True
    if "frames" in way.chosen:
        for step in cfg.train_dataloader.dataset.dataset.pipeline:
            if is_a(step, LoadImageFromFile):
                step.type = "LoadImageOnce"
    if "views" in way.chosen:
        cfg.train_dataloader.dataset.keep_views = KEPT_MIB
    if way.variant == "cached":
        cfg.model.pop("teacher_precision", None)  # of the cache that was built
        use_teacher_cache(cfg)
    return cfg


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


class Built(NamedTuple):
    """A model, the part of it that is trained, and its config."""

    model: Any
    student: nn.Module
    cfg: Config


def build(way: Way, path: Path, device: str) -> Built:
    """Build only the models that a way needs."""
    cfg = configured(way, path, device)
    torch.manual_seed(0)
    if way.variant in ("online", "cached"):
        model = MODELS.build(cfg.model)
        model.load_teacher()
        model = prepared(model.to(device).train(), way)
        return Built(model, model.student, cfg)
    if way.variant in PEERS:
        return Built(*PEERS[way.variant](cfg, device), cfg)
    student = prepared(MODELS.build(cfg.model.student).to(device).train(), way)
    if way.variant == "plain":
        return Built(student, student, cfg)
    teacher = MODELS.build(cfg.model.teacher).to(device).eval().requires_grad_(False)
    return Built(Floor(student, prepared(teacher, way)), student, cfg)


def prepared(model: Any, way: Way) -> Any:
    """A model as the hooks of a way leave it."""
    if "channels_last" in way.chosen:
        model.to(memory_format=torch.channels_last)
    return model


def stepper(built: Built, compiles: bool) -> Callable[..., None]:
    """A function that takes one step, with its own optimizer and infinite loader.

    With ``trains=False`` it only loads a batch.
    """
    optimizer = build_optim_wrapper(built.student, built.cfg.optim_wrapper)
    loader = Runner.build_dataloader(copy.deepcopy(built.cfg.train_dataloader), seed=0)
    stream: Iterator[dict] = iter(loader)
    train_step = built.model.train_step
    if compiles:
        train_step = torch.compile(train_step)  # as mmengine's runner does

    def step(trains: bool = True) -> None:
        batch = next(stream)
        if trains:
            train_step(batch, optim_wrapper=optimizer)

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


def time_of(way: Way, path: Path, args: argparse.Namespace) -> list[list[float]]:
    """Seconds per step of a way and of the reference, in turn, of every repeat.

    Before, memory is filled with frames or views, where a way keeps them. The first
    repeat warms up: kernels are chosen, layers checked, a step compiled.
    """
    steps = [
        stepper(build(each, path, args.device), "compile" in each.chosen)
        for each in (way, REFERENCE)
    ]
    seconds: list[list[float]] = [[], []]
    warm_up = 2 * args.workers  # each worker prefetches two batches
    if {"frames", "views"} & set(way.chosen):
        for _ in range(FRAMES * VIEWS // args.batch):
            steps[0](trains=False)
    for repeat in range(1 + args.repeats):
        for which in (0, 1) if repeat % 2 else (1, 0):
            one = seconds_per_step(steps[which], warm_up, args.steps if repeat else 1)
            seconds[which].append(one)
    return [each[1:] for each in seconds]


# Memory.


def memory_of(way: Way, path: Path, device: str) -> float:
    """Peak MiB of this process (on a GPU: of its tensors) after three steps."""
    step = stepper(build(way, path, device), "compile" in way.chosen)
    for _ in range(MEMORY_STEPS):
        step()
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    # Not ru_maxrss: on Linux a child process inherits the peak of its parent.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


# Processes.


def of_one_way(args: argparse.Namespace) -> Any:
    """What a child process measures, of the way in its arguments."""
    variant, options, path = (args.time_of or args.memory_of).split(":", 2)
    way = Way(variant, options)
    if args.time_of:
        return time_of(way, Path(path), args)
    return memory_of(way, Path(path), args.device)


def in_process(kind: str, way: Way, path: Path, args: argparse.Namespace) -> Any:
    """What a fresh process measures: ``'time'`` or ``'memory'`` of a way."""
    command = [sys.executable, __file__, f"--{kind}-of", f"{':'.join(way)}:{path}"]
    for name in ("device", "batch", "workers", "repeats", "steps"):
        command += [f"--{name}", str(getattr(args, name))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measured(
    pair: str, path: Path, ways: list[Way], args: argparse.Namespace
) -> list[Measured]:
    """All processes of all ways of a pair; in each round, every way has one."""
    results, order = [], random.Random(0)
    args.steps = args.steps or PAIRS[pair].steps
    for process in range(args.processes):
        for way in order.sample(ways, len(ways)):
            one = Measured(pair, way, process, *in_process("time", way, path, args))
            results.append(one)
            print_progress(
                f"{pair}, process {process + 1} of {args.processes}, "
                f"{way.variant} with {way.options}: {one.ratio:.3f}"
            )
    return results


# Output.


def print_progress(line: str) -> None:
    """Print a line to stderr."""
    print(line, file=sys.stderr, flush=True)


def machine(args: argparse.Namespace) -> str:
    """Hardware, versions, threads and settings in one line."""
    names = Path("/proc/cpuinfo").read_text().split("model name\t: ")[1:]
    cpu = names[0].split("\n")[0] if names else platform.machine()
    hardware = f"{cpu} ({cpu_kind()}), {os.cpu_count()} cores"
    if args.device.startswith("cuda"):
        hardware = f"{torch.cuda.get_device_name()} ({hardware})"
    spin = os.environ.get("GOMP_SPINCOUNT", "not set")
    return (
        f"{hardware}, load {os.getloadavg()[0]:.2f}; torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, GOMP_SPINCOUNT {spin}; "
        f"{args.size}x{args.size}, batch {args.batch}, {args.workers} workers, "
        f"{args.processes} processes of {args.repeats} repeats"
    )


def table(*heads: str) -> list[str]:
    """The head of a Markdown table."""
    return [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]


class Estimate(NamedTuple):
    """A ratio: mean over the processes, 95 % interval, spread between processes."""

    ratio: float
    low: float
    high: float
    deviation: float  # standard deviation between processes, of the logarithm


def estimate(ratios: Sequence[float]) -> Estimate:
    """Geometric mean of ratios, with Student's 95 % interval over the processes."""
    logs = [math.log(each) for each in ratios]
    middle, deviation = statistics.mean(logs), statistics.stdev(logs)
    half = stdtrit(len(logs) - 1, 0.975) * deviation / math.sqrt(len(logs))
    ratio, low, high = (math.exp(middle + sign * half) for sign in (0, -1, 1))
    return Estimate(ratio, low, high, deviation)


def resolution(results: list[list[Measured]]) -> float:
    """Smallest difference of two ways that their 95 % interval would tell, as a share.

    From the spread between the processes of a way, pooled over all ways.

    Args:
        results: The processes of each way.
    """
    squares = [estimate([m.ratio for m in each]).deviation ** 2 for each in results]
    processes = len(results[0])
    degrees = len(results) * (processes - 1)
    spread = math.sqrt(statistics.mean(squares))
    return math.expm1(stdtrit(degrees, 0.975) * spread * math.sqrt(2 / processes))


def rows_of(results: list[Measured], over: str, under: str) -> list[str]:
    """A row per set of options: a variant to the reference, or to another variant."""
    rows = []
    for pair, options in dict.fromkeys((m.pair, m.way.options) for m in results):
        both = [
            {m.process: m.ratio for m in results if m[:2] == (pair, Way(name, options))}
            for name in (over, under)
        ]
        if not both[0] or (under and not both[1]):
            continue
        ratios = [both[0][p] / (both[1][p] if under else 1) for p in both[0]]
        one = estimate(ratios)
        to = under or "plain, float32"
        rows.append(
            f"| {pair} | {over} / {to} | {options} | {one.ratio:.3f} | "
            f"{one.low:.3f} to {one.high:.3f} | {one.deviation:.1%} |"
        )
    return rows


def report(results: list[Measured], peaks: dict[tuple[str, Way], float]) -> str:
    """The tables of all measurements."""
    heads = ("pair", "step", "options", "ratio", "95 % interval", "between processes")
    lines = table(*heads)
    pairs = [("online", "floor"), *(("online", name) for name in PEERS)]
    for over, under in [*((v, "") for v in (*VARIANTS, *PEERS)), *pairs]:
        lines += rows_of(results, over, under)
    ways = dict.fromkeys((m.pair, m.way) for m in results)
    grouped = [[m for m in results if m[:2] == each] for each in ways]
    seconds = statistics.median(s for m in results for s in m.reference)
    lines += [
        "",
        f"The reference takes {seconds:.3f} s (median). Two ways whose ratios differ "
        f"by less than {resolution(grouped):.1%} cannot be told from another.",
        "",
        *table("pair", "variant", "options", "peak memory, MiB"),
    ]
    lines += [f"| {p} | {w[0]} | {w[1]} | {peaks[p, w]:,.0f} |" for p, w in peaks]
    return "\n".join(lines)


def ways_of(args: argparse.Namespace) -> list[Way]:
    """The ways to measure, without those that are the same as another."""
    ways = [Way(v, o) for v in args.variants for o in args.options]
    kept = [w for w in ways if w.options == "none" or w.chosen]
    # The floor is what the host itself could do: without options, and with amp.
    return [w for w in kept if w.variant != "floor" or w.options in ("none", "amp")]


def measure(args: argparse.Namespace) -> None:
    """Measure all pairs, then print the tables."""
    if missing := [name for name in args.variants if not is_at_hand(name)]:
        raise SystemExit(
            f"--variants {' '.join(missing)}: not on the path; "
            "benchmarks/peers/mmseg_steps.py says how to put it there"
        )
    results: list[Measured] = []
    peaks: dict[tuple[str, Way], float] = {}
    described, ways = machine(args), ways_of(args)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        size = (args.size, args.size)
        draw_pond(root, frames=FRAMES, size=size, progress=False)
        for pair in args.pairs:
            print_progress(f"{pair}: build the cache")
            path = write_config(PAIRS[pair], root, args)
            with redirect_stdout(sys.stderr):
                build_teacher_cache(path, args.batch, args.device)
            results += measured(pair, path, ways, args)
            for way in ways:
                if way.options in ("none", "all"):
                    peaks[pair, way] = in_process("memory", way, path, args)
    if args.out:
        rows = [{**m._asdict(), "way": m.way._asdict()} for m in results]
        args.out.parent.mkdir(parents=True, exist_ok=True)
        about = {"machine": described, "cpu_kind": cpu_kind(), "measured": rows}
        args.out.write_text(json.dumps(about, indent=1), encoding="utf-8")
    print(described, report(results, peaks), sep="\n\n")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print; in a child process, only one way."""
    args = parse_args(argv)
    init_default_scope("mmseg")
    MMLogger.get_instance("distill_step", log_level="WARNING")  # no line per weight
    cv2.setNumThreads(0)  # as in env_cfg of the configs
    torch.backends.cudnn.benchmark = True
    if args.time_of or args.memory_of:
        print(json.dumps(of_one_way(args)))
    else:
        measure(args)


if __name__ == "__main__":
    main()

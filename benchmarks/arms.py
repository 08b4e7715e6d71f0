"""What each way to distil brings: the same student, schedule and frames, several seeds.

    python benchmarks/arms.py camvid --jobs 2      # see configs/study/README.md
    python benchmarks/arms.py farm --jobs 2

Every arm runs once at each learning rate with seed 0; the one with the best figure on
the validation part is then run with the other seeds, and all seeds are tested. What is
finished is kept, so a call can be interrupted and made again.
"""

import argparse
import contextlib
import json
import math
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

RESULT = "result.json"
LOSS = "model.distill_loss"
HEAD = "model.student.decode_head"
RECORD = {f"{LOSS}.label_loss": "focal", f"{LOSS}.modulate": "kd"}
POSITIONAL = {f"{HEAD}.type": "PositionalSegformerHead"}
KL = {"type": "KLDLoss"}
CWD = {"type": "CWDLoss", "temperature": 4.0, "weight": 3.0}
DIST = {"type": "DISTLoss"}
# Only the labelled frames of a table by hide_labels.py, and the teacher that saw them.
FRAMES = "train_dataloader.dataset.dataset"
FEW = {f"{FRAMES}.split_table": "few.csv", f"{FRAMES}.unlabelled": "skip"}
FEW_TAUGHT = {
    "model.teacher_checkpoint": "work_dirs/study_{0}_few_b1/weights_*_best.safetensors",
    "teacher_cache.dir": "work_dirs/teacher_cache/study_{0}_few",
    "teacher_cache.views": 16,
}
# Student's t, 97.5 %, by degrees of freedom.
T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


class Arm(NamedTuple):
    """One way to train the student."""

    config: str
    options: dict[str, Any]


ARMS = {
    "plain": Arm("plain", {}),
    "plain, focal": Arm("plain", {"model.decode_head.loss_decode.gamma": 2.0}),
    "KL": Arm("kd", {}),
    "KL, T fitted": Arm("kd", {f"{LOSS}.temperature": "fitted"}),
    "0616": Arm("kd", RECORD),
    "0621": Arm("kd", RECORD | POSITIONAL | {f"{HEAD}.ratio": 1.0}),
    "0627": Arm("kd", RECORD | POSITIONAL | {f"{HEAD}.ratio": 0.01}),
    "CWD": Arm("kd", {f"{LOSS}.terms": [CWD]}),
    "DIST": Arm("kd", {f"{LOSS}.terms": [DIST]}),
    "KL + CWD": Arm("kd", {f"{LOSS}.terms": [KL, CWD]}),
    "plain, few": Arm("plain", FEW),
    "KL, few": Arm("kd", FEW | FEW_TAUGHT),
    "KL, few + unlabelled": Arm("unlabelled", {}),
}


RECORDED = ["0616", "0621", "0627"]
MAIN = {
    "camvid": ["plain", "plain, focal", "KL", *RECORDED, "CWD", "DIST", "KL + CWD"],
    "farm": ["plain", "KL", "KL, T fitted", *RECORDED, "CWD", "KL + CWD"],
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=("camvid", "farm"))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=None)
    parser.add_argument("--rates", nargs="+", type=float, default=(1e-3, 3e-3))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--out", type=Path, default=Path("work_dirs/study"))
    parser.add_argument(
        "--jobs", type=int, default=1, help="runs at once, 1 thread each"
    )
    parser.add_argument("--name", default="", help="added to the arms' names")
    parser.add_argument(
        "--option", nargs="+", default=(), help="KEY=VALUE for every arm"
    )
    args = parser.parse_args()
    if args.option and not args.name:
        parser.error("--option makes other arms: tell them apart by --name")
    if not 1 <= args.seeds <= 1 + len(T_975):
        parser.error(f"--seeds must lie in [1, {1 + len(T_975)}]")
    return args


class Cell(NamedTuple):
    """One run."""

    arm: str
    rate: float
    seed: int
    dataset: str
    iterations: int
    folder: Path
    options: dict[str, Any]


def cell(args: argparse.Namespace, arm: str, rate: float, seed: int) -> Cell:
    """The run of an arm at a learning rate."""
    name = f"{arm}{args.name}".replace(" ", "_").replace(",", "").replace("+", "and")
    name = f"{name}_{args.iterations}it_lr{rate:g}_seed{seed}"
    folder = args.out / args.dataset / name
    pairs = (option.partition("=") for option in args.option)
    options = {key: json.loads(value) for key, _, value in pairs}
    return Cell(arm, rate, seed, args.dataset, args.iterations, folder, options)


def run(job: Cell) -> dict[str, Any]:
    """Train and test one cell, unless that was done before."""
    done = job.folder / RESULT
    if not done.is_file():
        job.folder.mkdir(parents=True, exist_ok=True)
        log = (job.folder / "printed.log").open("w")
        with log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            done.write_text(json.dumps(_run(job), indent=1))
    return json.loads(done.read_text())


def _run(job: Cell) -> dict[str, Any]:
    import torch

    from mmseg_splashkd.runs.test import evaluate
    from mmseg_splashkd.runs.train import train

    torch.set_num_threads(1)
    arm = ARMS[job.arm]
    config = f"configs/study/study_{job.dataset}_b0{CONFIGS[arm.config]}.py"
    warm_up = max(1, job.iterations // 10)
    options = {
        "randomness.seed": job.seed,
        "optim_wrapper.optimizer.lr": job.rate,
        "train_cfg.max_iters": job.iterations,
        "train_cfg.val_interval": job.iterations,
        "default_hooks.checkpoint.interval": job.iterations,
        "param_scheduler.0.end": warm_up,
        "param_scheduler.1.begin": warm_up,
        "param_scheduler.1.end": job.iterations,
        **arm.options,
        **job.options,
    }
    options = {
        key: value.format(job.dataset) if isinstance(value, str) else value
        for key, value in options.items()
    }
    begin = time.perf_counter()
    work_dir = train(config, job.folder / f"run_{os.getpid()}", cfg_options=options)
    seconds = time.perf_counter() - begin
    (weights,) = work_dir.glob("weights_*_last.safetensors")
    figures = {
        "test": evaluate(
            config, weights, work_dir=job.folder / "test", cfg_options=options
        ),
        "val": _last_validation(work_dir),
    }
    return {**figures, "seconds": seconds, "rate": job.rate, "seed": job.seed}


CONFIGS = {"plain": "", "kd": "_kd", "unlabelled": "_kd_unlabelled"}


def _last_validation(work_dir: Path) -> dict[str, float]:
    (log,) = work_dir.glob("2*/vis_data/scalars.json")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return next(line for line in reversed(lines) if "mIoU" in line)


def run_all(jobs: list[Cell], processes: int) -> Iterator[dict[str, Any]]:
    """Run cells, several at once, and say where it is."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, max_tasks_per_child=1) as pool:
        for job, result in zip(jobs, pool.map(run, jobs), strict=True):
            print(f"{time.strftime('%H:%M:%S')}  {job.folder.name}", flush=True)
            yield result


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval (Student's t over seeds)."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, math.nan
    spread = statistics.stdev(values) / math.sqrt(len(values))
    return mean, T_975[len(values) - 2] * spread


def main() -> None:
    """Tune, repeat, print."""
    args = parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    figure = {"camvid": "mIoU", "farm": "Dice.splash"}[args.dataset]
    arms = args.arms or MAIN[args.dataset]
    tried: dict[str, dict[float, dict]] = {arm: {} for arm in arms}
    jobs = [cell(args, arm, rate, 0) for arm, rate in product(arms, args.rates)]
    for job, result in zip(jobs, run_all(jobs, args.jobs), strict=True):
        tried[job.arm][job.rate] = result
    best = {
        arm: max(tried[arm], key=lambda rate: tried[arm][rate]["val"][figure])
        for arm in arms
    }
    results = {arm: [tried[arm][best[arm]]] for arm in arms}
    seeds = range(1, args.seeds)
    jobs = [cell(args, arm, best[arm], seed) for seed, arm in product(seeds, arms)]
    for job, result in zip(jobs, run_all(jobs, args.jobs), strict=True):
        results[job.arm].append(result)
    print(f"| arm | lr | {figure}, test, mean and 95 % interval | a seed each | s |")
    print("|---|---|---|---|---|")
    for arm in arms:
        values = [result["test"][figure] for result in results[arm]]
        mean, half = interval(values)
        each = ", ".join(f"{value:.1f}" for value in values)
        seconds = statistics.median(result["seconds"] for result in results[arm])
        print(
            f"| {arm}{args.name} | {best[arm]:g} | {mean:.1f} +- {half:.1f} | {each} | "
            f"{seconds:.0f} |"
        )


if __name__ == "__main__":
    main()

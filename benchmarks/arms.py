"""Compare distillation losses: one student, schedule and data set, several seeds.

    python benchmarks/arms.py camvid --jobs 2      # see configs/study/README.md
    python benchmarks/arms.py farm --jobs 2

Every arm is trained once at each learning rate with seed 0. The learning rate with the
best score on the validation part is used for the other seeds, and all seeds are tested.
Finished runs are kept, so an interrupted command can be repeated.
"""

import argparse
import contextlib
import json
import math
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from scipy.special import stdtrit

RESULT = "result.json"
LOSS = "model.distill_loss"
HEAD = "model.student.decode_head"
FOCAL_MODULATED = {f"{LOSS}.label_loss": "focal", f"{LOSS}.modulate": "kd"}
POSITIONAL = {f"{HEAD}.type": "PositionalSegformerHead"}
KL = {"type": "KLDLoss"}
CWD = {"type": "CWDLoss", "temperature": 4.0, "weight": 3.0}
DIST = {"type": "DISTLoss"}
# Only the labelled frames of a table by hide_labels.py, and the teacher of those.
FRAMES = "train_dataloader.dataset.dataset"
FEW = {f"{FRAMES}.split_table": "few.csv", f"{FRAMES}.unlabelled": "skip"}
FEW_TEACHER = {
    "model.teacher_checkpoint": "work_dirs/study_{0}_few_b1/weights_*_best.safetensors",
    "teacher_cache.dir": "work_dirs/teacher_cache/study_{0}_few",
    "teacher_cache.views": 16,
}


class Arm(NamedTuple):
    """One training recipe of the student: kind of config, and its options."""

    config: str
    options: dict[str, Any]


ARMS = {
    "plain": Arm("plain", {}),
    "plain, focal": Arm("plain", {"model.decode_head.loss_decode.gamma": 2.0}),
    "KL": Arm("kd", {}),
    "KL, T fitted": Arm("kd", {f"{LOSS}.temperature": "fitted"}),
    "0616": Arm("kd", FOCAL_MODULATED),
    "0621": Arm("kd", FOCAL_MODULATED | POSITIONAL | {f"{HEAD}.ratio": 1.0}),
    "0627": Arm("kd", FOCAL_MODULATED | POSITIONAL | {f"{HEAD}.ratio": 0.01}),
    "CWD": Arm("kd", {f"{LOSS}.terms": [CWD]}),
    "DIST": Arm("kd", {f"{LOSS}.terms": [DIST]}),
    "KL + CWD": Arm("kd", {f"{LOSS}.terms": [KL, CWD]}),
    "plain, few": Arm("plain", FEW),
    "KL, few": Arm("kd", FEW | FEW_TEACHER),
    "KL, few + unlabelled": Arm("unlabelled", {}),
}


ORIGINAL = ["0616", "0621", "0627"]
MAIN = {
    "camvid": ["plain", "plain, focal", "KL", *ORIGINAL, "CWD", "DIST", "KL + CWD"],
    "farm": ["plain", "KL", "KL, T fitted", *ORIGINAL, "CWD", "KL + CWD"],
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", choices=("camvid", "farm"))
    parser.add_argument(
        "--arms",
        nargs="+",
        choices=ARMS,
        default=None,
        help="arms to train (default: those of configs/study/README.md)",
    )
    parser.add_argument(
        "--rates",
        nargs="+",
        type=float,
        default=(1e-3, 3e-3),
        help="learning rates to choose from (default: 1e-3 3e-3)",
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="seeds per arm, from 0 (default: 3)"
    )
    parser.add_argument(
        "--iterations", type=int, default=150, help="training steps (default: 150)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("work_dirs/study"),
        help="folder of the runs (default: work_dirs/study)",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        help="parallel runs, with one thread each (default: 1)",
    )
    parser.add_argument(
        "--name", default="", help="suffix of the arms' names (default: none)"
    )
    parser.add_argument(
        "--option",
        nargs="+",
        default=(),
        metavar="KEY=VALUE",
        help="config keys for every arm, values in JSON",
    )
    args = parser.parse_args(argv)
    if args.option and not args.name:
        parser.error("--option changes the arms: add --name to keep their runs apart")
    if args.seeds < 1:
        parser.error(f"--seeds must be at least 1, got {args.seeds}")
    return args


class Run(NamedTuple):
    """One training run."""

    arm: str
    rate: float
    seed: int
    dataset: str
    iterations: int
    folder: Path
    options: dict[str, Any]


def run_of(args: argparse.Namespace, arm: str, rate: float, seed: int) -> Run:
    """The run of an arm at a learning rate."""
    name = f"{arm}{args.name}".replace(" ", "_").replace(",", "").replace("+", "and")
    name = f"{name}_{args.iterations}it_lr{rate:g}_seed{seed}"
    folder = args.out / args.dataset / name
    pairs = (option.partition("=") for option in args.option)
    options = {key: json.loads(value) for key, _, value in pairs}
    return Run(arm, rate, seed, args.dataset, args.iterations, folder, options)


def result_of(job: Run) -> dict[str, Any]:
    """Train and test, or read the result if the run is finished."""
    from mmseg_splashkd.files import write_whole

    done = job.folder / RESULT
    if not done.is_file():
        job.folder.mkdir(parents=True, exist_ok=True)
        log = (job.folder / "printed.log").open("w")
        with log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            write_whole(done, json.dumps(_train_and_test(job), indent=1))
    return json.loads(done.read_text())


def _train_and_test(job: Run) -> dict[str, Any]:
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


def results_of(jobs: list[Run], processes: int) -> Iterator[dict[str, Any]]:
    """Results of runs, executed in parallel; prints each finished run."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, max_tasks_per_child=1) as pool:
        for job, result in zip(jobs, pool.map(result_of, jobs), strict=True):
            print(f"{time.strftime('%H:%M:%S')}  {job.folder.name}", flush=True)
            yield result


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half-width of its 95 % confidence interval (Student's t over seeds)."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, math.nan
    spread = statistics.stdev(values) / math.sqrt(len(values))
    return mean, float(stdtrit(len(values) - 1, 0.975)) * spread


def main(argv: Sequence[str] | None = None) -> None:
    """Choose learning rates, train all seeds, print a table."""
    args = parse_args(argv)
    os.environ["OMP_NUM_THREADS"] = "1"
    metric = {"camvid": "mIoU", "farm": "Dice.splash"}[args.dataset]
    arms = args.arms or MAIN[args.dataset]
    by_rate: dict[str, dict[float, dict]] = {arm: {} for arm in arms}
    jobs = [run_of(args, arm, rate, 0) for arm, rate in product(arms, args.rates)]
    for job, result in zip(jobs, results_of(jobs, args.jobs), strict=True):
        by_rate[job.arm][job.rate] = result
    best = {
        arm: max(by_rate[arm], key=lambda rate: by_rate[arm][rate]["val"][metric])
        for arm in arms
    }
    results = {arm: [by_rate[arm][best[arm]]] for arm in arms}
    seeds = range(1, args.seeds)
    jobs = [run_of(args, arm, best[arm], seed) for seed, arm in product(seeds, arms)]
    for job, result in zip(jobs, results_of(jobs, args.jobs), strict=True):
        results[job.arm].append(result)
    print(f"| arm | lr | {metric}, test, mean and 95 % interval | per seed | s |")
    print("|---|---|---|---|---|")
    for arm in arms:
        values = [result["test"][metric] for result in results[arm]]
        mean, half = interval(values)
        each = ", ".join(f"{value:.1f}" for value in values)
        seconds = statistics.median(result["seconds"] for result in results[arm])
        print(
            f"| {arm}{args.name} | {best[arm]:g} | {mean:.1f} +- {half:.1f} | {each} | "
            f"{seconds:.0f} |"
        )


if __name__ == "__main__":
    main()

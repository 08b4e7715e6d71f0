"""Compare distillation losses: one student, schedule and data set, several seeds.

    python benchmarks/arms.py camvid --jobs 2      # see configs/study/README.md
    python benchmarks/arms.py farm --jobs 2

Every arm is trained once at each learning rate with seed 0. The learning rate with the
best score on the validation part is used for the other seeds, and all seeds are tested.
Finished runs are kept, so an interrupted command can be repeated.
"""

import argparse
import json
import math
import statistics
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from scipy.special import stdtrit
from study_runs import StudyRun, results_of

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


def run_of(args: argparse.Namespace, arm: str, rate: float, seed: int) -> StudyRun:
    """The run of an arm at a learning rate."""
    name = f"{arm}{args.name}".replace(" ", "_").replace(",", "").replace("+", "and")
    name = f"{name}_{args.iterations}it_lr{rate:g}_seed{seed}"
    kind = ARMS[arm]
    pairs = (option.partition("=") for option in args.option)
    warm_up = max(1, args.iterations // 10)
    options = {
        "randomness.seed": seed,
        "optim_wrapper.optimizer.lr": rate,
        "train_cfg.max_iters": args.iterations,
        "train_cfg.val_interval": args.iterations,
        "default_hooks.checkpoint.interval": args.iterations,
        "param_scheduler.0.end": warm_up,
        "param_scheduler.1.begin": warm_up,
        "param_scheduler.1.end": args.iterations,
        **kind.options,
        **{key: json.loads(value) for key, _, value in pairs},
    }
    options = {
        key: value.format(args.dataset) if isinstance(value, str) else value
        for key, value in options.items()
    }
    config = f"configs/study/study_{args.dataset}_b0{CONFIGS[kind.config]}.py"
    folder = args.out / args.dataset / name
    return StudyRun(folder, config, options, METRICS[args.dataset])


CONFIGS = {"plain": "", "kd": "_kd", "unlabelled": "_kd_unlabelled"}
METRICS = {"camvid": "mIoU", "farm": "Dice.splash"}


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
    metric = METRICS[args.dataset]
    arms = args.arms or MAIN[args.dataset]
    by_rate: dict[str, dict[float, dict]] = {arm: {} for arm in arms}
    tried = [(arm, rate) for arm in arms for rate in args.rates]
    runs = [run_of(args, arm, rate, 0) for arm, rate in tried]
    for (arm, rate), result in zip(tried, results_of(runs, args.jobs), strict=True):
        by_rate[arm][rate] = result
    best = {
        arm: max(by_rate[arm], key=lambda rate: by_rate[arm][rate]["val"][metric])
        for arm in arms
    }
    results = {arm: [by_rate[arm][best[arm]]] for arm in arms}
    left = list(product(range(1, args.seeds), arms))
    runs = [run_of(args, arm, best[arm], seed) for seed, arm in left]
    for (_, arm), result in zip(left, results_of(runs, args.jobs), strict=True):
        results[arm].append(result)
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

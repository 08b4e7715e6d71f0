"""Measure the resident memory of a training run: does it grow?

    python benchmarks/memory.py

``tools/train.py`` distils a tiny student, as a user would. The memory of its process
and of its data-loading workers is sampled from outside, and given after every
validation. The exit status is 1 if one differs from the second by more than
``--tolerance``. Linux only.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from short_runs import short

ROOT = Path(__file__).resolve().parents[1]
TEACHER = ROOT / "configs" / "demo" / "segformer_b1_pond.py"
STUDENT = ROOT / "configs" / "demo" / "segformer_b0_kd_pe001_pond.py"
PAUSE = 0.2  # seconds between samples
MIB = 2**20
SETTLED = 1  # index of the validation from which memory must be flat


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000, help="default: 2000")
    parser.add_argument("--validations", type=int, default=20, help="default: 20")
    parser.add_argument("--tolerance", type=float, default=2.0, help="percent")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/memory"))
    args = parser.parse_args(argv)
    if args.validations < 2 or args.steps < args.validations:
        parser.error("--validations must be at least 2, and at most --steps")
    return args


def command(config: Path, folder: Path, options: dict[str, Any]) -> list[str]:
    """The command that trains a config with options."""
    words = [f"{key}={value}".replace(" ", "") for key, value in options.items()]
    train = [sys.executable, "tools/train.py", str(config), "--work-dir", str(folder)]
    return [*train, "--cfg-options", *words]


def resident(pid: int) -> float:
    """MiB of a process and its children; what they share is counted in each."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    own = pages * os.sysconf("SC_PAGE_SIZE") / MIB
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(n) for t in tasks for n in (t / "children").read_text().split()]
    return own + sum(resident(child) for child in children)


def validations(folder: Path) -> int:
    """Number of validations that the log of a run holds."""
    logs = folder.glob("*/vis_data/scalars.json")
    lines = [line for log in logs for line in log.read_text("utf-8").splitlines()]
    return sum("mIoU" in line for line in lines)


def sampled(words: list[str], folder: Path, count: int) -> list[float]:
    """Median MiB after each validation of a run.

    Raises:
        RuntimeError: The run failed.
    """
    samples: list[list[float]] = [[] for _ in range(count + 1)]
    with (folder.parent / f"{folder.name}.log").open("w") as log:
        process = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log)
        while process.poll() is None:
            try:
                samples[validations(folder)].append(resident(process.pid))
            except (OSError, ValueError):  # a process or file that comes or goes
                continue
            finally:
                time.sleep(PAUSE)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} failed: see {log.name}")
    return [statistics.median(each) for each in samples[1:] if each]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table, and return the exit status."""
    args = parse_args(argv)
    from mmseg_splashkd.datasets.synthetic import draw_pond

    out = args.out.resolve()
    if out.exists():
        raise SystemExit(f"--out {out} exists: remove it, or name another folder")
    draw_pond(out / "pond", frames=31, size=(64, 80), progress=False)
    first = short(out / "pond", "model", iterations=2)
    sampled(command(TEACHER, out / "teacher", first), out / "teacher", 1)
    (weights,) = (out / "teacher").glob("weights_*_last.safetensors")
    every = args.steps // args.validations
    models = ("model.student", "model.teacher")
    options = short(out / "pond", *models, iterations=args.steps, every=every)
    options |= {"default_hooks.checkpoint.interval": every}
    options |= {"model.teacher_checkpoint": str(weights)}
    words = command(STUDENT, out / "student", options)
    memory = sampled(words, out / "student", args.validations)
    print("| validation | MiB |\n|---|---|")
    for number, value in enumerate(memory, 1):
        print(f"| {number} | {value:.1f} |")
    flat = memory[SETTLED:]
    drift = max((abs(value / flat[0] - 1) for value in flat), default=0.0)
    last = flat[-1] / flat[0] - 1
    print(
        f"\n{args.steps} steps, {args.validations} validations: {min(flat):.1f} to "
        f"{max(flat):.1f} MiB from validation {SETTLED + 1} on, the last "
        f"{100 * last:+.2f} %, at most {100 * drift:.2f} % away"
    )
    return int(100 * drift > args.tolerance)


if __name__ == "__main__":
    sys.exit(main())

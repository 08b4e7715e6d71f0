"""A training run that is made once, however often it is killed on the way."""

import re
from pathlib import Path
from typing import Any

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.records.run_file import read_run
from mmseg_splashkd.runs.train import train

FINISHED = "finished"
LAST = "last_checkpoint"
LEFT = (LAST, "iter_*.pth", "best_*.pth", "weights_*.safetensors", "scores/*.npz")
BEGUN = re.compile(r"iter_(\d+)\.pth")


def is_trained(work_dir: Path) -> bool:
    """Whether the run of a folder came to its end."""
    run = read_run(work_dir)
    return run is not None and run["how"] == FINISHED


def train_once(
    config: str, work_dir: Path, name: str, options: dict[str, Any], iterations: int
) -> None:
    """Train, go on with what was interrupted, or do nothing if it is done.

    Args:
        config: Config file.
        work_dir: Of the run.
        name: Of the run.
        options: ``--cfg-options``.
        iterations: Of the whole run.
    """
    if is_trained(work_dir):
        return
    resume = can_resume(work_dir, iterations)
    if not resume:
        _clear(work_dir)
    train(config, work_dir, resume=resume, cfg_options=options, name=name)


def _clear(work_dir: Path) -> None:
    """Remove what a run left that cannot be gone on with, but for its logs."""
    for pattern in LEFT:
        for path in work_dir.glob(pattern):
            path.unlink()


def can_resume(work_dir: Path, iterations: int) -> bool:
    """Whether a run left a whole checkpoint from before its end.

    One that was killed while it wrote has a damaged checkpoint or none. One that was
    killed in its last validation has nothing left to train, and no scores: it begins
    anew.
    """
    pointer = work_dir / LAST
    if not pointer.is_file():
        return False
    path = Path(pointer.read_text().strip())
    found = BEGUN.fullmatch(path.name)
    if not found or int(found[1]) >= iterations or not path.is_file():
        return False
    try:
        return "optimizer" in read_checkpoint(path)
    except ValueError:
        return False

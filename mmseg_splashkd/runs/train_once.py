"""A training run that is completed exactly once, however often it is interrupted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.records.record import FINISHED
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.records.traces import CHECKPOINTS, resumable
from mmseg_splashkd.runs.train import train

# Of the last iteration: the best ones are selected on the validation frames.
WEIGHTS = "weights_*_last.safetensors"
OUTPUTS = (*CHECKPOINTS, "weights_*.safetensors", "scores/*.npz")


def is_trained(work_dir: Path) -> bool:
    """Whether the training run of a folder is finished."""
    record = read_record(work_dir)
    return record is not None and record.status == FINISHED


def train_once(
    config: str, work_dir: Path, name: str, options: Mapping[str, Any]
) -> None:
    """Train, resume an interrupted run, or do nothing if it is finished.

    Args:
        config: Config file.
        work_dir: Work directory of the run.
        name: Name of the run.
        options: Dotted config keys to override.
    """
    if is_trained(work_dir):
        return
    given = dict(options)
    loop = read_config(config, given).get("train_cfg") or {}
    resume = can_resume(work_dir, loop.get("max_iters"))
    if not resume:  # outputs of an interrupted run, except its logs
        for path in (path for each in OUTPUTS for path in work_dir.glob(each)):
            path.unlink()
    train(
        config,
        work_dir,
        resume=resume,
        cfg_options=given,
        name=name,
        restart=not resume,
    )


def can_resume(work_dir: Path, iterations: int | None) -> bool:
    """Whether a run left a complete checkpoint of one of its iterations.

    Args:
        work_dir: Folder of the run.
        iterations: Its last iteration; None, as of a loop of epochs: as recorded.
    """
    path, record = resumable(work_dir), read_record(work_dir)
    last = iterations or (record and record.iterations)
    if path is None or not last:
        return False
    reached = read_checkpoint(path, own=True)["meta"].get("iter")
    return reached is not None and reached <= last

"""One teacher per fold, trained once and shared by all sweeps."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.runs.train_once import WEIGHTS, is_trained, train_once
from mmseg_splashkd.sweep.folds import tables_of, tables_sha256
from mmseg_splashkd.sweep.job import Job
from mmseg_splashkd.sweep.keys import config_sha256
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.variants import fitting

ROOT = Path("work_dirs") / "teachers"


@dataclass(frozen=True)
class TeacherJob(Job):
    """Training of the teacher of a fold, shared by all sweeps that need it.

    Args:
        config: Config file of the teacher.
        options: Dotted config keys to override.
        folder: Work directory of the teacher.
        name: Name of the run.
    """

    name: str

    @property
    def weights(self) -> str:
        """Pattern of the file of the last weights."""
        return str(self.folder / WEIGHTS)

    def result(self) -> float | None:
        """NaN, because it has no metric, if the teacher is trained, else None."""
        return math.nan if is_trained(self.folder) else None

    def work(self) -> Iterator[str]:
        """Train the teacher."""
        yield "trains"
        train_once(self.config, self.folder, self.name, self.options)


def teacher_job(spec: SweepSpec, fold: int | None) -> TeacherJob:
    """The teacher that a sweep trains for a fold.

    The name of its folder contains a hash of everything it depends on: config, options
    and split table.
    """
    assert spec.teacher is not None
    options = fitting(spec.teacher, spec.cfg_options)
    if fold is not None:
        options["fold"] = fold
    cfg = read_config(spec.teacher, options)
    stem = Path(spec.teacher).stem
    where = "whole" if fold is None else f"fold{fold}"
    folder = ROOT / f"{stem}_{teacher_key(cfg)}" / where
    name = f"{stem}_{date.today():%m%d}" + ("" if fold is None else f"_fold{fold}")
    return TeacherJob(spec.teacher, options, folder, name)


def teacher_key(cfg: Config) -> str:
    """Hash of everything but the fold that a teacher depends on, 8 hex digits."""
    cfg = Config(cfg.to_dict())
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        _remove_fold(cfg.get(loader))
    parts = [config_sha256(cfg), tables_sha256(tables_of(cfg))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]


def _remove_fold(node: Any) -> None:
    if isinstance(node, dict):
        if is_a(node, TimeSplitDataset):
            node.pop("fold", None)
        for child in node.values():
            _remove_fold(child)


def given_teacher(spec: SweepSpec, fold: int | None) -> str | None:
    """``--teacher-checkpoint`` for a fold; None: as set in the config."""
    if spec.teacher_checkpoint is None:
        return None
    return spec.teacher_checkpoint.replace("{fold}", str(fold))


def check_given_teachers(spec: SweepSpec) -> None:
    """Find the teachers of ``--teacher-checkpoint`` for all folds.

    Raises:
        FileNotFoundError: The teacher of a fold does not exist.
        ValueError: Several files match, or all folds would share one teacher.
    """
    pattern = spec.teacher_checkpoint
    if pattern is None:
        return
    if spec.folds and "{fold}" not in pattern:
        raise ValueError(
            f"--teacher-checkpoint {pattern} is one teacher for {spec.folds} folds, so "
            f"it was trained on frames that some of them hold out: use {{fold}} in the "
            f"pattern, such as work_dirs/teacher_fold{{fold}}/{WEIGHTS}"
        )
    for fold in range(spec.folds or 1):
        find_checkpoint(pattern.replace("{fold}", str(fold)), "--teacher-checkpoint")

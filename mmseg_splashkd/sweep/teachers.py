"""A teacher a fold, trained once for all sweeps."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.sweep.folds import table_of
from mmseg_splashkd.sweep.keys import fingerprint
from mmseg_splashkd.sweep.locks import locked
from mmseg_splashkd.sweep.plan import fitting
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.train_once import is_trained, train_once

ROOT = Path("work_dirs") / "teachers"
# The best weights were chosen on the very frames that the fold holds out.
WEIGHTS = "weights_*_last.safetensors"


@dataclass(frozen=True)
class TeacherJob:
    """Training the teacher of a fold.

    Args:
        config: Config file.
        options: ``--cfg-options``.
        folder: Work directory; sweeps that need the same teacher share it.
        name: Of the run.
        fold: For people.
        iterations: Of the whole run.
    """

    config: str
    options: Mapping[str, Any] = field(hash=False)
    folder: Path
    name: str
    fold: int | None
    iterations: int

    @property
    def is_done(self) -> bool:
        """Whether it is trained."""
        return is_trained(self.folder)

    @property
    def weights(self) -> str:
        """Pattern of its weights."""
        return str(self.folder / WEIGHTS)

    def __call__(self, report: Callable[[str], object]) -> None:
        """Train it, unless another does or did."""
        what = (
            "the teacher" if self.fold is None else f"the teacher of fold {self.fold}"
        )
        lock = self.folder.with_name(f".{self.folder.name}.lock")
        with locked(lock, lambda: report(f"waits for {what}")):
            report(f"trains {what}")
            train_once(
                self.config, self.folder, self.name, dict(self.options), self.iterations
            )


def teacher_job(spec: SweepSpec, fold: int | None) -> TeacherJob:
    """The teacher that a sweep trains for a fold.

    Its folder is named by a hash of all that it depends on: config, options, table.
    """
    assert spec.teacher is not None
    options = fitting(spec.teacher, spec.cfg_options)
    if fold is not None:
        options["fold"] = fold
    cfg = read_config(spec.teacher, options)
    stem = Path(spec.teacher).stem
    folder = ROOT / f"{stem}_{teacher_key(cfg)}" / _fold_name(fold)
    name = f"{stem}_{date.today():%m%d}" + ("" if fold is None else f"_fold{fold}")
    return TeacherJob(
        spec.teacher, options, folder, name, fold, cfg.train_cfg.max_iters
    )


def _fold_name(fold: int | None) -> str:
    return "whole" if fold is None else f"fold{fold}"


def teacher_key(cfg: Config) -> str:
    """What tells teachers apart but for the fold, 8 hexadecimal digits."""
    cfg = Config(cfg.to_dict())
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        _forget_fold(cfg.get(loader))
    table = table_of(cfg)
    parts = [fingerprint(cfg), file_sha256(table) if table else None]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]


def _forget_fold(node: Any) -> None:
    if isinstance(node, dict):
        if is_a(node, TimeSplitDataset):
            node.pop("fold", None)
        for child in node.values():
            _forget_fold(child)


def teacher_pattern(spec: SweepSpec, fold: int | None) -> str | None:
    """Pattern of the weights of a fold's teacher; None: that of the config."""
    if spec.teacher:
        return teacher_job(spec, fold).weights
    if spec.teacher_checkpoint:
        return spec.teacher_checkpoint.replace("{fold}", str(fold))
    return None


def check_given_teachers(spec: SweepSpec) -> None:
    """Find the given teachers of all folds.

    Raises:
        FileNotFoundError: One is missing.
        ValueError: Several files fit, or all folds would share one.
    """
    pattern = spec.teacher_checkpoint
    if pattern is None:
        return
    if spec.folds and "{fold}" not in pattern:
        raise ValueError(
            f"--teacher-checkpoint {pattern} is one teacher for {spec.folds} folds, "
            f"and has seen what some of them hold out: put {{fold}} in its place, "
            f"such as work_dirs/teacher_fold{{fold}}/weights_*_last.safetensors"
        )
    for fold in range(spec.folds or 1):
        find_checkpoint(pattern.replace("{fold}", str(fold)), "--teacher-checkpoint")

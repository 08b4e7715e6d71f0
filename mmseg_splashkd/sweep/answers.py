"""The answers of a fold's teacher, kept once for all runs that can share them."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.sweep.folds import table_of
from mmseg_splashkd.sweep.locks import locked
from mmseg_splashkd.sweep.plan import Arm
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.teachers import ROOT, teacher_job, teacher_pattern
from mmseg_splashkd.teacher_cache import build_teacher_cache
from mmseg_splashkd.teacher_cache.fingerprint import BUILDS_MODELS, versions

WHOLE = "whole"  # a file that says so


@dataclass(frozen=True)
class AnswersJob:
    """Letting a teacher answer the views that a student's training draws.

    Args:
        config: Config file of a student.
        options: ``--cfg-options``, its teacher and ``teacher_cache`` among them.
        folder: Of the cache.
    """

    config: str
    options: Mapping[str, Any] = field(hash=False)
    folder: Path

    @property
    def is_done(self) -> bool:
        """Whether all answers are there."""
        return (self.folder / WHOLE).is_file()

    def __call__(self, report: Callable[[str], object]) -> None:
        """Build the cache, unless another does or did."""
        lock = self.folder.with_name(f".{self.folder.name}.lock")
        with locked(lock, lambda: report("waits for the teacher's answers")):
            if not self.is_done:
                report("keeps the teacher's answers")
                build_teacher_cache(self.config, cfg_options=dict(self.options))
                (self.folder / WHOLE).touch()


def teacher_options(spec: SweepSpec, arm: Arm, fold: int | None) -> dict[str, Any]:
    """``--cfg-options`` that give an arm its teacher, and its answers, in a fold."""
    if not arm.distils:
        return {}
    pattern = teacher_pattern(spec, fold)
    options: dict[str, Any] = {}
    if pattern:
        options["model.teacher_checkpoint"] = pattern
    cache = dict(arm.cfg.get("teacher_cache") or {})
    if spec.cache_views:
        cache["views"] = spec.cache_views
    if cache and (pattern or spec.cache_views):
        # Logits do for every loss: arms of different losses can read them.
        store = "margin" if cache.get("store") == "margin" else "logits"
        cache |= {"store": store}
        folder = teacher_job(spec, fold).folder if spec.teacher else ROOT
        weights = [] if spec.teacher else _weights(pattern, arm)
        cache["dir"] = str(folder / f"answers_{_key(arm, cache, weights, fold)}")
    if cache:
        options["teacher_cache"] = cache
    return options


def _weights(pattern: str | None, arm: Arm) -> list[str]:
    """Hashes of teachers that others trained."""
    named = [pattern] if pattern else as_list(arm.cfg.model.get("teacher_checkpoint"))
    return [file_sha256(find_checkpoint(name, "teacher_checkpoint")) for name in named]


def _key(
    arm: Arm, cache: Mapping[str, Any], weights: list[str], fold: int | None
) -> str:
    """Hash of what answers depend on, 8 hexadecimal digits."""
    model = arm.cfg.model
    table = table_of(arm.cfg)
    parts = {
        "views": [cache.get("views"), cache.get("view_seed", 0), cache["store"]],
        "frames": [
            arm.cfg.train_dataloader.dataset,
            table and file_sha256(table),
            fold,
        ],
        "weights": weights,
        "model": [model.get(key) for key in ("teacher", "ensemble", "class_mapping")],
        "normalisation": [model.get("data_preprocessor"), model.get("teacher_gate")],
        "student": model.student.get("data_preprocessor"),
        "tested on": [arm.cfg.get("val_dataloader"), arm.cfg.get("val_evaluator")],
        "versions": [versions().get(name) for name in BUILDS_MODELS],
    }
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]

"""One cache of teacher logits for all runs that can share it."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.models.teacher.controls import read_control
from mmseg_splashkd.models.teacher.labels import LABELS
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.sweep.folds import tables_of, tables_sha256
from mmseg_splashkd.sweep.job import Job
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.teachers import ROOT, TeacherJob, given_teacher
from mmseg_splashkd.sweep.variants import Variant
from mmseg_splashkd.teacher_cache import build_teacher_cache
from mmseg_splashkd.teacher_cache.fingerprint import building_packages, versions

COMPLETE = "whole"  # empty file in the folder of a complete cache


@dataclass(frozen=True)
class CacheJob(Job):
    """Computing a teacher's logits for every view that training draws.

    Args:
        config: Config file of a student.
        options: Dotted config keys to override, with teacher and ``teacher_cache``.
        folder: Folder of the cache.
    """

    @property
    def log(self) -> Path:
        """File beside the cache for everything that building prints."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def result(self) -> float | None:
        """NaN, because it has no metric, if the cache is complete, else None."""
        return math.nan if (self.folder / COMPLETE).is_file() else None

    def work(self) -> Iterator[str]:
        """Build the cache; views that are stored already are kept."""
        yield "caches the teacher's logits"
        build_teacher_cache(self.config, cfg_options=dict(self.options))
        (self.folder / COMPLETE).touch()


def teacher_options(
    spec: SweepSpec, variant: Variant, fold: int | None, teacher: TeacherJob | None
) -> dict[str, Any]:
    """``--cfg-options`` that set the teacher of a variant in a fold, and its cache.

    Args:
        spec: Specification of the sweep.
        variant: Variant; one that does not distil, or whose teacher are the labels,
            gets no options, and one with an untrained teacher no weights.
        fold: Fold; None without folds.
        teacher: Teacher that the sweep trains for the fold; None: an existing one.
    """
    if not variant.distills or read_control(variant.cfg.model).kind == LABELS:
        return {}
    pattern = None
    if variant.needs_teacher:
        pattern = teacher.weights if teacher else given_teacher(spec, fold)
    options: dict[str, Any] = {}
    if pattern:
        options["model.teacher_checkpoint"] = pattern
    cache = dict(variant.cfg.get("teacher_cache") or {})
    if spec.cache_views:
        cache["views"] = spec.cache_views
    drawn = not variant.needs_teacher  # one cache for each seed and fold, too
    if cache and (pattern or spec.cache_views or drawn):
        # Every loss can read logits: variants with different losses share a cache.
        cache["store"] = "margin" if cache.get("store") == "margin" else "logits"
        folder = teacher.folder if teacher else ROOT
        weights = [] if teacher else _weights_sha256(pattern, variant)
        key = _cache_key(variant, cache, weights, fold)
        cache["dir"] = str(folder / f"answers_{key}")
    if cache:
        options["teacher_cache"] = cache
    return options


def _weights_sha256(pattern: str | None, variant: Variant) -> list[str]:
    """Hashes of the weights of existing teachers; of an untrained one, its seed."""
    if not variant.needs_teacher:
        return [str(read_control(variant.cfg.model))]
    configured = as_list(variant.cfg.model.get("teacher_checkpoint"))
    patterns = [pattern] if pattern else configured
    return [file_sha256(find_checkpoint(p, "teacher_checkpoint")) for p in patterns]


def _cache_key(
    variant: Variant, cache: Mapping[str, Any], weights: list[str], fold: int | None
) -> str:
    """Hash of everything that cached logits depend on, 8 hexadecimal digits."""
    model = variant.cfg.model
    installed, packages = versions(model.teacher), building_packages(model.teacher)
    parts = {
        "views": [cache.get("views"), cache.get("view_seed", 0), cache["store"]],
        "frames": [
            variant.cfg.train_dataloader.dataset,
            tables_sha256(tables_of(variant.cfg)),
            fold,
        ],
        "weights": weights,
        "model": [model.get(key) for key in ("teacher", "ensemble", "class_mapping")],
        "normalisation": [model.get("data_preprocessor"), model.get("teacher_gate")],
        "student": model.student.get("data_preprocessor"),
        "tested on": [
            variant.cfg.get("val_dataloader"),
            variant.cfg.get("val_evaluator"),
        ],
        "versions": [installed.get(name) for name in packages],
    }
    if model.get("teacher_precision") == "bf16":  # the others compute in float32
        parts["precision"] = "bf16"
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]

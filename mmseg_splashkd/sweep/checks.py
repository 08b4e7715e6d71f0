"""Checks of a sweep before its first run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.config.data_root import check_data_root
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.teacher_overlap import CODE
from mmseg_splashkd.config.types import distills, is_a, reads_teacher
from mmseg_splashkd.evaluation.direction import falls
from mmseg_splashkd.evaluation.operating_point import METRIC
from mmseg_splashkd.hooks.frame_scores_hook import FrameScoresHook
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.sweep.budget import (
    BOTH,
    BUDGETS,
    HIGHEST,
    ONCE,
    RULES,
    STEPS,
    WALL,
)
from mmseg_splashkd.sweep.folds import check_folds, tables_of, tables_sha256
from mmseg_splashkd.sweep.keys import config_sha256, full_key, has_place
from mmseg_splashkd.sweep.spec import RANDOM, TPE, SweepSpec
from mmseg_splashkd.sweep.teachers import check_given_teachers, given_teacher
from mmseg_splashkd.sweep.variants import Variant, as_written, fitting

# Config keys that options of the sweep set -> field of the specification, option.
SET_BY_SWEEP = {
    "fold": ("folds", "--folds"),
    "randomness.seed": ("seeds", "--seeds"),
    "model.teacher_checkpoint": ("teacher", "--teacher"),
}


def complete(spec: SweepSpec) -> SweepSpec:
    """Write keys in full and fill in the metric.

    Raises:
        FileNotFoundError: The config does not exist.
        ValueError: The config has no such key, or options contradict each other.
    """
    _check_values(spec)
    first = read_config(spec.configs[0], fitting(spec.configs[0], spec.cfg_options))
    grid = {full_key(first, key): values for key, values in spec.grid.items()}
    space = {
        full_key(first, key, "--space"): choice for key, choice in spec.space.items()
    }
    metric = spec.metric or _metric(first)
    if metric is None:
        raise ValueError(
            f"{first.filename} selects no best weights by a metric (save_best of its "
            f"checkpoint hook) and has no FrameScoresHook, which adds {METRIC}: give "
            f"one by --metric, such as mIoU"
        )
    return replace(spec, grid=grid, space=space, metric=metric)


def _metric(cfg: Config) -> str | None:
    """The metric that selects the best weights, else that of the operating point."""
    best = _hook(cfg).get("save_best")
    if isinstance(best, str) and best != "auto":
        return best
    hooks = cfg.get("custom_hooks") or []
    return METRIC if any(is_a(hook, FrameScoresHook) for hook in hooks) else None


def _hook(cfg: Config) -> Mapping[str, Any]:
    return (cfg.get("default_hooks") or {}).get("checkpoint") or {}


def _check_values(spec: SweepSpec) -> None:
    for name, least in (("folds", 2), ("seeds", 1), ("cache_views", 1)):
        value = getattr(spec, name)
        if value is not None and value < least:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} {value}: it must be at least {least}")
    _check_budget_options(spec)
    if spec.search is None:
        if spec.space or spec.trials:
            raise ValueError("--space and --trials are for --search random or tpe")
        return
    if spec.search not in (RANDOM, TPE):
        raise ValueError(f"--search must be {RANDOM} or {TPE}, got {spec.search!r}")
    if spec.grid or spec.baseline or len(spec.configs) > 1:
        raise ValueError(
            "--search takes one config and --space KEY=LOW..HIGH, and neither --grid "
            "nor --baseline"
        )
    if not spec.space or not spec.trials or spec.trials < 1:
        raise ValueError(
            "--search needs --space KEY=LOW..HIGH and --trials N, N from 1"
        )


def _check_budget_options(spec: SweepSpec) -> None:
    for name, allowed in (("budget", BUDGETS), ("charge", RULES)):
        if getattr(spec, name) not in allowed:
            value = getattr(spec, name)
            raise ValueError(f"--{name} must be one of {allowed}, got {value!r}")
    if spec.budget == STEPS:
        if spec.charge != ONCE or spec.teacher_seconds is not None:
            raise ValueError(
                f"--charge and --teacher-seconds are for --budget {WALL} or {BOTH}"
            )
        return
    if spec.search:
        raise ValueError(
            f"--budget {spec.budget} compares arms, and a search has one: leave "
            f"--search out, or use --budget {STEPS}"
        )
    seconds = spec.teacher_seconds
    if seconds is not None and not 0 <= seconds <= HIGHEST:
        raise ValueError(
            f"--teacher-seconds {seconds:g}: it must be in [0, {HIGHEST:g}]"
        )


def direction_of(spec: SweepSpec) -> Literal["minimize", "maximize"]:
    """``'minimize'`` or ``'maximize'``, as the config's checkpoint hook decides.

    A ``rule`` of the hook holds for its own metric; other metrics follow ``falls``.
    """
    cfg = read_config(spec.configs[0], fitting(spec.configs[0], spec.cfg_options))
    hook, metric = _hook(cfg), str(spec.metric)
    less = falls(metric)
    if hook.get("save_best") == metric and hook.get("rule"):
        less = hook["rule"] == "less"
    return "minimize" if less else "maximize"


def check_spec(spec: SweepSpec) -> dict[str, str]:
    """Check the configs, their data and their teachers.

    Returns:
        ``'table'`` and every config -> SHA-256 of its content.

    Raises:
        FileNotFoundError: A config, a table or a teacher does not exist.
        ValueError: No config has a place for an option, the table has other folds, or
            the teacher of a fold is not given or is the same for all folds.
    """
    read = {
        config: read_config(config, fitting(config, spec.cfg_options))
        for config in _configs(spec)
    }
    _check_options(spec)
    for config, cfg in read.items():
        check_data_root(cfg, "train_dataloader", "val_dataloader")
        if spec.folds:
            check_folds(cfg, spec.folds)
        if config in spec.configs:
            for key in (*spec.grid, *spec.space):
                full_key(cfg, key, "--grid" if spec.grid else "--space")
        _check_teacher(spec, config, cfg)
    _check_used(spec, read)
    check_given_teachers(spec)
    tables = list(dict.fromkeys(tables_of(cfg) for cfg in read.values()))
    if len(tables) > 1:
        named = (" and ".join(map(str, each)) or "none" for each in tables)
        raise ValueError(
            f"the configs read different split tables, {', '.join(named)}: their folds "
            f"cannot be compared"
        )
    table = tables_sha256(tables[0])
    hashes = {config: config_sha256(cfg) for config, cfg in read.items()}
    return hashes | ({"table": table} if table else {})


def _configs(spec: SweepSpec) -> list[str]:
    named = [*spec.configs, spec.baseline, spec.teacher]
    return list(dict.fromkeys(config for config in named if config))


def _check_options(spec: SweepSpec) -> None:
    configs = {config: as_written(config) for config in _configs(spec)}
    for key in spec.cfg_options:
        if not any(has_place(cfg, key) for cfg in configs.values()):
            raise ValueError(
                f"--cfg-options {key}: none of {', '.join(configs)} has a place for it"
            )
    for key in (*spec.grid, *spec.space, *spec.cfg_options):
        name, option = SET_BY_SWEEP.get(key, ("", ""))
        if name and getattr(spec, name):
            raise ValueError(f"{key} is set by {option}: give only one of them")


def _check_used(spec: SweepSpec, read: Mapping[str, Config]) -> None:
    given = [
        f"--{name.replace('_', '-')}"
        for name in ("teacher", "teacher_checkpoint", "cache_views")
        if getattr(spec, name)
    ]
    if given and not any(reads_teacher(read[config]) for config in spec.configs):
        raise ValueError(
            f"{' and '.join(given)} needs a config that distils, and none of "
            f"{', '.join(spec.configs)} does"
        )


def _check_teacher(spec: SweepSpec, config: str, cfg: Config) -> None:
    has_teacher = distills(cfg)
    if config in (spec.baseline, spec.teacher):
        if has_teacher:
            option = "--baseline" if config == spec.baseline else "--teacher"
            raise ValueError(f"{option} {config} distils: give a plain config")
        return
    if not reads_teacher(cfg):
        return
    if spec.teacher and spec.teacher_checkpoint:
        raise ValueError("give either --teacher or --teacher-checkpoint")
    if spec.teacher and len(as_list(cfg.model.get("teacher_checkpoint"))) > 1:
        raise ValueError(
            f"{config} has several teachers, and --teacher trains one per fold"
        )
    if spec.folds and not spec.teacher and not spec.teacher_checkpoint:
        raise ValueError(
            f"{config} distils, and the teacher of a fold must not be trained on the "
            f"frames that the fold holds out. Give the config of a teacher, which is "
            f"then trained once per fold: --teacher CONFIG; or existing teachers, with "
            f"{{fold}} in place of the fold: --teacher-checkpoint "
            f"'work_dirs/teacher_fold{{fold}}/weights_*_last.safetensors'"
        )


def check_frames(spec: SweepSpec) -> list[str]:
    """Check the frames of every fold, and those that teachers were trained on.

    Returns:
        Warnings about teachers without a list of their training frames.

    Raises:
        FileNotFoundError: A teacher does not exist.
        ValueError: The data check fails, or a teacher was trained on frames that its
            student is scored on.
    """
    warnings: dict[str, None] = {}
    for config in _configs(spec):
        for fold in range(spec.folds) if spec.folds else [None]:
            options = fitting(config, spec.cfg_options)
            if fold is not None:
                options["fold"] = fold
            cfg = read_config(config, options)
            if reads_teacher(cfg):
                _set_teacher(cfg, spec, fold)
            for finding in check_data(cfg):
                if finding.code == CODE:  # each run logs the others
                    warnings[finding.message] = None
    return list(warnings)


def _set_teacher(cfg: Config, spec: SweepSpec, fold: int | None) -> None:
    if spec.teacher:  # may not be trained yet; each run checks it
        cfg.model.teacher_checkpoint = None
    elif pattern := given_teacher(spec, fold):
        cfg.model.teacher_checkpoint = pattern


def check_variants(variants: list[Variant]) -> None:
    """Check that the points of a grid are different runs with different names.

    Raises:
        ValueError: Two variants are the same or have the same name, or a loss cannot
            be built.
    """
    by_content: dict[str, Variant] = {}
    for variant in variants:
        key = f"{variant.config} {config_sha256(variant.cfg)}"
        other = by_content.setdefault(key, variant)
        if other is not variant:
            raise ValueError(
                f"--grid changes nothing between {_point(other)} and "
                f"{_point(variant)}: {variant.config} resolves to the same config"
            )
    for variant in variants:
        if variant.distills:
            _check_loss(variant)
    by_name: dict[str, Variant] = {}
    for variant in variants:
        other = by_name.setdefault(variant.name, variant)
        if other is not variant:
            raise ValueError(
                f"{_point(other)} of {other.config} and {_point(variant)} of "
                f"{variant.config} have the same name, {variant.name}: use values that "
                f"differ by at least 0.01, and configs with different file names"
            )


def _check_loss(variant: Variant) -> None:
    """Build the loss, which checks the ranges of its arguments."""
    try:
        init_default_scope(variant.cfg.get("default_scope", "mmseg"))
        MODELS.build(variant.cfg.model.distill_loss)
    except (AssertionError, TypeError, ValueError) as error:
        raise ValueError(f"{_point(variant)} of {variant.config}: {error}") from error


def _point(variant: Variant) -> str:
    values = (f"{key}={value}" for key, value in variant.point.items())
    return ", ".join(values) or "no point"

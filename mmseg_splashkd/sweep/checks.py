"""Refusing a sweep that cannot work or says nothing, before its first run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.config.teacher_overlap import CODE
from mmseg_splashkd.config.reading import check_data_root, read_config
from mmseg_splashkd.config.types import distills
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.sweep.folds import check_folds, table_of
from mmseg_splashkd.sweep.keys import fingerprint, full_key, has_place
from mmseg_splashkd.sweep.plan import Arm, as_written, fitting
from mmseg_splashkd.sweep.spec import RANDOM, TPE, SweepSpec
from mmseg_splashkd.sweep.teachers import (
    check_given_teachers,
    teacher_pattern,
)

OURS = {
    "fold": ("folds", "--folds"),
    "randomness.seed": ("seeds", "--seeds"),
    "model.teacher_checkpoint": ("teacher", "--teacher"),
}


def complete(spec: SweepSpec) -> SweepSpec:
    """Write keys in full, and name the metric.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: A key is in no config, or options contradict each other.
    """
    _check_words(spec)
    first = read_config(spec.configs[0], fitting(spec.configs[0], spec.cfg_options))
    grid = {full_key(first, key): values for key, values in spec.grid.items()}
    space = {
        full_key(first, key, "--space"): choice for key, choice in spec.space.items()
    }
    metric = spec.metric or _hook(first).get("save_best")
    if not metric or metric == "auto":
        raise ValueError(
            f"{first.filename} keeps its best weights by no metric: name one by "
            f"--metric, such as Dice.splash"
        )
    return replace(spec, grid=grid, space=space, metric=metric)


def _hook(cfg: Config) -> Mapping[str, Any]:
    return (cfg.get("default_hooks") or {}).get("checkpoint") or {}


def _check_words(spec: SweepSpec) -> None:
    for name, least in (("folds", 2), ("seeds", 1), ("cache_views", 1)):
        value = getattr(spec, name)
        if value is not None and value < least:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} {value}: it takes a number from {least}")
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


def direction_of(spec: SweepSpec) -> Literal["minimize", "maximize"]:
    """``'minimize'`` if less of the metric is better."""
    cfg = read_config(spec.configs[0], fitting(spec.configs[0], spec.cfg_options))
    hook = _hook(cfg)
    if hook.get("save_best") == spec.metric and hook.get("rule"):
        return "minimize" if hook["rule"] == "less" else "maximize"
    metric = str(spec.metric)
    return "minimize" if "entropy" in metric or "loss" in metric else "maximize"


def check_spec(spec: SweepSpec) -> dict[str, str]:
    """Look at the configs, their data and their teachers.

    Returns:
        ``'table'`` and the configs -> hash of their content.

    Raises:
        FileNotFoundError: A config, a table or a teacher is missing.
        ValueError: An option has no place, folds are others than the table's, or the
            teacher of a fold is not named or saw all folds.
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
        _check_teaching(spec, config, cfg)
    _check_used(spec, read)
    check_given_teachers(spec)
    tables = {table_of(cfg) for cfg in read.values()}
    if len(tables) > 1:
        raise ValueError(
            f"the configs read different tables, {', '.join(map(str, tables))}: folds "
            f"of different frames cannot be compared"
        )
    table = tables.pop()
    belongs = {config: fingerprint(cfg) for config, cfg in read.items()}
    return belongs | ({"table": file_sha256(table)} if table else {})


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
        name, option = OURS.get(key, ("", ""))
        if name and getattr(spec, name):
            raise ValueError(f"{key} is what {option} sets: leave one of them out")


def _check_used(spec: SweepSpec, read: Mapping[str, Config]) -> None:
    given = [
        f"--{name.replace('_', '-')}"
        for name in ("teacher", "teacher_checkpoint", "cache_views")
        if getattr(spec, name)
    ]
    if given and not any(distills(read[config]) for config in spec.configs):
        raise ValueError(
            f"{' and '.join(given)} is for configs that distil, and none of "
            f"{', '.join(spec.configs)} does"
        )


def _check_teaching(spec: SweepSpec, config: str, cfg: Config) -> None:
    distils = distills(cfg)
    if config in (spec.baseline, spec.teacher):
        if distils:
            option = "--baseline" if config == spec.baseline else "--teacher"
            raise ValueError(f"{option} {config} distils: name a plain config")
        return
    if not distils:
        return
    if spec.teacher and spec.teacher_checkpoint:
        raise ValueError("give either --teacher or --teacher-checkpoint")
    if spec.teacher and len(as_list(cfg.model.get("teacher_checkpoint"))) > 1:
        raise ValueError(
            f"{config} has several teachers, and --teacher trains one a fold"
        )
    if spec.folds and not spec.teacher and not spec.teacher_checkpoint:
        raise ValueError(
            f"{config} distils, and a fold's student may only learn from a teacher "
            f"that has not seen the fold. Name the teacher's config, which is then "
            f"trained once a fold: --teacher CONFIG; or files, {{fold}} standing for "
            f"the fold: --teacher-checkpoint "
            f"'work_dirs/teacher_fold{{fold}}/weights_*_last.safetensors'"
        )


def check_frames(spec: SweepSpec) -> list[str]:
    """Look at the frames of every fold, and at what teachers were trained on.

    Returns:
        Warnings: teachers that do not say what they were trained on.

    Raises:
        FileNotFoundError: A teacher is missing.
        ValueError: The frames would spoil a run, or a teacher was trained on frames
            that its student is scored on.
    """
    warnings: dict[str, None] = {}
    for config in _configs(spec):
        for fold in range(spec.folds) if spec.folds else [None]:
            options = fitting(config, spec.cfg_options)
            if fold is not None:
                options["fold"] = fold
            cfg = read_config(config, options)
            if distills(cfg):
                _name_teacher(cfg, spec, fold)
            for finding in check_data(cfg):
                if finding.code == CODE:  # others are told in the log of each run
                    warnings[finding.message] = None
    return list(warnings)


def _name_teacher(cfg: Config, spec: SweepSpec, fold: int | None) -> None:
    if spec.teacher:  # may not be trained yet; each run looks at what it saw
        cfg.model.teacher_checkpoint = None
    elif pattern := teacher_pattern(spec, fold):
        cfg.model.teacher_checkpoint = pattern


def check_arms(arms: list[Arm]) -> None:
    """Make sure that the points of a grid are different runs.

    Raises:
        ValueError: Two would be the same run, or would be called the same.
    """
    seen: dict[str, Arm] = {}
    for arm in arms:
        other = seen.setdefault(f"{arm.config} {fingerprint(arm.cfg)}", arm)
        if other is not arm:
            raise ValueError(
                f"--grid changes nothing between {_point(other)} and {_point(arm)}: "
                f"{arm.config} reads the same with both"
            )
    for arm in arms:
        if arm.distils:
            _check_loss(arm)
    names: dict[str, Arm] = {}
    for arm in arms:
        other = names.setdefault(arm.name, arm)
        if other is not arm:
            raise ValueError(
                f"{_point(other)} of {other.config} and {_point(arm)} of {arm.config} "
                f"would both be called {arm.name}: choose values that differ by 0.01, "
                f"and configs of different names"
            )


def _check_loss(arm: Arm) -> None:
    """Build the loss, which knows what its keys may be."""
    try:
        init_default_scope(arm.cfg.get("default_scope", "mmseg"))
        MODELS.build(arm.cfg.model.distill_loss)
    except (AssertionError, TypeError, ValueError) as error:
        raise ValueError(f"{_point(arm)} of {arm.config}: {error}") from error


def _point(arm: Arm) -> str:
    return ", ".join(f"{key}={value}" for key, value in arm.point.items()) or "no point"

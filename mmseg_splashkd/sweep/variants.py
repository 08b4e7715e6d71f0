"""The runs of a sweep: their options and their names."""

import functools
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.naming import run_name
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import distills, reads_teacher
from mmseg_splashkd.records.record import Charge
from mmseg_splashkd.sweep.keys import SHORT, has_place
from mmseg_splashkd.sweep.spec import SweepSpec

NOT_IN_NAMES = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class Variant:
    """A config with options; its runs differ only in fold and seed.

    Args:
        name: Config, day and teacher ratio, then the other values of its point.
        config: Config file.
        point: Dotted key -> value, of the grid or the search.
        options: ``--cfg-options`` of its runs without fold, seed and teacher.
        cfg: The resolved config with these options.
        charge: What a sweep at equal wall-clock charges each of its runs.
    """

    name: str
    config: str
    point: Mapping[str, Any]
    options: Mapping[str, Any] = field(repr=False)
    cfg: Config = field(repr=False, compare=False)
    charge: Charge | None = field(default=None, compare=False)

    @property
    def distills(self) -> bool:
        """Whether it has a loss against a teacher, or what stands in its place."""
        return distills(self.cfg)

    @property
    def needs_teacher(self) -> bool:
        """Whether it reads the weights of a trained teacher."""
        return reads_teacher(self.cfg)


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep.

    Args:
        name: Name of the run and of its work directory.
        variant: Config and options of the run.
        fold: Fold that it validates on; None without folds.
        seed: Random seed.
        options: ``--cfg-options`` of the run without its teacher.
    """

    name: str
    variant: Variant
    fold: int | None
    seed: int
    options: Mapping[str, Any] = field(repr=False)


def fitting(config: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Select the options for which a config has a place."""
    cfg = as_written(config)
    return {key: value for key, value in options.items() if has_place(cfg, key)}


@functools.lru_cache(maxsize=64)
def as_written(config: str) -> Config:
    """Read a config without options; the result is shared and must not be changed."""
    return read_config(config)


def grid_points(spec: SweepSpec) -> list[dict[str, Any]]:
    """List all combinations of a grid's values; one empty point without a grid."""
    combinations = itertools.product(*spec.grid.values())
    return [dict(zip(spec.grid, values, strict=True)) for values in combinations]


def variants_of_grid(spec: SweepSpec, began: date) -> list[Variant]:
    """List the baseline, then every config at every point."""
    variants = [variant_at(spec, began, spec.baseline, {})] if spec.baseline else []
    for config in spec.configs:
        variants += [variant_at(spec, began, config, p) for p in grid_points(spec)]
    return variants


def variant_at(
    spec: SweepSpec,
    began: date,
    config: str,
    point: Mapping[str, Any],
    label: str | None = None,
) -> Variant:
    """Apply a point to a config.

    Args:
        spec: Specification of the sweep.
        began: Day of the sweep's first start.
        config: Config file.
        point: Dotted key -> value.
        label: Last part of the name; by default the values of the point that the name
            of a run does not contain already.
    """
    options = fitting(config, spec.cfg_options) | dict(point)
    cfg = read_config(config, options)
    ends = [label] if label else _name_parts(point)
    name = "_".join([run_name(cfg, began), *ends])
    return Variant(name, config, dict(point), options, cfg)


def _name_parts(point: Mapping[str, Any]) -> Iterator[str]:
    for key, value in point.items():
        if key not in SHORT.values():
            last = key.rpartition(".")[2]
            yield NOT_IN_NAMES.sub("-", f"{last}{value}").strip("-")


def runs_of(spec: SweepSpec, variant: Variant) -> list[PlannedRun]:
    """List a variant's runs: all folds with the first seed, then with the next."""
    seeds = range(spec.seeds) if spec.seeds else [_seed_of(variant.cfg)]
    folds = range(spec.folds) if spec.folds else [None]
    return [_planned(variant, fold, seed) for seed in seeds for fold in folds]


def _seed_of(cfg: Config) -> int:
    return (cfg.get("randomness") or {}).get("seed") or 0


def _planned(variant: Variant, fold: int | None, seed: int) -> PlannedRun:
    options = {**variant.options, "randomness.seed": seed}
    if fold is not None:
        options["fold"] = fold
    where = "" if fold is None else f"_fold{fold}"
    name = f"{variant.name}{where}_seed{seed}"
    return PlannedRun(name, variant, fold, seed, options)


def in_order(spec: SweepSpec, variants: list[Variant]) -> list[PlannedRun]:
    """List all runs in the order of execution.

    Neighbours are of different folds, so that the first tasks train the teachers of
    different folds. First seeds come first, so that early results cover all variants.
    """
    runs = [run for variant in variants for run in runs_of(spec, variant)]
    return sorted(runs, key=lambda run: run.seed)  # stable: variants, then folds

"""The runs of a sweep: which there are, with what options, and what each is called."""

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
from mmseg_splashkd.config.types import distills
from mmseg_splashkd.sweep.keys import SHORT, has_place
from mmseg_splashkd.sweep.spec import SweepSpec

OUTSIDE_A_NAME = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class Arm:
    """Runs that differ in fold and seed alone.

    Args:
        name: As in the record: config, day, teacher's share; then what else varies.
        config: Config file.
        point: Dotted key -> value, of the grid or the search.
        options: ``--cfg-options`` of its runs, but for fold, seed and teacher.
        cfg: The config with these options.
    """

    name: str
    config: str
    point: Mapping[str, Any]
    options: Mapping[str, Any] = field(repr=False)
    cfg: Config = field(repr=False, compare=False)

    @property
    def distils(self) -> bool:
        """Whether it needs a teacher."""
        return distills(self.cfg)


@dataclass(frozen=True)
class Cell:
    """One run.

    Args:
        name: Of the run and of its work directory.
        arm: What it is a run of.
        fold: The fold it validates on; None without folds.
        seed: Of the run.
        options: ``--cfg-options`` of the run, but for its teacher.
    """

    name: str
    arm: Arm
    fold: int | None
    seed: int
    options: Mapping[str, Any]


def fitting(config: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some options that a config has a place for."""
    cfg = as_written(config)
    return {key: value for key, value in options.items() if has_place(cfg, key)}


@functools.lru_cache(maxsize=64)
def as_written(config: str) -> Config:
    """A config without any option, to look at and not to change."""
    return read_config(config)


def grid_points(spec: SweepSpec) -> list[dict[str, Any]]:
    """All combinations of a grid's values; one point without any if there is none."""
    combinations = itertools.product(*spec.grid.values())
    return [dict(zip(spec.grid, values, strict=True)) for values in combinations]


def arms_of_grid(spec: SweepSpec, began: date) -> list[Arm]:
    """The baseline, then every config at every point."""
    arms = [arm_at(spec, began, spec.baseline, {})] if spec.baseline else []
    for config in spec.configs:
        arms += [arm_at(spec, began, config, point) for point in grid_points(spec)]
    return arms


def arm_at(
    spec: SweepSpec,
    began: date,
    config: str,
    point: Mapping[str, Any],
    label: str | None = None,
) -> Arm:
    """A config at a point.

    Args:
        spec: Of the sweep.
        began: The day it began.
        config: Config file.
        point: Dotted key -> value.
        label: Ends the name; by default what of the point no name of a run tells.
    """
    options = fitting(config, spec.cfg_options) | dict(point)
    cfg = read_config(config, options)
    ends = [label] if label else _told(point)
    name = "_".join([run_name(cfg, began), *ends])
    return Arm(name, config, dict(point), options, cfg)


def _told(point: Mapping[str, Any]) -> Iterator[str]:
    for key, value in point.items():
        if key not in SHORT.values():
            last = key.rpartition(".")[2]
            yield OUTSIDE_A_NAME.sub("-", f"{last}{value}").strip("-")


def cells_of(spec: SweepSpec, arm: Arm) -> list[Cell]:
    """An arm's runs: every fold with the first seed, then with the next."""
    seeds = range(spec.seeds) if spec.seeds else [_seed_of(arm.cfg)]
    folds = range(spec.folds) if spec.folds else [None]
    return [_cell(arm, fold, seed) for seed in seeds for fold in folds]


def _seed_of(cfg: Config) -> int:
    return (cfg.get("randomness") or {}).get("seed") or 0


def _cell(arm: Arm, fold: int | None, seed: int) -> Cell:
    options = {**arm.options, "randomness.seed": seed}
    if fold is not None:
        options["fold"] = fold
    where = "" if fold is None else f"_fold{fold}"
    return Cell(f"{arm.name}{where}_seed{seed}", arm, fold, seed, options)


def in_order(spec: SweepSpec, arms: list[Arm]) -> list[Cell]:
    """All cells, neighbours of different folds.

    Workers that begin together then train the teachers of different folds, and do not
    wait for one another. First seeds come first: an early look has something of all.
    """
    cells = [cell for arm in arms for cell in cells_of(spec, arm)]
    return sorted(cells, key=lambda cell: cell.seed)  # stable: arms, then folds

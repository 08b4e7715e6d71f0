"""The job that measures what the arms of a sweep cost, and stores their budget."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.length import length_key
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import reads_teacher
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.records.environment import hardware
from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.records.store import run_of_weights
from mmseg_splashkd.runs.measure_steps import StepTime, ViewTime, measure_steps
from mmseg_splashkd.runs.recorded_config import recorded_config
from mmseg_splashkd.sweep.budget import ArmCost, Budget, Item, read_budget, write_budget
from mmseg_splashkd.sweep.job import Job

# Keys of a config on which the time of a step, or the number of steps, depends.
TIMED = ("model", "data_preprocessor", "train_dataloader", "optim_wrapper")
TIMED += ("custom_hooks", "teacher_cache", "compile", "activation_checkpointing")
TIMED += ("train_cfg",)  # its length places schedules of the loss, and is counted
SECONDS = (
    "give the time to train each teacher on this machine by --teacher-seconds SECONDS"
)


@dataclass(frozen=True)
class Arm:
    """An arm whose step is timed.

    Args:
        config: Config file.
        options: Dotted config keys to override, with those of the teacher.
    """

    config: str
    options: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True)
class MeasureJob(Job):
    """Measurement of all arms in turn, once for a sweep.

    Args:
        config: Config file of the first arm.
        options: Not used.
        folder: Folder of the sweep.
        arms: Name of the variant -> its arm.
        seeds: Number of runs of each arm that use one teacher.
        rule: ``'once'`` or ``'shared'``, see ``Budget``.
        teacher_seconds: Seconds of training each teacher, instead of a measurement.
    """

    arms: Mapping[str, Arm] = field(hash=False)
    seeds: int
    rule: str
    teacher_seconds: float | None = None

    @property
    def log(self) -> Path:
        """File in the sweep's folder for everything that measuring prints."""
        return self.folder / "budget.log"

    def result(self) -> float | None:
        """NaN, because it has no metric, if the budget is stored, else None."""
        return None if read_budget(self.folder) is None else math.nan

    def work(self) -> Iterator[str]:
        """Measure, and write the budget.

        Raises:
            ValueError: The cost of a teacher is not known (see ``teacher_record``).
        """
        yield f"times the steps of {len(self.arms)} arms in turn"
        configs = {
            name: read_config(arm.config, dict(arm.options))
            for name, arm in self.arms.items()
        }
        teachers = {name: teachers_of(cfg) for name, cfg in configs.items()}
        records: dict[str, RunRecord] = {}
        if self.teacher_seconds is None:
            paths = dict.fromkeys(path for each in teachers.values() for path in each)
            records = {path: teacher_record(path) for path in paths}
        alike = {name: _timed_parts(cfg) for name, cfg in configs.items()}
        timed = {alike[name]: cfg for name, cfg in configs.items()}
        timed |= {path: recorded_config(each) for path, each in records.items()}
        cached = {d: cfg for cfg in configs.values() if (d := _cache_of(cfg))}
        steps, views = measure_steps(timed, cached)
        costs = _Costs(steps, views, records, self.teacher_seconds)
        users = [path for each in teachers.values() for path in each]
        users += [d for cfg in configs.values() if (d := _cache_of(cfg))]
        arms = {
            name: costs.arm(
                cfg,
                steps[alike[name]],
                {path: self.seeds * users.count(path) for path in teachers[name]},
                {d: self.seeds * users.count(d) for d in [_cache_of(cfg)] if d},
            )
            for name, cfg in configs.items()
        }
        write_budget(self.folder, Budget(self.rule, arms, _machine()))


class _Costs:
    """Measured times, put together to what an arm costs."""

    def __init__(
        self,
        steps: Mapping[str, StepTime],
        views: Mapping[str, ViewTime],
        records: Mapping[str, RunRecord],
        teacher_seconds: float | None,
    ) -> None:
        self.steps, self.views = steps, views
        self.records, self.teacher_seconds = records, teacher_seconds

    def arm(
        self,
        cfg: Config,
        step: StepTime,
        teachers: Mapping[str, int],
        caches: Mapping[str, int],
    ) -> ArmCost:
        """The cost of an arm.

        Args:
            cfg: Its config.
            step: Time of its step.
            teachers: File of each of its teachers -> number of runs that use it.
            caches: Folder of its cache -> number of runs that use it.
        """
        return ArmCost(
            length=cfg.train_cfg[length_key(cfg)],
            iterations=step.iterations,
            step_s=step.seconds.median,
            quartiles_s=(step.seconds.low, step.seconds.high),
            teachers=tuple(
                self._teacher(path, runs) for path, runs in teachers.items()
            ),
            caches=tuple(self._cache(path, runs) for path, runs in caches.items()),
        )

    def _teacher(self, path: str, runs: int) -> Item:
        name = f"training of the teacher {path}"
        if self.teacher_seconds is not None:
            return Item(name, self.teacher_seconds, runs, "--teacher-seconds")
        record, step = self.records[path], self.steps[path].seconds.median
        took = sum(each.wall_s or 0.0 for each in (*record.attempts, record))
        how = f"{record.iteration:,} iterations x {step:.4f} s"
        how += f"; its record: {took:,.1f} s with validations" if took else ""
        return Item(name, record.iteration * step, runs, how)

    def _cache(self, path: str, runs: int) -> Item:
        each = self.views[path]
        how = f"{each.views:,} views x {each.seconds.median:.4f} s"
        seconds = each.views * each.seconds.median
        return Item(f"building of the cache {path}", seconds, runs, how)


def teachers_of(cfg: Config) -> list[str]:
    """Files of the weights of a config's teachers; empty where it reads none.

    Raises:
        FileNotFoundError: One does not exist.
    """
    if not reads_teacher(cfg):
        return []
    patterns = filter(None, as_list(cfg.model.get("teacher_checkpoint")))
    return [str(find_checkpoint(each, "teacher_checkpoint")) for each in patterns]


def teacher_record(path: str) -> RunRecord:
    """The record of the run that trained a teacher, which can be timed again.

    Raises:
        ValueError: There is none, it says of no iteration, its config cannot be read,
            or the teacher was distilled from another one, whose cost is not known.
    """
    run = run_of_weights(path)
    if run is None or not run.record.iteration:
        raise ValueError(
            f"--budget wall: the time to train the teacher {path} is not known, since "
            f"no record of its run (run.json) lies beside it: {SECONDS}"
        )
    if run.record.teacher is not None:
        raise ValueError(
            f"--budget wall: the teacher {path} was itself distilled from "
            f"{', '.join(run.record.teacher.checkpoints)}, which is part of its cost: "
            f"{SECONDS}, all of it together"
        )
    try:
        recorded_config(run.record)
    except (ImportError, OSError, ValueError) as error:
        raise ValueError(
            f"--budget wall: the step of the teacher {path} cannot be timed again, "
            f"since the config in its record cannot be read ({error}): {SECONDS}"
        ) from error
    return run.record


def _cache_of(cfg: Config) -> str | None:
    return (cfg.get("teacher_cache") or {}).get("dir")


def _timed_parts(cfg: Config) -> str:
    """Hash of what the time of a step depends on; rates of the optimizer do not."""
    parts = {key: cfg.get(key) for key in TIMED}
    parts["optim_wrapper"] = _without_floats(Config(dict(cfg.optim_wrapper)).to_dict())
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_floats(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _without_floats(each) for key, each in node.items()}
    if isinstance(node, (list, tuple)):
        return [_without_floats(each) for each in node]
    return None if isinstance(node, float) else node


def _machine() -> str:
    own = hardware()
    devices = ", ".join(own.gpus) or f"{own.cpu}, threads: {own.threads}"
    return f"{own.machine} ({devices})"

"""The runs of a sweep at equal wall-clock: measured first, then planned."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.length import length_key, of_length
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.records.record import Charge
from mmseg_splashkd.sweep.budget import BOTH, STEPS, WALL, Budget, read_budget
from mmseg_splashkd.sweep.graph import Graph
from mmseg_splashkd.sweep.measure_job import (
    Arm,
    MeasureJob,
    teacher_record,
    teachers_of,
)
from mmseg_splashkd.sweep.scheduler import Scheduler, Task
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.teachers import given_teacher
from mmseg_splashkd.sweep.variants import Variant, in_order, runs_of, variants_of_grid

NAME = "the budget"


class Budgeted:
    """Runs whose lengths follow from a measurement that the sweep makes once.

    First come the teachers and caches of the first fold, then the measurement, which
    runs alone, then all runs. The measurement is stored in the sweep's folder: a sweep
    that is continued has the same lengths.

    Args:
        spec: Specification of the sweep.
        began: Day of the sweep's first start.
        folder: Folder of the sweep.
        graph: Makes the tasks of runs.
    """

    def __init__(
        self, spec: SweepSpec, began: date, folder: Path, graph: Graph
    ) -> None:
        self.spec, self.folder, self.graph = spec, folder, graph
        self._arms = variants_of_grid(spec, began)
        self._variants: list[Variant] = []
        self._told = False

    def extend(self, scheduler: Scheduler) -> None:
        """Add the measurement, and once it is done the runs."""
        budget = read_budget(self.folder)
        if NAME not in scheduler.tasks and budget is None:
            scheduler.add(self._preparation())
        if self._variants or budget is None:
            return
        self._variants = planned(self.spec, self._arms, budget)
        for run in in_order(self.spec, self._variants):
            scheduler.add(self.graph.tasks_of(run))

    @property
    def total(self) -> int:
        """Number of runs; before the measurement, of those of one view."""
        variants = self._variants or self._arms
        return sum(len(runs_of(self.spec, each)) for each in variants)

    def rows(self) -> list[tuple[str, Sequence[str]]]:
        """Name of each variant, and the names of its runs."""
        return [
            (each.name, [run.name for run in runs_of(self.spec, each)])
            for each in self._variants
        ]

    def news(self) -> list[str]:
        """The budget in words, once."""
        budget = read_budget(self.folder)
        if budget is None or self._told:
            return []
        self._told = True
        return budget.lines()

    def _preparation(self) -> list[Task]:
        tasks: dict[str, Task] = {}
        arms = {}
        for variant in self._arms:
            first = runs_of(self.spec, variant)[0]
            *needed, run = self.graph.tasks_of(first)
            tasks |= {task.name: task for task in needed}
            arms[variant.name] = Arm(variant.config, run.job.options)
        job = MeasureJob(
            self._arms[0].config,
            {},
            self.folder,
            arms,
            self.spec.seeds or 1,
            self.spec.charge,
            self.spec.teacher_seconds,
        )
        return [*tasks.values(), Task(NAME, job, tuple(tasks), is_run=False)]


def planned(spec: SweepSpec, arms: Sequence[Variant], budget: Budget) -> list[Variant]:
    """The variants that are run, with their lengths and what they are charged.

    Args:
        spec: Specification of the sweep.
        arms: Variants as their configs are.
        budget: What these cost.

    Returns:
        For ``'wall'`` each with equal time; for ``'both'`` also each as its config is,
        once where that is the same.
    """
    variants = []
    for arm in arms:
        options = of_length(arm.cfg, budget.length_of(arm.name))
        if not options:
            variants.append(_charged(arm, budget, arm.name, (STEPS, WALL)))
            continue
        if spec.budget == BOTH:
            variants.append(_charged(arm, budget, arm.name, (STEPS,)))
        made = {**arm.options, **options}
        cfg = read_config(arm.config, dict(made))
        name = f"{arm.name}_{WALL}"
        made_longer = replace(arm, name=name, options=made, cfg=cfg)
        charged = _charged(made_longer, budget, arm.name, (WALL,), tuple(options))
        variants.append(charged)
    return variants


def _charged(
    variant: Variant,
    budget: Budget,
    arm: str,
    views: tuple[str, ...],
    changed: tuple[str, ...] = (),
) -> Variant:
    cost, rule = budget.arms[arm], budget.rule
    teacher, cache = cost.teacher_s(rule), cost.cache_s(rule)
    seconds = cost.step_s, teacher, cache, budget.seconds
    return replace(variant, charge=Charge(arm, views, *seconds, rule, changed))


def check_budget(spec: SweepSpec, arms: Sequence[Variant]) -> None:
    """Check that arms can have equal time.

    Args:
        spec: Specification of the sweep.
        arms: Its variants.

    Raises:
        FileNotFoundError: A teacher does not exist.
        ValueError: There is nothing to compare, the cost of a teacher is not known, or
            a config cannot be made longer.
    """
    if all(arm.distills for arm in arms):
        raise ValueError(
            f"--budget {spec.budget} needs a plain student to compare with, which gets "
            f"the time that the others spend on their teacher: give --baseline CONFIG, "
            f"or name its config beside {', '.join(spec.configs)}"
        )
    if not any(arm.distills for arm in arms) and len(arms) < 2:
        raise ValueError(f"--budget {spec.budget} needs a second arm to compare with")
    for arm in arms:
        of_length(arm.cfg, 2 * arm.cfg.train_cfg[length_key(arm.cfg)])
    if spec.teacher or spec.teacher_seconds is not None:
        return
    for arm in arms:
        pattern = given_teacher(spec, 0 if spec.folds else None)
        given = None if pattern is None else [str(find_checkpoint(pattern))]
        for path in (given or teachers_of(arm.cfg)) if arm.needs_teacher else ():
            teacher_record(path)

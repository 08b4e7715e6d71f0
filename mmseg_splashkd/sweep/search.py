"""A search: Optuna proposes points, and is used by the driver alone."""

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import optuna

from mmseg_splashkd.sweep.scheduler import FAILED, FINISHED, Scheduler, Task
from mmseg_splashkd.sweep.spec import RANDOM, TPE, SweepSpec
from mmseg_splashkd.unwritable import writing

DATABASE, STUDY = "sweep.db", "sweep"
State = optuna.trial.TrialState
Direction = Literal["minimize", "maximize"]
Space = Mapping[str, Mapping[str, Any]]
SAMPLERS = {RANDOM: optuna.samplers.RandomSampler, TPE: optuna.samplers.TPESampler}


@dataclass(frozen=True)
class Point:
    """A point of a search and the names of its runs."""

    name: str
    params: Mapping[str, Any]
    runs: tuple[str, ...]


class Search:
    """The points of a search, stored in the sweep's folder.

    Optuna holds parameters and values, the folder holds everything else: a trial
    without a value is run again, and its complete runs are read from disk.

    Args:
        spec: Specification of the sweep.
        folder: Folder of the sweep.
        direction: ``'minimize'`` or ``'maximize'``.
        tasks_at: Point as dotted keys -> values, and its label -> tasks of its runs.

    Attributes:
        points: The points so far.
    """

    def __init__(
        self,
        spec: SweepSpec,
        folder: Path,
        direction: Direction,
        tasks_at: Callable[[Mapping[str, Any], str], list[Task]],
    ) -> None:
        self.spec, self.tasks_at = spec, tasks_at
        self.trials = spec.trials or 0
        self.points: list[Point] = []
        self._database = folder / DATABASE
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with writing(self._database), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of SQLAlchemy about calls of Optuna
            self._study = optuna.create_study(
                storage=f"sqlite:///{self._database}",
                study_name=STUDY,
                direction=direction,
                load_if_exists=True,
            )

    def extend(self, scheduler: Scheduler) -> None:
        """Record the values of complete points, and add points while there is room.

        Raises:
            UnwritableError: The database cannot be written; the same command continues
                the sweep.
        """
        with writing(self._database):
            for number, point in enumerate(self.points):
                self._tell(number, point, scheduler)
            while len(self.points) < self.trials and self._has_room(scheduler):
                self._add(scheduler)

    @property
    def total(self) -> int:
        """Number of runs, of all points."""
        return self.trials * (self.spec.folds or 1) * (self.spec.seeds or 1)

    def news(self) -> list[str]:
        """Nothing: the progress shows the points."""
        return []

    def rows(self) -> list[tuple[str, Sequence[str]]]:
        """Name and parameters of each point, and the names of its runs."""
        return [
            (f"{each.name} {_words(each.params)}", each.runs) for each in self.points
        ]

    def _has_room(self, scheduler: Scheduler) -> bool:
        ended = (FINISHED, FAILED)
        left = [s for s in scheduler.states.values() if s.status not in ended]
        return scheduler.trouble is None and len(left) < scheduler.cluster.capacity()

    def _add(self, scheduler: Scheduler) -> None:
        number = len(self.points)
        trial = self._trial(number)
        for key, choice in self.spec.space.items():
            suggest(trial, key, choice)
        name = f"trial{number:0{len(str(self.trials - 1))}}"
        tasks = self.tasks_at(from_params(trial.params, self.spec.space), name)
        scheduler.add(tasks)
        runs = tuple(task.name for task in tasks if task.is_run)
        self.points.append(Point(name, trial.params, runs))
        self._tell(number, self.points[-1], scheduler)

    def _trial(self, number: int) -> optuna.Trial:
        """Continue the trial of a point, or ask for a new one."""
        # A sampler per point: after a restart, one with the same seed would propose the
        # same points again.
        sampler = SAMPLERS[str(self.spec.search)](seed=number)
        self._study.sampler = sampler
        trials = self._study.get_trials(deepcopy=False)
        if number < len(trials):
            return optuna.Trial(self._study, trials[number]._trial_id)
        return self._study.ask()

    def _tell(self, number: int, point: Point, scheduler: Scheduler) -> None:
        states = [scheduler.states[name] for name in point.runs]
        trial = self._study.get_trials(deepcopy=False)[number]
        done = all(state.status == FINISHED for state in states)
        if not done or trial.state == State.COMPLETE:
            return
        value = fmean(state.value for state in states)
        if not math.isfinite(value):  # Optuna takes no NaN: worse than any number
            worst = self._study.direction == optuna.study.StudyDirection.MAXIMIZE
            value = -math.inf if worst else math.inf
        self._study.tell(number, value)


def _words(params: Mapping[str, Any]) -> str:
    values = (v if not isinstance(v, float) else f"{v:.4g}" for v in params.values())
    keys = (key.rpartition(".")[2] for key in params)
    return " ".join(f"{k}={v}" for k, v in zip(keys, values, strict=True))


def suggest(trial: optuna.Trial, key: str, choice: Mapping[str, Any]) -> None:
    """Choose a value; lists and the like are chosen as JSON text."""
    if "choices" in choice:
        trial.suggest_categorical(key, [as_param(value) for value in choice["choices"]])
    elif choice["kind"] == "int":
        trial.suggest_int(key, choice["low"], choice["high"])
    else:
        log = choice["kind"] == "log"
        trial.suggest_float(key, choice["low"], choice["high"], log=log)


def as_param(value: Any) -> Any:
    """Convert a value for Optuna: scalars stay, anything else becomes JSON text."""
    scalar = value is None or isinstance(value, bool | int | float | str)
    return value if scalar else json.dumps(value)


def from_params(params: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """Convert the parameters of a trial to dotted keys -> values."""
    point = {}
    for key, choice in space.items():
        texts = {
            as_param(value): value
            for value in choice.get("choices", ())
            if isinstance(value, list | dict)
        }
        point[key] = texts.get(params[key], params[key])
    return point

"""Which runs wait, which are taken by whom, and what came of those that ended."""

import contextlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mmseg_splashkd.sweep.lease import Lease, LeaseWatch
from mmseg_splashkd.sweep.locks import locked
from mmseg_splashkd.sweep.spec import RANDOM, TPE, Sweep, read_sweep, write_sweep
from mmseg_splashkd.sweep.storage import optuna

Trial = optuna.Trial
Direction = Literal["minimize", "maximize"]
FrozenTrial = optuna.trial.FrozenTrial
State = optuna.trial.TrialState
LOCK = ".sweep.lock"
ATTEMPTS = 2  # of a run that fails, each time the sweep is started
SWEEP, ROUND = "sweep", "round"  # attributes of the study
UNIT, LEASE, WHY, RESULT = "unit", "lease", "why", "result"  # of a trial
DONE, RUNNING, WAITING, FAILED = "done", "running", "waiting", "failed"


@dataclass(frozen=True)
class Unit:
    """What a worker takes at once: a run of a grid, or a point of a search.

    Args:
        name: Unique in the sweep.
        params: Of Optuna's trial; None where the sampler chooses.
    """

    name: str
    params: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True)
class Why:
    """Why a run did not come to its end.

    Args:
        kind: ``'error'``, after which it is tried once more; ``'input'``, which another
            try would meet again; ``'stopped'`` or ``'disk'``, which is no fault of its.
        text: For people.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class UnitState:
    """Where a unit stands: its last trial, and what that is."""

    state: str
    trial: FrozenTrial | None = None

    @property
    def lease(self) -> Mapping[str, Any]:
        """Of its last worker."""
        return self.trial.user_attrs.get(LEASE) or {} if self.trial else {}

    @property
    def value(self) -> float:
        """Of one that is done; NaN where a metric had none."""
        value = self.trial.value if self.trial else None
        return value if value is not None and math.isfinite(value) else math.nan

    @property
    def why(self) -> str:
        """Why it failed."""
        return (
            (self.trial.user_attrs.get(WHY) or {}).get("text", "") if self.trial else ""
        )


class Taken:
    """A unit that this worker has taken."""

    def __init__(self, study: Any, trial: Trial, lease: Lease) -> None:
        self._study, self._trial, self._lease = study, trial, lease
        self.name: str = trial.user_attrs[UNIT]
        self.params: dict[str, Any] = trial.params
        self.beat("starting")

    def beat(self, phase: str) -> bool:
        """Say that it is being worked on.

        Returns:
            False if the unit was given to another, who saw no beat for too long.
        """
        self._lease = self._lease.next(phase)
        try:
            self._trial.set_user_attr(LEASE, self._lease.to_dict())
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        return True

    def done(self, value: float, result: Mapping[str, Any]) -> bool:
        """Say what came out; False if it was given to another in the meantime."""
        try:
            self._trial.set_user_attr(RESULT, dict(result))
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        if not math.isfinite(value):  # Optuna takes no NaN: worse than anything
            worst = self._study.direction == optuna.study.StudyDirection.MAXIMIZE
            value = -math.inf if worst else math.inf
        told = self._study.tell(self._trial, value, skip_if_finished=True)
        return told.state == State.COMPLETE

    def failed(self, why: Why) -> None:
        """Give it back, and say why."""
        with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
            self._trial.set_user_attr(WHY, {"kind": why.kind, "text": why.text})
        self._study.tell(self._trial, state=State.FAIL, skip_if_finished=True)


class SweepQueue:
    """The units of a sweep, shared by all its workers through a storage of Optuna.

    Args:
        storage: See ``open_storage``.
        folder: Of the sweep, on a drive that all its workers see.
        watch: Of leases.
    """

    def __init__(
        self,
        storage: Any,
        folder: Path,
        watch: LeaseWatch | None = None,
    ) -> None:
        self.storage = storage
        self.folder = folder
        self.watch = watch or LeaseWatch()
        self.units: Sequence[Unit] = ()
        self.space: Mapping[str, Mapping[str, Any]] = {}
        self.sampler: str | None = None

    def open(self, sweep: Sweep, direction: Direction, storage: str) -> Sweep:
        """Join the study of a sweep, or begin it.

        Returns:
            The sweep as it began.

        Raises:
            ValueError: The storage holds another sweep of this name.
        """
        with locked(self.folder / LOCK):
            study = optuna.create_study(
                storage=self.storage,
                study_name=self.folder.name,
                direction=direction,
                load_if_exists=True,
            )
            known = study.user_attrs.get(SWEEP)
            here = read_sweep(self.folder)
            if known is not None and here is None:
                raise ValueError(
                    f"--storage {storage} knows a sweep {self.folder.name!r}, of which "
                    f"{self.folder} has nothing: its folder was moved or removed. Name "
                    f"another --out, or forget it: optuna delete-study --study-name "
                    f"{self.folder.name} --storage URL"
                )
            if known is None and study.get_trials(deepcopy=False):
                raise ValueError(
                    f"--storage {storage} holds a study {self.folder.name!r} that is "
                    f"no sweep of ours: name another --storage or --out"
                )
            if known is None:
                sweep = here or sweep
                write_sweep(self.folder, sweep)  # first: whatever kills it in between
                study.set_user_attr(SWEEP, sweep.to_json())
                return sweep
        return Sweep.from_json(known, f"study {self.folder.name!r} of {storage}")

    def fill(
        self,
        units: Iterable[Unit],
        space: Mapping[str, Mapping[str, Any]],
        sampler: str | None,
        anew: bool,
    ) -> None:
        """Enqueue what is not done.

        Args:
            units: All of the sweep, in the order of work.
            space: Key -> what it may be, as of ``parse_space``.
            sampler: ``'random'`` or ``'tpe'``; None where units have their parameters.
            anew: Try again what failed before.
        """
        self.units, self.space, self.sampler = list(units), space, sampler
        study = self.study()
        with locked(self.folder / LOCK):
            study.set_user_attr(ROUND, study.user_attrs.get(ROUND, 0) + anew)
            self._refill(study)

    def study(self) -> Any:
        """Of this thread."""
        return optuna.load_study(
            study_name=self.folder.name,
            storage=self.storage,
            sampler=optuna.samplers.RandomSampler(seed=0),
        )

    def refill(self) -> None:
        """Free what nobody works on any more, and enqueue what shall be tried again."""
        with locked(self.folder / LOCK):
            self._refill(self.study())

    def _refill(self, study: Any) -> None:
        for trial in study.get_trials(deepcopy=False, states=(State.RUNNING,)):
            if self.watch.lost(trial.number, trial.user_attrs.get(LEASE)):
                with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
                    study.tell(trial.number, state=State.FAIL, skip_if_finished=True)
        trials, now = self._by_unit(study), study.user_attrs.get(ROUND, 0)
        for unit in self.units:
            found = trials.get(unit.name, [])
            if _is_open(found) or _is_given_up(found, now):
                continue
            params = unit.params
            if params is None and found:
                params = found[0].params  # that of a point begun is whole
            if params is not None:
                attributes = {UNIT: unit.name, ROUND: now}
                study.enqueue_trial(dict(params), user_attrs=attributes)

    def _by_unit(self, study: Any) -> dict[str, list[FrozenTrial]]:
        found: dict[str, list[FrozenTrial]] = {}
        for trial in study.get_trials(deepcopy=False):
            found.setdefault(trial.user_attrs.get(UNIT, ""), []).append(trial)
        return found

    def take(self, lease: Lease) -> Taken | None:
        """Take the next unit; None if none is waiting."""
        study = self.study()
        with locked(self.folder / LOCK):
            if study.get_trials(deepcopy=False, states=(State.WAITING,)):
                trial = study.ask()
                self._write_params(trial)
            else:
                trial = self._begin_point(study)
        return trial and Taken(study, trial, lease)

    def _begin_point(self, study: Any) -> Trial | None:
        if self.sampler is None:
            return None
        begun = self._by_unit(study)
        unit = next((unit for unit in self.units if unit.name not in begun), None)
        if unit is None:
            return None
        # A sampler of its own for every point: workers would else draw the same ones.
        study.sampler = _sampler(self.sampler, len(study.get_trials(deepcopy=False)))
        trial = study.ask()
        for key, choice in self.space.items():
            suggest(trial, key, choice)
        trial.set_user_attr(ROUND, study.user_attrs.get(ROUND, 0))
        trial.set_user_attr(UNIT, unit.name)  # last: a point is whole or not begun
        return trial

    def _write_params(self, trial: Trial) -> None:
        """Let what was enqueued stand among the trial's parameters."""
        named = {unit.name: unit for unit in self.units}
        unit = named.get(trial.user_attrs.get(UNIT, ""))
        params = self.space if unit is None or unit.params is None else unit.params
        for key in params:
            suggest(trial, key, self.space[key])

    def is_finished(self) -> bool:
        """Whether nothing waits or runs, here or elsewhere."""
        states = self.states().values()
        return all(found.state in (DONE, FAILED) for found in states)

    def states(self) -> dict[str, UnitState]:
        """Name -> where it stands, of every unit."""
        study = self.study()
        trials, now = self._by_unit(study), study.user_attrs.get(ROUND, 0)
        return {
            unit.name: _state_of(trials.get(unit.name, []), now) for unit in self.units
        }


WORDS = {State.COMPLETE: DONE, State.RUNNING: RUNNING, State.WAITING: WAITING}


def _state_of(trials: Sequence[FrozenTrial], now: int) -> UnitState:
    for state, word in WORDS.items():
        for trial in trials:
            if trial.state == state:
                return UnitState(word, trial)
    last = trials[-1] if trials else None
    return UnitState(FAILED if _is_given_up(trials, now) else WAITING, last)


def _is_open(trials: Iterable[FrozenTrial]) -> bool:
    return any(trial.state in WORDS for trial in trials)


def _is_given_up(trials: Iterable[FrozenTrial], now: int) -> bool:
    kinds = Counter(
        (trial.user_attrs.get(WHY) or {}).get("kind")
        for trial in trials
        if trial.user_attrs.get(ROUND, 0) == now
    )
    return kinds["input"] > 0 or kinds["error"] >= ATTEMPTS


def _sampler(kind: str, seed: int) -> Any:
    kinds = {RANDOM: optuna.samplers.RandomSampler, TPE: optuna.samplers.TPESampler}
    return kinds[kind](seed=seed)


def suggest(trial: Trial, key: str, choice: Mapping[str, Any]) -> None:
    """Let a trial choose a value; lists and the like are chosen as JSON text."""
    if "choices" in choice:
        trial.suggest_categorical(key, [as_param(value) for value in choice["choices"]])
    elif choice["kind"] == "int":
        trial.suggest_int(key, choice["low"], choice["high"])
    else:
        log = choice["kind"] == "log"
        trial.suggest_float(key, choice["low"], choice["high"], log=log)


def as_param(value: Any) -> Any:
    """A value as Optuna takes it: scalars as they are, anything else as JSON."""
    scalar = value is None or isinstance(value, bool | int | float | str)
    return value if scalar else json.dumps(value)


def from_params(
    params: Mapping[str, Any], space: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Dotted key -> value that a trial's parameters stand for."""
    point = {}
    for key, choice in space.items():
        texts = {
            as_param(value): value
            for value in choice.get("choices", ())
            if isinstance(value, list | dict)
        }
        point[key] = texts.get(params[key], params[key])
    return point

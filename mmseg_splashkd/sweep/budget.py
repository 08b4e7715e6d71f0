"""Equal wall-clock: what every arm costs, and how long each may train for it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mmseg_splashkd.files import read_text, write_whole
from mmseg_splashkd.foreign import parse_json, reading
from mmseg_splashkd.records.field_types import check_types

STEPS, WALL, BOTH = "steps", "wall", "both"
BUDGETS = (STEPS, WALL, BOTH)
ONCE, SHARED = "once", "shared"
RULES = (ONCE, SHARED)
FILE = "budget.json"
VERSION = 1
LOWEST, HIGHEST = 1e-9, 1e12  # of seconds and counts
POSITIVE = ("length", "iterations", "step_s")  # of an arm
TINY = 1e-9  # relative: rounding of the division must not cost an iteration


@dataclass(frozen=True)
class Item:
    """Something that is made once and used by several runs: a teacher, or a cache.

    Args:
        name: What it is, in words.
        seconds: Time to make it.
        runs: Number of runs that use it.
        how: How the seconds are made up, such as ``1200 iterations x 0.2101 s``.
    """

    name: str
    seconds: float
    runs: int
    how: str

    def charged(self, rule: str) -> float:
        """Seconds that each of these runs is charged."""
        return self.seconds if rule == ONCE else self.seconds / self.runs


@dataclass(frozen=True)
class ArmCost:
    """What the runs of an arm cost.

    Args:
        length: ``max_iters`` of its config, or ``max_epochs`` of a loop of epochs.
        iterations: Iterations of that length.
        step_s: Median time of a training step, seconds.
        quartiles_s: Its first and third quartile.
        teachers: Its teachers; empty for a plain arm.
        caches: Caches of its teachers' answers.
    """

    length: int
    iterations: int
    step_s: float
    quartiles_s: tuple[float, float]
    teachers: tuple[Item, ...] = ()
    caches: tuple[Item, ...] = ()

    def teacher_s(self, rule: str) -> float:
        """Seconds of training its teachers that a run is charged."""
        return sum(each.charged(rule) for each in self.teachers)

    def cache_s(self, rule: str) -> float:
        """Seconds of building caches that a run is charged."""
        return sum(each.charged(rule) for each in self.caches)

    def seconds(self, rule: str, iterations: int | None = None) -> float:
        """Seconds that a run is charged in all, by default at its own length."""
        steps = self.iterations if iterations is None else iterations
        return self.teacher_s(rule) + self.cache_s(rule) + steps * self.step_s


@dataclass(frozen=True)
class Budget:
    """The time that every run has, and the length at which each arm uses it up.

    Args:
        rule: ``'once'``: each run is charged the whole of its teacher and cache, as
            somebody is who needs one student. ``'shared'``: they are divided among the
            runs of the sweep that use them.
        arms: Name of the variant -> its cost.
        machine: Where the steps were measured, in words.
    """

    rule: str
    arms: Mapping[str, ArmCost]
    machine: str = ""

    def check_values(self) -> None:
        """Check numbers that are divided by, or that a file may hold otherwise.

        Raises:
            ValueError: One cannot be; the message names it.
        """
        if self.rule not in RULES:
            raise ValueError(f"rule={self.rule!r} must be one of {RULES}")
        if not self.arms:
            raise ValueError("arms is empty")
        for name, arm in self.arms.items():
            positive = {key: getattr(arm, key) for key in POSITIVE}
            if len(arm.quartiles_s) != 2:
                raise ValueError(f"arms.{name}: quartiles_s must be two numbers")
            for item in (*arm.teachers, *arm.caches):
                positive |= {f"runs of {item.name}": item.runs}
                if not 0 <= item.seconds <= HIGHEST:  # 0: what it cost does not count
                    raise ValueError(
                        f"arms.{name}: seconds of {item.name} is {item.seconds}, not "
                        f"in [0, {HIGHEST}]"
                    )
            for key, value in positive.items():
                if not LOWEST <= value <= HIGHEST:
                    raise ValueError(
                        f"arms.{name}: {key} is {value}, not in [{LOWEST}, {HIGHEST}]"
                    )

    @property
    def dearest(self) -> str:
        """Name of the arm that takes longest at the length of its config."""
        return max(self.arms, key=lambda name: self.arms[name].seconds(self.rule))

    @property
    def seconds(self) -> float:
        """Time of the dearest arm, which all have."""
        return self.arms[self.dearest].seconds(self.rule)

    def length_of(self, name: str) -> int:
        """``max_iters``, or ``max_epochs``, with which an arm has the same time.

        The part of an iteration, or of an epoch, that is left over is not trained.
        """
        arm = self.arms[name]
        left = self.seconds - arm.teacher_s(self.rule) - arm.cache_s(self.rule)
        unit = arm.step_s * arm.iterations / arm.length
        return max(arm.length, int(left / unit * (1 + TINY)))

    def iterations_of(self, name: str) -> int:
        """Iterations of that length."""
        arm = self.arms[name]
        return self.length_of(name) * arm.iterations // arm.length

    def lines(self) -> list[str]:
        """What is charged, and the resulting lengths, as text."""
        head = (
            f"Equal wall-clock: every run has the {self.seconds:,.1f} s of "
            f"{self.dearest}, measured on {self.machine}. "
        )
        head += {
            ONCE: "Teacher and cache are charged to each run in full.",
            SHARED: "Teacher and cache are divided among the runs that use them.",
        }[self.rule]
        lines = [f"{head} Validations, of which all have as many, are not charged."]
        items = [i for arm in self.arms.values() for i in (*arm.teachers, *arm.caches)]
        for item in dict.fromkeys(items):
            used = f", used by {item.runs} runs" if self.rule == SHARED else ""
            lines.append(f"  {item.name}: {item.seconds:,.1f} s ({item.how}{used})")
        return [*lines, *(self._line(name) for name in self.arms)]

    def _line(self, name: str) -> str:
        arm, iterations = self.arms[name], self.iterations_of(name)
        low, high = arm.quartiles_s
        teacher, cache = arm.teacher_s(self.rule), arm.cache_s(self.rule)
        own = iterations * arm.step_s
        return (
            f"  {name}: {arm.iterations:,} iterations in its config, {iterations:,} "
            f"with equal time: teacher {teacher:,.1f} s + cache {cache:,.1f} s + "
            f"{iterations:,} x {arm.step_s:.4f} s (quartiles {low:.4f} to {high:.4f}) "
            f"= {teacher + cache + own:,.1f} s"
        )

    def to_json(self) -> str:
        """Serialise."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str, source: str) -> "Budget":
        """Deserialise.

        Args:
            text: The text.
            source: Name of the file, for errors.

        Raises:
            ValueError: It is no budget of this version.
        """
        try:
            values = parse_json(text)
            if values.pop("version") != VERSION:
                raise ValueError("its version is unknown")
            arms = {name: _arm(each) for name, each in values.pop("arms").items()}
            budget = cls(arms=arms, **values)
            check_types(budget)
            budget.check_values()
            return budget
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{source} is no budget that this version can read: {error}. Start a "
                f"new sweep with another --out"
            ) from error


def _arm(values: Mapping) -> ArmCost:
    items = {key: _items(values[key]) for key in ("teachers", "caches")}
    quartiles = tuple(values["quartiles_s"])
    return ArmCost(**{**values, **items, "quartiles_s": quartiles})


def _items(values: Iterable[Mapping]) -> tuple[Item, ...]:
    return tuple(Item(**each) for each in values)


def read_budget(folder: Path) -> Budget | None:
    """Read the budget of a sweep; None where it is not measured yet.

    Raises:
        ValueError: Its file is damaged or of an unknown version.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    with reading(path, "budget"):
        return Budget.from_json(read_text(path), str(path))


def write_budget(folder: Path, budget: Budget) -> None:
    """Write ``budget.json`` atomically."""
    write_whole(folder / FILE, budget.to_json())

"""Conditions on the teacher, checked before training starts."""

import difflib
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmengine.logging import print_log

from mmseg_splashkd.evaluation.direction import falls
from mmseg_splashkd.evaluation.skill import Skill

# Of the way from one class everywhere to a perfect prediction.
SMALLEST_GAIN = 0.05
LEAST_LEAD = 3.0  # points; a rule of thumb of docs/when_it_pays.md
SKILL = ("skill", "trivial_skill")  # in the report
RULES = ("floor", "classes", "normalisation", "finite", "failed")


class PoorTeacherError(ValueError):
    """A teacher breaks a rule of ``TeacherGate``.

    Args:
        rule: One of ``RULES``.
        message: The violation, and its remedy.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


@dataclass(frozen=True)
class TeacherGate:
    """Conditions on the teacher; see ``from_config``.

    Attributes:
        floor: Metric, named as ``val_evaluator`` prints it, such as ``Dice.splash`` ->
            exclusive bound on the teacher's value on the validation part: a lower
            bound, or an upper bound where smaller is better (``cross_entropy``).
            Without one, the teacher must be better than one class everywhere (see
            ``check_skill``).
        plain: Metric, such as ``Dice.splash`` -> score of a plain student on the
            validation part, in percent. A teacher that leads by less than
            ``LEAST_LEAD`` points is reported by a warning.
        allow: Rules of ``RULES`` whose violation is a warning instead of an error.
    """

    floor: Mapping[str, float] = field(default_factory=dict)
    allow: Sequence[str] = ()
    plain: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | None) -> "TeacherGate":
        """Read a config.

        Args:
            config: ``floor``, ``plain`` and ``allow``; None for the defaults.
                ``--cfg-options`` splits names at dots and passes a one-element list as
                its element; both are accepted.

        Raises:
            ValueError: A key or a rule is unknown, a floor or a score is not a finite
                number, or one of ``plain`` is of a metric that falls.
        """
        config = config or {}
        for key in config:
            _check_name("teacher_gate", key, tuple(cls.__dataclass_fields__))
        floor, plain = _numbers("floor", config), _numbers("plain", config)
        for name in filter(falls, plain):
            raise ValueError(
                f"teacher_gate.plain names {name!r}, of which smaller is better: a "
                f"lead is counted in points of a score in percent, such as mIoU"
            )
        allow = config.get("allow") or ()
        allow = (allow,) if isinstance(allow, str) else tuple(allow)
        for rule in allow:
            _check_name("teacher_gate.allow", rule, RULES)
        return cls(floor, allow, plain)

    def refuse(self, rule: str, message: str) -> None:
        """Raise an error, or log a warning if violations of the rule are allowed.

        Args:
            rule: One of ``RULES``.
            message: The violation, and its remedy.

        Raises:
            PoorTeacherError: Violations of the rule are not allowed.
        """
        if rule not in self.allow:
            raise PoorTeacherError(
                rule, f"{message}. model.teacher_gate.allow={[rule]} makes it a warning"
            )
        print_log(
            f"{message}. Allowed by teacher_gate.allow",
            logger="current",
            level=logging.WARNING,
        )

    def check_floor(self, metrics: Mapping[str, float]) -> None:
        """Compare the teacher's metrics with the floor.

        Args:
            metrics: Metric -> value on the validation part.

        Raises:
            ValueError: A metric is missing, or (rule ``'floor'``) a value is NaN or not
                better than its floor.
        """
        for name in self.floor:
            _check_name("teacher_gate.floor", name, tuple(metrics))
        failures = [
            f"{name} {metrics[name]:.4g}, which is not {_direction(name)} {floor:g}"
            for name, floor in self.floor.items()
            if not _is_better(name, metrics[name], floor)
        ]
        if failures:
            self.refuse(
                "floor",
                f"on the validation part the teacher has {' and '.join(failures)}, the "
                f"floor of model.teacher_gate: take a better teacher or another floor",
            )

    def small_leads(self, metrics: Mapping[str, float]) -> str | None:
        """A warning where the teacher hardly leads the plain student, else None.

        Args:
            metrics: Metric -> value of the teacher on the validation part.

        Raises:
            ValueError: A metric of ``plain`` is missing.
        """
        for name in self.plain:
            _check_name("teacher_gate.plain", name, tuple(metrics))
        small = [
            f"{name} {metrics[name]:.2f}, and the plain student {score:.2f}"
            for name, score in self.plain.items()
            if not metrics[name] - score >= LEAST_LEAD
        ]
        if not small:
            return None
        return (
            f"on the validation part the teacher has {' and '.join(small)}: with a "
            f"lead of less than {LEAST_LEAD:g} points there is little to distil. "
            f"tools/advise.py says what is known of such cases"
        )

    def check_skill(self, report: Mapping[str, Any]) -> str | None:
        """Require that the teacher is better than a prediction of one class.

        Its ``skill`` must gain ``SMALLEST_GAIN`` of the way from ``trivial_skill`` to
        100 %, so that a threshold chosen on a few frames does not pass by chance.

        Args:
            report: Figures of the teacher, see ``hooks.teacher_report``.

        Returns:
            A warning where this is not known, or holds at other thresholds than 0.5
            alone; None where it holds.

        Raises:
            ValueError: It does not hold (rule ``'floor'``).
        """
        found = Skill(*(report.get(key, math.nan) for key in SKILL))
        if not math.isfinite(found.gained):
            return (
                "the teacher was not compared with a prediction of one class: its "
                "report has no skill on the validation part, as where no pixel of it "
                "is foreground, or in a cache of an earlier version"
            )
        if not found.gained >= SMALLEST_GAIN:
            needed = found.trivial + SMALLEST_GAIN * (100 - found.trivial)
            self.refuse(
                "floor",
                f"on the validation part the teacher reaches {found.score:.2f} % (Dice "
                f"of the foreground at its best threshold; of more than two classes, "
                f"mean IoU), and one class everywhere {found.trivial:.2f} %: a teacher "
                f"below {needed:.2f} % teaches nothing. Take a better one, or set "
                f"model.teacher_gate.floor",
            )
        return _few_decisions(report.get("metrics", {}), found.score)


def _few_decisions(metrics: Mapping[str, float], score: float) -> str | None:
    """The warning that a foreground is hardly predicted at the threshold 0.5."""
    dice = [value for name, value in metrics.items() if name.startswith("Dice.")]
    if len(dice) != 2 or not min(dice) < 100 * SMALLEST_GAIN < score:
        return None
    return (
        f"at the threshold 0.5 the teacher has Dice {min(dice):.2f}, at its best one "
        f"{score:.2f}: it teaches by its probabilities, and hardly by its decisions"
    )


def _is_better(name: str, value: float, floor: float) -> bool:
    return value < floor if falls(name) else value > floor


def _direction(name: str) -> str:
    return "below" if falls(name) else "above"


def _numbers(key: str, config: Mapping[str, Any]) -> dict[str, float]:
    numbers = dict(_flat(config.get(key) or {}))
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"teacher_gate.{key}[{name!r}]={value!r} is not a number")
        if not math.isfinite(value):
            raise ValueError(
                f"teacher_gate.{key}[{name!r}]={value} is not finite: leave it out"
            )
    return numbers


def _flat(floor: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in floor.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _check_name(argument: str, name: str, existing: Sequence[str]) -> None:
    if name not in existing:
        close = difflib.get_close_matches(str(name), existing, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ValueError(
            f"{argument} names {name!r}, which does not exist: {hint}There are "
            f"{', '.join(existing) or 'none'}"
        )

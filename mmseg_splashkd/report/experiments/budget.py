"""The views of runs that a sweep has charged: equal steps and equal wall-clock."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmseg_splashkd.records.record import Charge
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.findings import Findings, judge
from mmseg_splashkd.report.titles import EQUAL_TIME
from mmseg_splashkd.statistics import Settings

VIEWS = {"steps": "equal steps", "wall": EQUAL_TIME}


@dataclass(frozen=True, eq=False)
class View:
    """The arms of one view, compared with the plain student of that view.

    Args:
        name: ``'steps'`` or ``'wall'``.
        findings: The comparison.
    """

    name: str
    findings: Findings

    @property
    def timed(self) -> bool:
        """Whether its curves are compared over time, not over iterations."""
        return self.name == "wall"


@dataclass(frozen=True, eq=False)
class Budgets:
    """The views of charged runs.

    Args:
        views: One or two.
        worth: Smallest relevant difference in points.
    """

    views: tuple[View, ...]
    worth: float

    @property
    def arms(self) -> list[ArmRuns]:
        """Every arm once."""
        return list(
            dict.fromkeys(arm for each in self.views for arm in each.findings.arms)
        )


def budgets_of(
    arms: Sequence[ArmRuns], baseline: ArmRuns, settings: Settings
) -> Budgets | None:
    """Sort charged arms into their views, and compare the arms of each.

    Args:
        arms: The arms; those that are not charged, such as teachers, are passed over.
        baseline: Baseline of the report; in each view the arm of its config, else the
            first plain student.
        settings: Options of the comparison.

    Returns:
        None where no view has a baseline and another arm.
    """
    views = []
    for name in VIEWS:
        within = [arm for arm in arms if name in _views_of(arm)]
        first = _first(within, baseline)
        others = [arm for arm in within if arm is not first]
        if first is not None and others:
            findings, _ = judge(first, others, settings)
            views.append(View(name, findings))
    return Budgets(tuple(views), settings.worth) if views else None


def _views_of(arm: ArmRuns) -> tuple[str, ...]:
    return () if arm.record.charge is None else arm.record.charge.views


def _first(arms: Sequence[ArmRuns], baseline: ArmRuns) -> ArmRuns | None:
    charge = baseline.record.charge
    same = [arm for arm in arms if charge and charge_of(arm).arm == charge.arm]
    return next(iter([*same, *(arm for arm in arms if arm.plain)]), None)


def charge_of(arm: ArmRuns) -> Charge:
    """What each run of a charged arm is charged."""
    charge = arm.record.charge
    assert charge is not None
    return charge

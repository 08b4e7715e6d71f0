"""Arms evaluated at operating points whose thresholds are chosen on other frames."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.evaluation.operating_point import Found, found
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.statistics.thresholds import (
    at_cross_fitted_thresholds,
    at_validation_thresholds,
)

LISTED = 4  # arms


@dataclass(frozen=True)
class Hidden:
    """That the decision of a model hides what it knows of the focus class.

    Args:
        fact: Which arms hardly find the class, without a full stop.
        nowhere: Whether no threshold finds the class either, in any arm.
        points: Dice of each arm at thresholds chosen on other frames, as a sentence;
            empty where no arm has probabilities.
        obstacle: Why the figures are by argmax all the same; None where they are at
            operating points.
    """

    fact: str
    nowhere: bool
    points: str
    obstacle: str | None = None

    @property
    def sentences(self) -> list[str]:
        """What to know before reading the figures."""
        if self.obstacle is None:
            return [f"{self.fact}: figures at each arm's operating point follow."]
        reasons = [f"Figures are by argmax: {self.obstacle}."]
        return [f"{self.fact}.", *([self.points] if self.points else []), *reasons]


def decide(
    arms: Sequence[ArmRuns], weights: str, operating_point: bool | None
) -> tuple[list[ArmRuns], Hidden | None]:
    """Choose between argmax and operating points.

    Args:
        arms: Arms with scores of one part.
        weights: ``'last'`` or ``'best'``.
        operating_point: Whether to replace argmax (see ``at_operating_points``); None:
            where an arm hardly finds the focus class by argmax (see
            ``Found.is_hardly_found``).

    Returns:
        The arms to compare, and what argmax hides, if anything: such figures must not
        be shown as a result.

    Raises:
        ValueError: ``operating_point`` is True, and no threshold can be chosen.
    """
    if operating_point:
        return at_operating_points(arms, weights), None
    hidden = hidden_by_argmax(arms)
    if hidden is None:
        return list(arms), None
    if operating_point is False:
        return list(arms), replace(hidden, obstacle="--no-operating-point was given")
    try:
        return at_operating_points(arms, weights), hidden
    except ValueError as error:
        return list(arms), replace(hidden, obstacle=str(error))


def hidden_by_argmax(arms: Sequence[ArmRuns]) -> Hidden | None:
    """What argmax hides of the focus class; None where every arm finds it.

    Runs that were tested at a threshold are not judged.
    """
    by_arm = {
        arm.title: found(runs)
        for arm in arms
        if (runs := [run for run in arm.arm.runs.values() if not _decided(run.about)])
    }
    hard = {title: of for title, of in by_arm.items() if of.is_hardly_found}
    if not hard:
        return None
    whole = len(hard) == len(arms)
    first = next(iter(hard.values()))
    dice = [of.by_argmax.dice for of in hard.values()]
    low, high = f"{min(dice):.1f}", f"{max(dice):.1f}"
    figures = f"Dice {low} %" if low == high else f"Dice {low} to {high} %"
    if whole and all(of.is_few for of in hard.values()):
        who = f"No arm predicts {first.focus}"
    else:
        who = f"{'All arms' if whole else _listed(list(hard))}: {first.focus} is hardly"
        who += " found"
    return Hidden(
        fact=f"{who} {first.decision} ({figures})",
        nowhere=len(by_arm) == len(arms)
        and all(of.is_found_nowhere for of in by_arm.values()),
        points=_points(by_arm),
    )


def _decided(about) -> bool:
    return about.get("threshold") is not None


def _listed(titles: Sequence[str]) -> str:
    more = len(titles) - LISTED
    return "; ".join([*titles[:LISTED], *([f"{more} more"] if more > 0 else [])])


def _points(by_arm: dict[str, Found]) -> str:
    known = {
        title: of.operating.dice
        for title, of in by_arm.items()
        if of.operating is not None
    }
    if not known:
        return ""
    first = next(iter(by_arm.values()))
    # Of one class against the rest: no threshold decides between the others.
    alone = " alone" if first.classes > 2 else ""
    figures = _listed([f"{title} {dice:.1f} %" for title, dice in known.items()])
    return (
        f"Dice of {first.focus}{alone} at thresholds chosen on other frames: {figures}."
    )


def chosen_on(arms: Sequence[ArmRuns]) -> str:
    """How ``at_operating_points`` has decided, as a sentence."""
    folded = {len({run.fold for run in arm.arm.runs}) > 1 for arm in arms}
    sources = {True: "the other folds of its arm", False: "other frames of its part"}
    source = " or, with one fold, on ".join(
        sources[each] for each in sorted(folded)[::-1]
    )
    if not _on_validation(arms):
        source = "its own validation part"
    return f"Each run is evaluated at the threshold that is best on {source}"


def _on_validation(arms: Sequence[ArmRuns]) -> bool:
    return all(arm.arm.first.about.get("part") == "val" for arm in arms)


def at_operating_points(arms: Sequence[ArmRuns], weights: str) -> list[ArmRuns]:
    """Replace argmax by a threshold of each run's own.

    A run on the validation part gets the threshold that is best on the arm's other
    folds, or with one fold on its other blocks in time; a run on the test part the
    one that is best on its own validation part. No threshold is chosen on the frames
    that it is scored on.

    Args:
        arms: Arms with scores of one part.
        weights: ``'last'`` or ``'best'``.

    Raises:
        ValueError: No such threshold can be chosen.
    """
    if _on_validation(arms):
        return [replace(arm, arm=at_cross_fitted_thresholds(arm.arm)) for arm in arms]
    return [_at_stored(arm, weights) for arm in arms]


def _at_stored(arm: ArmRuns, weights: str) -> ArmRuns:
    validations = {}
    for identity, run in arm.runs.items():
        path = run.scores_path("val", weights)
        if path is None:
            raise ValueError(
                f"run {run.name} has no scores of its {weights} weights on the "
                f"validation part, on which its threshold is chosen"
            )
        validations[identity] = load_scores(path)
    return replace(arm, arm=at_validation_thresholds(arm.arm, validations))

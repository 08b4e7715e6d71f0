"""Which arm is best, and whether that is real: each way it can turn out."""

from dataclasses import replace

import pytest

from mmseg_splashkd.report.experiments.headline import headline
from mmseg_splashkd.report.experiments.statistics import Findings
from mmseg_splashkd.statistics import ArmScores, Comparison, Interval
from tests.report.experiments.test_forest import difference
from tests.report.experiments.test_over_time import runs, scores


def findings(*told):
    """The baseline and arms: value, verdict, the highest first."""
    arms = [runs(scores([0], [1], ["a"])) for _ in range(len(told) + 1)]
    arms = [
        replace(arm, arm=replace(arm.arm, name=name), title=name.upper())
        for arm, name in zip(arms, ("plain", "a", "b", "c"), strict=False)
    ]
    differences = [
        replace(
            difference(value, value - 1, value + 1),
            arm=arm.name,
            metric="Dice.splash",
            verdict=verdict,
            more_frames=120,
        )
        for arm, (value, verdict) in zip(arms[1:], told, strict=True)
    ]
    shown = Interval(70.0, 68.0, 72.0, 1.0, 9)
    intervals: dict[str, Interval | None] = {"Dice.splash": shown}
    of = {"Dice.splash": 70.0}, intervals
    comparison = Comparison(
        metrics=("mIoU", "Dice.splash"),
        arms=tuple(ArmScores(arm.name, 3, 300, 12, *of) for arm in arms),
        differences=tuple(differences),
        block="20 frames",
        notes=(),
    )
    return Findings(tuple(arms), (), "Dice.splash", comparison, ())


def test_a_verdict_is_claimed():
    told = headline(findings((2.0, "better"), (1.5, "better"), (-3.0, "worse")))
    assert told.tone == "better"
    assert told.claim == "A is better than the baseline, PLAIN."
    assert told.reasons == (
        "Dice of splash: 2.0 points better, 95 % interval 1.0 to 3.0, on 300 frames.",
        "Better, too: B.",
        "Worse than the baseline: C.",
    )


def test_the_highest_figure_is_not_claimed_where_a_lower_one_is():
    told = headline(findings((2.0, "cannot tell"), (1.5, "better")))
    assert told.claim == "B is better than the baseline, PLAIN."
    assert told.reasons[1].startswith("A scores higher still, but that may be luck: ")


@pytest.mark.parametrize(
    ("value", "claim", "reason"),
    [
        (
            0.5,
            "No arm is clearly better than the baseline, PLAIN.",
            "The highest is A: ",
        ),
        (-0.5, "No arm scores above the baseline, PLAIN.", "The nearest is A: "),
    ],
)
def test_no_verdict_is_no_claim(value, claim, reason):
    told = headline(findings((value, "cannot tell")))
    assert (told.tone, told.claim) == ("unsure", claim)
    assert told.reasons[0].startswith(reason)
    assert "about 120 more frames would be needed" in told.reasons[0]


def test_one_arm_has_a_score():
    told = headline(findings())
    assert told.tone == "alone"
    assert told.reasons == (
        "PLAIN: Dice of splash 70.0 (68.0 to 72.0) % on 300 frames.",
    )

"""The main result: each way it can turn out."""

from dataclasses import replace

import pytest

from mmseg_splashkd.report.experiments.headline import headline
from mmseg_splashkd.report.findings import Findings
from mmseg_splashkd.report.operating_arms import Hidden
from mmseg_splashkd.statistics import ArmScores, Comparison, Interval
from tests.report.experiments.test_forest import difference
from tests.report.experiments.test_over_time import runs, scores


def findings(*differences_of):
    """The baseline and arms: value, verdict, the highest first."""
    names = ("PLAIN", "A", "B", "C")[: len(differences_of) + 1]
    arms = [runs(scores([0], [1], ["a"]), title=name) for name in names]
    differences = [
        replace(
            difference(value, value - 1, value + 1),
            arm=arm.title,
            metric="Dice.splash",
            verdict=verdict,
            more_frames=120,
        )
        for arm, (value, verdict) in zip(arms[1:], differences_of, strict=True)
    ]
    shown = Interval(70.0, 68.0, 72.0, 1.0, 9)
    intervals: dict[str, Interval | None] = {"Dice.splash": shown}
    of = {"Dice.splash": 70.0}, intervals
    comparison = Comparison(
        metrics=("mIoU", "Dice.splash"),
        arms=tuple(ArmScores(arm.title, 3, 300, 12, *of) for arm in arms),
        differences=tuple(differences),
        block="20 frames",
        notes=(),
    )
    return Findings(tuple(arms), (), "Dice.splash", comparison, ())


def test_a_verdict_is_claimed():
    result = headline(findings((2.0, "better"), (1.5, "better"), (-3.0, "worse")))
    assert result.tone == "better"
    assert result.claim == "A is better than the baseline, PLAIN."
    assert result.reasons == (
        "Dice of splash: 2.0 points better, 95 % interval 1.0 to 3.0, on 300 frames.",
        "Also better: B.",
        "Worse than the baseline: C.",
    )


def test_the_highest_figure_is_not_claimed_where_a_lower_one_is():
    result = headline(findings((2.0, "cannot tell"), (1.5, "better")))
    assert result.claim == "B is better than the baseline, PLAIN."
    assert result.reasons[1].startswith(
        "A has a higher score, but the difference may be chance: "
    )


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
    result = headline(findings((value, "cannot tell")))
    assert (result.tone, result.claim) == ("unsure", claim)
    assert result.reasons[0].startswith(reason)
    assert "about 120 more frames would be needed" in result.reasons[0]


def test_one_arm_has_a_score():
    result = headline(findings())
    assert result.tone == "alone"
    assert result.reasons == (
        "PLAIN: Dice of splash 70.0 (68.0 to 72.0) % on 300 frames.",
    )


HIDDEN = Hidden("No arm predicts splash at the threshold 0.5 (Dice 0.0 %)", False, "")


def test_figures_at_operating_points_are_announced():
    found = findings((2.0, "better"))
    result = headline(replace(found, hidden=HIDDEN))
    assert result.claim == headline(found).claim
    assert result.reasons == (
        "No arm predicts splash at the threshold 0.5 (Dice 0.0 %): figures at each "
        "arm's operating point follow.",
        *headline(found).reasons,
    )


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_a_zero_is_never_the_result(value):
    """All score 0 by argmax, and no operating point could be chosen."""
    hidden = replace(HIDDEN, points="Dice of splash: A 41.2 %.", obstacle="of an error")
    result = headline(replace(findings((value, "better")), hidden=hidden))
    assert result == (
        "unsure",
        "No arm predicts splash at the threshold 0.5 (Dice 0.0 %).",
        ("Dice of splash: A 41.2 %.", "Figures are by argmax: of an error."),
    )


@pytest.mark.parametrize("obstacle", [None, "of an error"])
def test_models_that_find_nothing_have_no_verdict(obstacle):
    hidden = replace(HIDDEN, nowhere=True, obstacle=obstacle)
    result = headline(replace(findings((2.0, "better")), hidden=hidden))
    assert (result.tone, result.claim) == ("unsure", "No arm finds splash.")
    assert result.reasons[-1] == (
        "No threshold does better than predicting splash everywhere."
    )

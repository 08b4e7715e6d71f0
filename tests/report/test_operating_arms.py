from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.evaluation.frame_scores import save_scores
from mmseg_splashkd.evaluation.operating_point import cross_fitted_dice
from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.compare import compare_runs, read_arms
from mmseg_splashkd.report.operating_arms import decide, hidden_by_argmax
from mmseg_splashkd.statistics import FoldSeed, arm_of
from tests.statistics.drawn import best_threshold, confusion, drawn


@pytest.fixture
def bold_and_shy(tmp_path):
    """Two arms with the same ranking of pixels, one under-confident; two folds each."""
    for name, boldness in (("bold", 1.0), ("shy", 0.5)):
        for fold in (0, 1):
            folder = tmp_path / f"{name}_fold{fold}_seed0" / "scores"
            for part, first in (("val", 100 * fold), ("test", 1000)):
                scores = drawn(fold, first, boldness, frames=60)[2]
                scores = replace(scores, about={"part": part, "fold": fold, "seed": 0})
                save_scores(scores, folder / f"{part}_last.npz")
    return [str(tmp_path / f"{name}_fold*_seed0") for name in ("bold", "shy")]


def dice_of(comparison) -> list[float]:
    return [arm.scores["Dice.splash"] for arm in comparison.arms]


@pytest.mark.parametrize("part", ["val", "test"])
def test_an_operating_point_has_higher_recall_than_argmax(bold_and_shy, part, capsys):
    options = {"part": part, "metrics": ["Dice.splash"], "resamples": 100}
    by_argmax = compare_runs(bold_and_shy, operating_point=False, **options)
    decided = compare_runs(bold_and_shy, operating_point=True, **options)
    assert dice_of(by_argmax)[1] == 0
    assert dice_of(decided)[1] == pytest.approx(dice_of(decided)[0], abs=1.0)
    assert "threshold" in capsys.readouterr().out


def test_test_part_is_decided_at_the_threshold_of_the_validation_part(bold_and_shy):
    bold = read_arms(bold_and_shy, "test", operating_point=True)[0].arm
    for fold, (_, run) in enumerate(sorted(bold.runs.items())):
        probability, label, _ = drawn(fold, frames=60)
        threshold = best_threshold(probability, label)
        assert run.about["threshold"] == threshold
        assert np.array_equal(run.confusion, confusion(probability >= threshold, label))


def of_runs(title: str, *scores) -> ArmRuns:
    runs = [(FoldSeed(None, seed), each) for seed, each in enumerate(scores)]
    return ArmRuns(arm_of(title, runs), {}, title)


def val(*args, **options):
    return replace(drawn(*args, **options)[2], about={"part": "val"})


BOLD = of_runs("bold", val(0, boldness=1.0, frames=60))
SHY = of_runs("shy", val(0, boldness=0.5, frames=60))
SHY_TOO = of_runs("shy too", val(1, boldness=0.45, frames=60))


def test_figures_stay_by_argmax_where_it_hides_nothing():
    assert decide([BOLD, BOLD], "last", None) == ([BOLD, BOLD], None)


def test_one_arm_that_argmax_hides_is_enough():
    arms, hidden = decide([BOLD, SHY], "last", None)
    assert hidden is not None
    assert hidden.sentences == [
        "shy: splash is hardly found at the threshold 0.5 (Dice 0.0 %): figures at "
        "each arm's operating point follow."
    ]
    decided = [arm.arm.first.about["threshold"] for arm in arms]
    assert max(decided[1]) < 0.5 < max(decided[0])


def test_all_arms_that_argmax_hides():
    hidden = hidden_by_argmax([SHY, SHY_TOO])
    assert hidden is not None
    assert hidden.fact == "No arm predicts splash at the threshold 0.5 (Dice 0.0 %)"
    assert not hidden.nowhere


def test_argmax_on_request_is_no_result_either():
    arms, hidden = decide([BOLD, SHY], "last", False)
    assert arms == [BOLD, SHY]
    assert hidden is not None
    fact, points, reason = hidden.sentences
    assert fact == "shy: splash is hardly found at the threshold 0.5 (Dice 0.0 %)."
    assert points.startswith(
        "Dice of splash at thresholds chosen on other frames: bold"
    )
    assert reason == "Figures are by argmax: --no-operating-point was given."
    assert decide([BOLD, SHY], "last", True)[1] is None


def test_many_classes_have_points_beside_figures_by_argmax():
    scores = SHY.arm.first
    confusion = np.zeros((len(scores), 3, 3), int)
    confusion[:, :2, 0] = scores.confusion.sum(2)  # all is predicted as water
    three = replace(scores, confusion=confusion, classes=("water", "splash", "net"))
    arms, hidden = decide([of_runs("three", three)], "last", None)
    assert arms[0].arm.first is three
    assert hidden is not None
    fact, points, reason = hidden.sentences
    assert fact == "No arm predicts splash by argmax (Dice 0.0 %)."
    dice = cross_fitted_dice(scores)
    assert dice > 50
    assert points == (
        "Dice of splash alone at thresholds chosen on other frames: "
        f"three {dice:.1f} %."
    )
    assert reason == (
        "Figures are by argmax: a threshold on splash alone does not decide which "
        "other class a pixel is, of ('water', 'splash', 'net'): compare them by argmax."
    )


def test_without_probabilities_the_zero_is_said():
    blind = of_runs("blind", replace(SHY.arm.first, histogram=None))
    _, hidden = decide([blind], "last", None)
    assert hidden is not None
    fact, reason = hidden.sentences
    assert fact == "No arm predicts splash at the threshold 0.5 (Dice 0.0 %)."
    assert "hold no probabilities" in reason


def test_runs_tested_at_a_threshold_are_not_judged():
    tested = replace(SHY.arm.first, about={"threshold": 0.9})
    assert hidden_by_argmax([of_runs("at a threshold", tested)]) is None


def test_a_comparison_says_why_it_is_at_operating_points(bold_and_shy, capsys):
    comparison = compare_runs(bold_and_shy, part="val", resamples=100)
    assert comparison.notes[0].startswith("shy_fold: splash is hardly found at")
    assert comparison.notes[1] == (
        "Each run is evaluated at the threshold that is best on the other folds of its "
        "arm."
    )
    assert dice_of(comparison)[1] > 50
    assert "figures at each arm's operating point follow" in " ".join(
        capsys.readouterr().out.split()
    )

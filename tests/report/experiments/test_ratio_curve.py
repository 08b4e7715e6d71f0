"""Scores over teacher_ratio: the points of each family."""

from dataclasses import replace

from mmseg_splashkd.report.experiments.ratio_curve import ratio_curves
from tests.report.experiments.test_over_time import runs, scores

METRIC = "Dice.splash"


def arm(family, ratio, missed, plain=False):
    """One run a frame, of 20 pixels of splash."""
    found = runs(scores([missed], [1], ["a"]))
    return replace(found, family=family, ratio=ratio, plain=plain)


def dice(missed):
    return 100 * 2 * (20 - missed) / (40 - missed)


def points(baseline, *others):
    curves = ratio_curves(baseline, [baseline, *others], METRIC)
    return {
        each.family: {r: p[None] for r, p in each.points.items()} for each in curves
    }


def test_a_plain_baseline_is_r_0_of_every_family():
    curve = points(arm("b0", None, 4, plain=True), arm("kd", 0.5, 2), arm("pe", 1.0, 6))
    assert curve == {
        "kd": {0.0: dice(4), 0.5: dice(2)},
        "pe": {0.0: dice(4), 1.0: dice(6)},
    }


def test_a_family_with_an_r_0_of_its_own_keeps_it():
    curve = points(
        arm("kd", 0.0, 4), arm("kd", 0.5, 2), arm("pe", 0.0, 5), arm("x", 1.0, 1)
    )
    assert curve == {
        "kd": {0.0: dice(4), 0.5: dice(2)},
        "pe": {0.0: dice(5)},
        "x": {0.0: dice(4), 1.0: dice(1)},
    }


def test_a_distilled_baseline_is_not_r_0():
    curve = points(arm("kd", 0.25, 4), arm("pe", 0.5, 2), arm("schedule", None, 1))
    assert curve == {"kd": {0.25: dice(4)}, "pe": {0.5: dice(2)}}

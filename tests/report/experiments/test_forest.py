"""Positions of differences and intervals on an axis, against values by hand."""

import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from mmseg_splashkd.report.experiments.forest import axis_limits, forest
from mmseg_splashkd.report.figures import BAD, GOOD, NEUTRAL
from mmseg_splashkd.statistics import Difference, Interval

SVG = "{http://www.w3.org/2000/svg}"


def difference(value, low=None, high=None):
    interval = None if low is None else Interval(value, low, high or 0.0, 1.0, 5)
    return Difference(
        baseline="plain",
        arm="distilled",
        metric="Dice.splash",
        method="folds",
        pairs=3,
        frames=300,
        blocks=12,
        value=value,
        interval=interval,
        pooled=None,
        p=None,
        comparisons=1,
        verdict="cannot tell",
        more_frames=None,
        worth=1.0,
        more_frames_for_worth=None,
        false_claims=None,
        correlated=False,
    )


def marks(svg, color):
    """Places of the markers of a colour: x, y, and whether they are filled."""
    return [
        (
            float(use.get("x", "nan")),
            float(use.get("y", "nan")),
            "fill-opacity: 0" not in style,
        )
        for use in ElementTree.fromstring(svg).iter(f"{SVG}use")
        if f"stroke: {color}" in (style := use.get("style", "")) and use.get("x")
    ]


def texts(svg):
    return [e.text for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def draw(*differences):
    lanes = {f"arm {n}": each for n, each in enumerate(differences)}
    return forest(lanes, axis_limits(differences), "salt")


def judged(verdict, *figures):
    return replace(difference(*figures), verdict=verdict)


def test_the_axis_contains_all_ends_and_zero():
    # From -4 to 3, and 4 % of that beyond each end.
    both = [difference(1, -1, 3), difference(-3, -4, -2)]
    assert axis_limits(both) == pytest.approx((-4.28, 3.28))
    assert axis_limits([difference(2.0)]) == pytest.approx((-0.08, 2.08))
    assert axis_limits([difference(math.nan), difference(0.0)]) == (-1, 1)


def test_one_wide_interval_is_cut_off_and_marked():
    narrow = [judged("better", value, value - 1, value + 1) for value in (1, 2)]
    wide = judged("worse", 0, -90, 90)
    # Four usual lengths, 2 points each, beyond the values, and 4 % of 18 points.
    assert axis_limits([*narrow, wide]) == pytest.approx((-8.72, 10.72))
    svg = draw(*narrow, wide)
    assert len(marks(svg, GOOD)) == 2
    low, high, middle = (x for x, *_ in marks(svg, BAD))
    assert (middle - low) / (high - low) == pytest.approx(8.72 / 19.44, abs=1e-3)


def test_differences_are_drawn_to_one_scale_in_lanes():
    svg = draw(*(judged("better", value, value - 1, value + 1) for value in (3, 1, 4)))
    (x0, y0, _), (x1, y1, _), (x2, y2, _) = marks(svg, GOOD)
    assert (x0 - x1) / (x2 - x1) == pytest.approx(2 / 3, abs=1e-3)
    assert y0 < y1 < y2  # SVG counts downwards
    assert y1 - y0 == pytest.approx(y2 - y1)


def test_only_verdicts_are_filled_and_have_a_symbol():
    svg = draw(
        judged("better", 2, 1, 3), judged("worse", -2, -3, -1), difference(1, 0, 2)
    )
    assert [filled for *_, filled in marks(svg, GOOD) + marks(svg, BAD)] == [True, True]
    assert [filled for *_, filled in marks(svg, NEUTRAL)].count(False) == 1
    words = texts(svg)
    assert {"arm 0", "arm 1", "arm 2", "0", "+2"} <= set(words)
    assert "▲ +2.0 (+1.0 to +3.0)" in words
    assert "▼ \N{MINUS SIGN}2.0 (\N{MINUS SIGN}3.0 to \N{MINUS SIGN}1.0)" in words
    assert "+1.0 (0.0 to +2.0)" in words


def test_what_is_not_known_is_not_drawn():
    svg = draw(judged("better", 2.0), judged("better", math.nan))
    assert len(marks(svg, GOOD)) == 1
    assert "▲ n/a" in texts(svg)

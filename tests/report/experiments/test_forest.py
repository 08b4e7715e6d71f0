"""Where differences and their intervals stand along an axis, worked out by hand."""

import math

import pytest

from mmseg_splashkd.report.experiments.forest import Strip, place
from mmseg_splashkd.statistics import Difference, Interval


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


def test_ends_values_and_zero_keep_their_distances():
    axis, (first, second) = place([difference(1, -1, 3), difference(-3, -4, -2)])
    # From -4 to 3, and 4 % of that beyond each end.
    length = 7 * 1.08

    def at(value):
        return pytest.approx(100 * (value + 4 + 0.28) / length, abs=0.01)

    assert axis.zero == at(0)
    assert (first.low, first.value, first.high) == (at(-1), at(1), at(3))
    assert (second.low, second.value, second.high) == (at(-4), at(-3), at(-2))
    assert (first.cut_low, first.cut_high) == (False, False)
    assert [text for _, text in axis.ticks] == [
        "\N{MINUS SIGN}4",
        "\N{MINUS SIGN}2",
        "0",
        "+2",
    ]
    assert [where for where, _ in axis.ticks] == [at(tick) for tick in (-4, -2, 0, 2)]


def test_one_wide_interval_is_cut_off():
    narrow = [difference(value, value - 1, value + 1) for value in (1, 2)]
    axis, strips = place([*narrow, difference(0, -90, 90)])
    assert [strip.cut_high for strip in strips] == [False, False, True]
    assert [strip.cut_low for strip in strips] == [False, False, True]
    # Four usual lengths, 2 points each, beyond the values, and 4 % of 18 points.
    assert axis.zero == pytest.approx(100 * 8.72 / 19.44, abs=0.01)


def test_what_is_not_known_is_not_drawn():
    axis, strips = place([difference(2.0), difference(math.nan)])
    # From 0 to 2, and 4 % of that beyond each end.
    assert axis.zero == pytest.approx(100 * 0.08 / 2.16, abs=0.01)
    assert strips[0] == Strip(round(100 * 2.08 / 2.16, 2))
    assert strips[1] == Strip(None)
    assert place([difference(0.0)])[1] == [Strip(50)]

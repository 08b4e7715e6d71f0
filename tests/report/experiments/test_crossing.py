"""Crossing points and saturation, against curves worked out by hand."""

import numpy as np
import pytest

from mmseg_splashkd.report.experiments.crossing import Crossing, cross, saturation


def curve(*points: tuple[float, float]):
    places, values = zip(*points, strict=True)
    return np.array(places), np.array(values)


# y = x, and y = 10 + x / 2 from x = 4 on: equal at x = 20.
RISING = curve((0, 0), (30, 30))
FLATTER = curve((4, 12), (40, 30))


def test_where_two_curves_cross():
    for pair, leads in (((RISING, FLATTER), True), ((FLATTER, RISING), False)):
        found = cross(*pair)
        assert found is not None
        assert found._replace(places=()) == Crossing(4, 30, (), leads)
        assert found.places == pytest.approx((20,))


def test_curves_that_do_not_cross():
    higher = RISING[0], RISING[1] + 1
    assert cross(RISING, higher) == Crossing(0, 30, (), False)
    assert cross(RISING, RISING) == Crossing(0, 30, (), None)


def test_a_touch_is_no_crossing():
    roof = curve((0, 1), (10, 5), (20, 1))
    flat = curve((0, 5), (20, 5))
    assert cross(roof, flat) == Crossing(0, 20, (), False)
    # What passes through a common point does cross.
    through = curve((0, 1), (10, 5), (20, 9))
    found = cross(through, flat)
    assert found is not None
    assert found.places == (pytest.approx(10),)


def test_several_crossings():
    saw = curve((0, 0), (10, 2), (20, 0), (30, 2))
    found = cross(saw, curve((0, 1), (30, 1)))
    assert found is not None
    assert found.places == pytest.approx((5, 15, 25))
    assert found.first_leads


def test_curves_without_a_common_place():
    assert cross(RISING, curve((31, 0), (40, 1))) is None
    assert cross(RISING, (np.array([]), np.array([]))) is None
    assert cross(RISING, curve((30, 40), (40, 1))) == Crossing(30, 30, (), False)


@pytest.mark.parametrize(
    ("values", "gain", "flat"),
    [
        # At 100, 200, ..., 600 the last third is 500 and 600.
        ([10, 20, 30, 40, 40.5, 41], 1.0, True),
        ([10, 20, 30, 40, 42, 41], 2.0, False),
        ([10, 50, 30, 40, 45, 44], -5.0, True),
    ],
)
def test_saturation(values, gain, flat):
    steps = np.arange(100, 700, 100)
    found = saturation((steps, np.array(values, float)), worth=1.0)
    assert found is not None
    assert (found.gain, found.is_flat) == (pytest.approx(gain), flat)


def test_too_few_validations_decide_nothing():
    assert saturation(curve((100, 1), (200, 2)), 1.0) is None
    late = curve((290, 1), (295, 2), (300, 3))  # none in the first two thirds
    assert saturation(late, 1.0) is None

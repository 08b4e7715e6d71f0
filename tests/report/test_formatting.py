"""Numbers, durations and times as text."""

import math

import pytest

from mmseg_splashkd.report.formatting import duration, moment, number, signed


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (71.256, 2, "71.26"),
        (0.0, 1, "0.0"),
        (1234567, 0, "1,234,567"),
        (math.nan, 2, "n/a"),
        (None, 2, "n/a"),
    ],
)
def test_number(value, digits, text):
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.84, "+0.8"), (-0.04, "0.0"), (-1.25, "\N{MINUS SIGN}1.2"), (math.nan, "n/a")],
)
def test_signed(value, text):
    assert signed(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (12.4, "12 s"), (190, "3 min 10 s"), (7384.0, "2 h 3 min")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_moment():
    assert moment(".", 10**9) == "1970-01-01 00:00:01 UTC"
    assert moment("east", 0) == "east, 1970-01-01 00:00:00 UTC"

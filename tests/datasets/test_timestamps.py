import re
from datetime import datetime
from fractions import Fraction
from typing import Any

import pytest

from mmseg_splashkd.datasets.timestamps import (
    FORMATS,
    NO_TIME,
    TimestampFormat,
    format_timestamp,
    parse_timestamp,
    timestamp_format,
    to_utc,
)

S = 10**9


def read(stem: str, *args: Any, **kwargs: Any) -> int:
    return TimestampFormat(*args, **kwargs).parse(stem, "x.png").timestamp


# Seconds and nanoseconds


def test_time_stamps_are_exact_to_the_nanosecond():
    first, second = read("9999999999-999999998"), read("9999999999-999999999")
    assert (first, second) == (9_999_999_999_999_999_998, 9_999_999_999_999_999_999)
    assert float(first) == float(second)  # a float cannot represent the difference


def test_leading_zeros_of_the_nanoseconds_count():
    assert read("1714521600-000000005") == 1_714_521_600 * S + 5


@pytest.mark.parametrize(
    "stamp",
    [
        "",
        "1714521600",
        "1714521600-",
        "1714521600-00000000",
        "1714521600-0000000000",
        "171452160-000000000",
        "17145216000-000000000",
        "1714521600_000000000",
        "-714521600-000000000",
        "+714521600-000000000",
        "1714521600-00000000x",
        " 1714521600-000000000",
        "1714521600-000000000 ",
        "1714521600-000000000\n",
        "1714521600-000000000-1",
        "frame_0001",
        "171452160\N{ARABIC-INDIC DIGIT ZERO}-000000000",
        "1714521600-00000000\N{SUPERSCRIPT TWO}",
    ],
)
def test_error_for_another_form_names_file_and_expected_form(stamp: str):
    message = f"x.png: {stamp!r} is not a time stamp; expected <10-digit seconds>-"
    with pytest.raises(ValueError, match=re.escape(message)):
        read(stamp)


# Other formats


@pytest.mark.parametrize(
    ("stem", "nanoseconds"),
    [
        ("1714521600", 1_714_521_600 * S),
        ("0", 0),
        ("1714521600.25", 1_714_521_600 * S + 250_000_000),
        ("1714521600.000000001", 1_714_521_600 * S + 1),
    ],
)
def test_seconds(stem: str, nanoseconds: int):
    assert read(stem, "seconds") == nanoseconds


@pytest.mark.parametrize(
    ("stem", "same"),
    [
        ("2024-05-01T08:00:00Z", "2024-05-01T08:00:00+00:00"),
        ("20240501T080000Z", "2024-05-01T08:00:00+00:00"),
        ("20240501_080000", "2024-05-01T08:00:00+00:00"),
        ("2024-05-01 08-00-00", "2024-05-01T08:00:00+00:00"),
        ("20240501T080000+0930", "2024-05-01T08:00:00+09:30"),
        ("2024-05-01T23:30:00-01:15", "2024-05-01T23:30:00-01:15"),
        ("2024-02-29T00:00:00.5Z", "2024-02-29T00:00:00.500000+00:00"),
    ],
)
def test_iso8601_as_python_reads_it(stem: str, same: str):
    time = datetime.fromisoformat(same)
    expected = int(time.timestamp()) * S + time.microsecond * 1000
    assert read(stem, "iso8601") == expected


def test_iso8601_keeps_nanoseconds():
    assert read("1970-01-01T00:00:01.000000007Z", "iso8601") == S + 7


@pytest.mark.parametrize("fps", [25, 29.97, "30000/1001", "0.1"])
def test_frame_numbers(fps: Any):
    for number in (0, 1, 123, 10**6):
        expected = 100 * S + round(Fraction(number) * S / Fraction(str(fps)))
        assert read(f"{number:06d}", "frame", fps=fps, start=100) == expected


def test_day_hour_minute():
    ninth_of_september = int(datetime.fromisoformat("2023-09-09T10:05Z").timestamp())
    assert read("D252-H10-M05", "day-hour-minute", year=2023) == ninth_of_september * S
    later = read("D252-H10-M05-S07", "day-hour-minute", year=2023)
    assert later == (ninth_of_september + 7) * S
    assert read("D366-H00-M00", "day-hour-minute", year=2024) == (
        int(datetime.fromisoformat("2024-12-31T00:00Z").timestamp()) * S
    )


@pytest.mark.parametrize(
    ("arguments", "stem", "reason"),
    [
        ({"name": "iso8601"}, "20240230T000000Z", "is not a valid time"),
        ({"name": "iso8601"}, "20240501T250000Z", "is not a valid time"),
        ({"name": "iso8601"}, "19691231T235959Z", "outside the years 1970 to 2286"),
        (
            {"name": "day-hour-minute", "year": 2023},
            "D366-H00-M00",
            "is not a valid time",
        ),
        (
            {"name": "day-hour-minute", "year": 2023},
            "D001-H24-M00",
            "is not a valid time",
        ),
        ({"name": "frame", "fps": 0.001}, "99999999", "outside the years"),
        ({"name": "frame", "fps": 1}, "f001", "is not a time stamp; expected a frame"),
        ({"name": "seconds"}, "1714521600-000000000", "For another format set time"),
    ],
)
def test_error_names_an_invalid_time(arguments: dict, stem: str, reason: str):
    with pytest.raises(ValueError, match=re.escape(f"x.png: {stem!r} ")) as caught:
        read(stem, **arguments)
    assert reason in str(caught.value)


# Stems with more than the time stamp


def test_stem_can_contain_time_stamp_and_recording():
    pattern = r"(?P<recording>.+)_f?(?P<stamp>[0-9]+)"
    form = TimestampFormat("frame", stem=pattern, fps=30)
    assert form.parse("0006R0_f00930", "") == (31 * S, "0006R0")
    assert form.parse("0001TP_006690", "") == (223 * S, "0001TP")
    with pytest.raises(ValueError, match=r"a/b\.png: 'notes' does not match '\(\?P<r"):
        form.parse("notes", "a/b.png")


def test_stem_without_a_recording_group():
    form = TimestampFormat("seconds", stem=r"cam1_(?P<stamp>.+)")
    assert form.parse("cam1_5", "") == (5 * S, None)
    with pytest.raises(ValueError, match="'x' is not a time stamp"):
        form.parse("cam1_x", "")


# Invalid arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "unix"}, "name='unix' is not one of"),
        ({"name": "frame"}, "'frame' needs fps"),
        ({"name": "frame", "fps": 0}, "fps=0 must be above 0"),
        ({"name": "frame", "fps": -1}, "fps=-1 must be above 0"),
        ({"name": "frame", "fps": "1/0"}, "fps='1/0' is not a number"),
        ({"name": "frame", "fps": "fast"}, "fps='fast' is not a number"),
        ({"name": "seconds", "fps": 3}, "'seconds' takes no fps"),
        ({"name": "seconds", "start": 3}, "'seconds' takes no start"),
        ({"name": "day-hour-minute"}, "'day-hour-minute' needs year"),
        ({"name": "iso8601", "year": 2023}, "'iso8601' takes no year"),
        ({"stem": "(?P<time>.*)"}, "has no group (?P<stamp>...)"),
        ({"stem": "("}, "stem='(': missing )"),
        ({"zone": "CET"}, "unexpected keyword argument 'zone'"),
    ],
)
def test_error_names_invalid_arguments(arguments: dict, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        timestamp_format(arguments)


def test_builds_from_a_name_or_arguments():
    assert timestamp_format("iso8601") == TimestampFormat("iso8601")
    form = timestamp_format({"name": "frame", "fps": 5})
    assert form == timestamp_format(form) == TimestampFormat("frame", fps=5)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "none"])
def test_examples_in_error_messages_are_valid(name: str):
    needs: dict = {"frame": {"fps": 1}, "day-hour-minute": {"year": 2023}}
    example = FORMATS[name].example.rpartition(" ")[2]
    assert read(example, name, **needs.get(name, {})) >= 0


# Cells of a split table


@pytest.mark.parametrize("nanoseconds", [0, 1, S, 1_714_521_600 * S + 5, 10**19 - 1])
def test_round_trip(nanoseconds: int):
    assert parse_timestamp(format_timestamp(nanoseconds), "") == nanoseconds


def test_reads_decimal_seconds():
    assert parse_timestamp("1714521600.000000005", "") == 1_714_521_600 * S + 5


def test_an_empty_cell_is_a_frame_without_time():
    assert parse_timestamp("", "t.csv") == NO_TIME == -1
    assert format_timestamp(NO_TIME) == ""
    with pytest.raises(ValueError, match="a frame without time has no date"):
        to_utc(NO_TIME)


def test_none_reads_no_time_from_any_name():
    form = TimestampFormat("none")
    assert form.parse("IMG_20240501.2 (1)", "") == (NO_TIME, None)
    form = TimestampFormat("none", stem="(?P<recording>[a-z]+)_[0-9]+")
    assert form.parse("beach_12", "") == (NO_TIME, "beach")
    with pytest.raises(ValueError, match=r"a/x.png: 'x' does not match"):
        form.parse("x", "a/x.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fps": 1}, "takes no fps"),
        ({"year": 2024}, "takes no year"),
        ({"start": 5}, "takes no start"),
        ({"stem": "[0-9]+"}, "has no group (?P<recording>...)"),
        ({"stem": "(?P<recording>a)(?P<stamp>b)"}, "takes no group (?P<stamp>...)"),
    ],
)
def test_none_takes_no_argument_about_time(arguments: dict, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        TimestampFormat("none", **arguments)


@pytest.mark.parametrize("cell", ["2024-05-01", "1.7145E+09", "-1", "1714521600-5"])
def test_other_cells_are_refused(cell: str):
    with pytest.raises(
        ValueError, match=re.escape(f"t.csv: {cell!r} is not a time stam")
    ):
        parse_timestamp(cell, "t.csv")


def test_utc_date_and_time():
    assert to_utc(1_714_521_600 * S + 999).isoformat() == "2024-05-01T00:00:00+00:00"

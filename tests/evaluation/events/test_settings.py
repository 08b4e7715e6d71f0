import json

import pytest

from mmseg_splashkd.evaluation.bursts import MIN_SHARE
from mmseg_splashkd.evaluation.events import EventSettings


def test_defaults_are_documented_values():
    assert EventSettings() == EventSettings(0.002, 0.001, 0.5, 2.0)
    assert EventSettings().off == MIN_SHARE


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"on": 0.0, "off": 0.0}, r"on=0.0: give a share of the pixels in \(0, 1\]"),
        ({"on": 1.1}, "on=1.1"),
        ({"off": 0.003}, r"off=0.003: give a share in \(0, on=0.002\]"),
        ({"off": 0.0}, "off=0.0"),
        ({"on": float("nan")}, "on=nan"),
        ({"min_seconds": -1}, "min_seconds=-1: give seconds from 0"),
        ({"gap_seconds": float("inf")}, "gap_seconds=inf: give seconds from 0"),
        ({"on": "0.1"}, "on='0.1': give a number"),
        ({"min_seconds": True}, "min_seconds=True: give a number"),
    ],
)
def test_values_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        EventSettings(**values)


def test_equal_thresholds_are_allowed():
    assert EventSettings(on=1, off=1, min_seconds=0, gap_seconds=0).on == 1


def test_settings_are_read_as_they_were_written(tmp_path):
    chosen = EventSettings(0.1, 0.05, 1 / 3, 0)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(chosen.as_json()))
    assert EventSettings.read(file) == chosen
    file.write_text('{"on": 0.5}')
    assert EventSettings.read(file) == EventSettings(on=0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"of": 1}',
            r"settings.json cannot be read: event settings have \['of'\]: give only",
        ),
        (
            "[1]",
            r"cannot be read: event settings are \[1\]: give an object of \['on'",
        ),
        ('{"on": 2}', "settings.json cannot be read: on=2: give a share"),
        ("{", "event settings .*settings.json is not valid JSON"),
    ],
)
def test_a_file_that_holds_no_settings_is_named(tmp_path, text, message):
    file = tmp_path / "settings.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        EventSettings.read(file)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        EventSettings.read(tmp_path / "nowhere.json")


def test_seconds_are_whole_nanoseconds():
    chosen = EventSettings(min_seconds=0.1, gap_seconds=1e-9)
    assert (chosen.min_ns, chosen.gap_ns) == (100_000_000, 1)

"""The one parser of frames and seconds, and the two options that use it."""

import re

import pytest

from mmseg_splashkd.datasets.duration import FramesOrSeconds
from mmseg_splashkd.datasets.splits.embargo import Embargo
from mmseg_splashkd.statistics.blocks import BlockLength

options = pytest.mark.parametrize("option", [FramesOrSeconds, Embargo, BlockLength])


@options
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", {"frames": 5}),
        ("30s", {"seconds": 30}),
        ("0.25s", {"seconds": 0.25}),
    ],
)
def test_parses_frames_and_seconds(option, text: str, value: dict):
    assert option.parse(text) == option(**value)


@options
@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "-1",
        "-3s",
        "1.5",
        "5 s",
        "5min",
        "infs",
        ".5s",
        "5.s",
        "5s\n",
        "\N{ARABIC-INDIC DIGIT FIVE}",
    ],
)
def test_other_text_is_refused(option, text: str):
    message = f"{option.argument} {text!r} is neither frames (5) nor seconds (30s)"
    with pytest.raises(ValueError, match=re.escape(message)):
        option.parse(text)


@options
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"frames": -1}, "frames=-1"),
        ({"seconds": -0.5}, "seconds=-0.5"),
        ({"seconds": float("nan")}, "seconds=nan"),
        ({"seconds": float("inf")}, "seconds=inf"),
        ({"seconds": "30s"}, "seconds=30s"),
    ],
)
def test_values_must_be_finite_and_not_negative(option, arguments: dict, named: str):
    with pytest.raises(
        ValueError, match=f"^{option.argument} {named} must be a number, 0 "
    ):
        option(**arguments)


def test_zero_is_an_embargo_but_not_a_block_length():
    assert Embargo.parse("0") == Embargo() == Embargo.parse("0s")
    for text in ("0", "0s"):
        with pytest.raises(ValueError, match="give one of the two, above 0"):
            BlockLength.parse(text)


def test_text_form():
    assert str(Embargo()) == "none"
    assert str(Embargo(frames=1_000_000)) == "1000000 frames"
    assert str(Embargo(2, 0.5)) == "2 frames and 0.5 s"
    assert str(BlockLength(frames=10.0698)) == "10.1 frames"
    assert str(BlockLength(seconds=30)) == "30 s"

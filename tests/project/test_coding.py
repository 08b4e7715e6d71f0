import re

import pytest

from mmseg_splashkd.datasets.label_coding import load_label_coding
from mmseg_splashkd.project.coding import (
    coding_of,
    default_values,
    parse_values,
    question,
)


def test_two_values_are_two_classes():
    assert default_values({0: 9, 255: 1}, ()) == {0: "background", 255: "foreground"}
    assert default_values({0: 9, 1: 1}, ["sea", "foam"]) == {0: "sea", 1: "foam"}


@pytest.mark.parametrize("pixels", [{0: 9}, {0: 9, 1: 1, 255: 2}])
def test_other_values_are_asked_for(pixels: dict):
    assert default_values(pixels, ()) is None
    assert default_values(pixels, ["a", "b"]) is None


def test_questions_give_the_option():
    asked = question({0: 9, 1: 1, 255: 2})
    assert "values 0, 1, 255: name the class of each" in asked
    assert "--label-values 0=NAME 1=NAME 255=NAME" in asked
    asked = question(dict.fromkeys(range(256), 1))
    assert "256 values from 0 to 255, 75.0% of the pixels between 32 and 223" in asked
    assert "--label-values 0-127=background 128-255=foreground" in asked


def test_values_of_the_command_line():
    values = parse_values(["0-2=sea", "200=foam", "255=ignore"])
    assert values == {0: "sea", 1: "sea", 2: "sea", 200: "foam", 255: "ignore"}
    coding = load_label_coding(coding_of(values, ["foam", "sea"]))
    assert coding.classes == ("foam", "sea")
    assert coding.gray_to_train_id == {0: 1, 1: 1, 2: 1, 200: 0, 255: 255}


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["0"], "'0' is neither VALUE=CLASS nor FIRST-LAST=CLASS"),
        (["0-5=a", "5=b"], "--label-values gives 5 to a and to b"),
    ],
)
def test_other_items_are_refused(items: list[str], message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_values(items)


def test_classes_and_values_must_agree():
    with pytest.raises(ValueError, match="must name the same classes"):
        coding_of({0: "sea", 1: "foam"}, ["sea", "fish"])


def test_many_classes_have_different_colours():
    load_label_coding(coding_of({n: f"class {n}" for n in range(40)}, ()))

import pytest

from mmseg_splashkd.sweep.assignments import parse_grid, parse_space


def test_values_are_literals_words_or_strings():
    found = parse_grid(["r=0,0.25,1e-3", "k=kd,None,true", "size=[1,2],(3,4)"])
    assert found == {
        "r": [0, 0.25, 0.001],
        "k": ["kd", None, True],
        "size": [[1, 2], [3, 4]],
    }
    assert type(found["r"][0]) is int


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["r"], "KEY=VALUES"),
        (["r="], "KEY=VALUES"),
        (["=1"], "KEY=VALUES"),
        (["r=0.5,1,0.50"], "0.5 is given twice"),
        (["r=1", "r=2"], "gives r twice"),
    ],
)
def test_no_grid(texts, message):
    with pytest.raises(ValueError, match=message):
        parse_grid(texts)


def test_ranges_and_choices():
    assert parse_space(["lr=1e-4..1e-2:log", "n=1..5:int", "g=0..2", "m=a,b"]) == {
        "lr": {"low": 1e-4, "high": 1e-2, "kind": "log"},
        "n": {"low": 1, "high": 5, "kind": "int"},
        "g": {"low": 0, "high": 2, "kind": "float"},
        "m": {"choices": ["a", "b"]},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr=1..1", "LOW must be less"),
        ("lr=2..1:int", "LOW must be less"),
        ("lr=0..1:log", "greater than 0"),
        ("lr=a..b", "of numbers"),
        ("lr=0..1:cubic", "LOW..HIGH:log"),
        ("n=0..1.5:int", "whole numbers"),
        ("n=true..5", "of numbers"),
        ("m=a", "only one choice"),
    ],
)
def test_no_space(text, message):
    with pytest.raises(ValueError, match=message):
        parse_space([text])

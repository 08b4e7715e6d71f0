import pytest
from mmengine.config import DictAction

from mmseg_splashkd.config.arguments import parse_options


def test_pairs_are_parsed_as_by_mmengine():
    pairs = ["a.b=1", "c=[1,2.5]", "d=(x,True)", "e=None", "f=k=v", "a.b=2", "g=1,2"]
    expected = {"a.b": 2, "c": [1, 2.5], "d": ("x", True), "e": None, "f": "k=v"}
    assert parse_options(pairs) == expected | {"g": [1, 2]}
    assert parse_options(pairs)["c"] == DictAction._parse_iterable("[1,2.5]")
    assert parse_options([]) == {}


@pytest.mark.parametrize(
    "value",
    [
        "[{'type': 'DiceMetric'}]",
        '[{"type": "DiceMetric"}]',
        "[dict(type='DiceMetric')]",
        "dict(type='DiceMetric')",
        "dict(a=1)",
    ],
)
def test_dicts_are_read_and_never_stay_a_text(value):
    pair = f"val_evaluator={value}"
    if "dict(" in value:
        with pytest.raises(ValueError, match=r"no literal of Python or JSON. Quote"):
            parse_options([pair])
    else:
        assert parse_options([pair]) == {"val_evaluator": [{"type": "DiceMetric"}]}


def test_literals_of_python_and_json_are_read():
    pairs = ["a={'lr': 1e-3, 'betas': (0.9, 1)}", 'b={"on": true}', "c=[(1, 2), 'x']"]
    expected = {"a": {"lr": 1e-3, "betas": (0.9, 1)}, "b": {"on": True}}
    assert parse_options(pairs) == expected | {"c": [(1, 2), "x"]}


@pytest.mark.parametrize(
    "pair", ["a.b", "a=[1,(2]", "a=[{'b': 1]", "a={'b'", "a=[1,2", "a=f(b,c)"]
)
def test_malformed_pair_is_named(pair):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - checked below
        parse_options([pair])
    assert f"--cfg-options {pair}: " in str(caught.value)

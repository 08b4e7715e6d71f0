"""A resolved config read as data."""

import pytest
from mmengine.config import Config

from mmseg_splashkd.report.experiments.labels import labels_of, read_value


def test_values_are_read_as_the_host_reads_them():
    cfg = Config({"a": {"b": [1, -2.5, (None, True)], "c": {"d e": "f"}}, "g": 1})
    text = cfg.pretty_text
    assert "dict(" in text
    assert read_value(text, "a") == {"b": [1, -2.5, [None, True]], "c": {"d e": "f"}}
    assert read_value("a = {'type': 'X', 'n': (1, 2)}\n", "a") == {
        "type": "X",
        "n": [1, 2],
    }
    assert read_value(text, "missing") is None


@pytest.mark.parametrize(
    "code", ["open('x')", "[print()]", "{'a': f'{1}'}", "dict([])"]
)
def test_nothing_is_run(code):
    with pytest.raises(ValueError, match="a is more than a value, and is not run"):
        read_value(f"a = {code}\n", "a")


def test_a_damaged_config_is_told():
    with pytest.raises(ValueError, match="config_text of the record is damaged"):
        read_value("a = (", "a")
    with pytest.raises(ValueError, match="record of x tells of no TimeSplitDataset"):
        labels_of(
            {"run": "x", "config_text": "val_dataloader = dict(dataset=1)"}, "val"
        )

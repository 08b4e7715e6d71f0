"""A resolved config, parsed and not executed."""

import pytest
from mmengine.config import Config

from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.report.experiments.labels import labels_of, read_value
from tests.photos import part


def test_values_are_read_as_mmengine_reads_them():
    cfg = Config({"a": {"b": [1, -2.5, (None, True)], "c": {"d e": "f"}}, "g": 1})
    text = cfg.pretty_text
    assert "dict(" in text
    assert read_value(text, "a") == {"b": [1, -2.5, (None, True)], "c": {"d e": "f"}}
    assert read_value("a = {'type': 'X', 'n': (1, 2)}\n", "a") == {
        "type": "X",
        "n": (1, 2),
    }
    assert read_value(text, "missing") is None


@pytest.mark.parametrize(
    "code", ["open('x')", "[print()]", "{'a': f'{1}'}", "dict([])"]
)
def test_no_code_is_executed(code):
    with pytest.raises(
        ValueError, match="a is not a literal, and code is not executed"
    ):
        read_value(f"a = {code}\n", "a")


def test_error_for_a_damaged_config():
    with pytest.raises(ValueError, match="config_text of the record is damaged"):
        read_value("a = (", "a")
    text = "val_dataloader = dict(dataset=1)"
    with pytest.raises(ValueError, match="config of x has no data set in val_"):
        labels_of(RunRecord("i", "x", "finished", config_text=text), "val")


def test_labels_of_photos_are_found_inside_wrappers(photos):
    whole = part(photos, "val", metainfo={"classes": ["ground", "stone", "leaf"]})
    dataset = {"type": "ConcatDataset", "datasets": [whole]}
    text = f"test_dataloader = {{'dataset': {dataset}}}\n"
    record = RunRecord("i", "x", "finished", config_text=text)
    coding, labels = labels_of(record, "test")
    assert coding.classes == ("ground", "stone", "leaf")
    assert labels[f"{photos}/img_dir/val/leaf_9.jpg"].endswith("val/leaf_9.png")
    assert len(labels) == 4

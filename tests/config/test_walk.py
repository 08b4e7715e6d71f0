from typing import Any

import pytest
from mmengine.config import Config
from mmengine.dataset import BaseDataset, RepeatDataset
from mmseg.registry import DATASETS

from mmseg_splashkd.config.walk import leaves, loader_leaves, metrics_of, wrappers

A, B = {"type": "BaseSegDataset", "name": "a"}, {"type": "TimeSplitDataset"}


def around(kind: Any, inner: dict, **keys) -> dict:
    return {"type": kind, "dataset": inner, **keys}


def both(*inner: dict) -> dict:
    return {"type": "ConcatDataset", "datasets": list(inner)}


class Blend:
    """A wrapper with other keys than MMEngine's."""

    def __init__(self, base: dict, others: list[dict]) -> None:
        self.parts = [DATASETS.build(each) for each in (base, *others)]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __getitem__(self, index: int) -> Any:
        return self.parts[0][index]


WRAPPED = {
    "none": (A, [A], 0),
    "repeat": (around("RepeatDataset", A, times=3), [A], 1),
    "scope": (around("mmengine.RepeatDataset", A, times=3), [A], 1),
    "class": (around(RepeatDataset, A, times=3), [A], 1),
    "dotted": (
        around("mmengine.dataset.dataset_wrapper.RepeatDataset", A, times=3),
        [A],
        1,
    ),
    "balanced": (around("ClassBalancedDataset", A, oversample_thr=0.1), [A], 1),
    "mixed": (
        around("MultiImageMixDataset", both(A, B), pipeline=[{"type": "Resize"}]),
        [A, B],
        2,
    ),
    "inside views": (
        around("ViewDataset", both(around("RepeatDataset", A, times=2), B)),
        [A, B],
        3,
    ),
    "around views": (
        around("RepeatDataset", both(around("ViewDataset", B), A), times=2),
        [B, A],
        3,
    ),
    "own": ({"type": Blend, "base": A, "others": [both(B, A)]}, [A, B, A], 2),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_every_data_set_is_found_in_the_order_of_its_frames(name):
    config, expected, around_it = WRAPPED[name]
    config = Config({"dataset": config}).dataset
    assert [dict(leaf) for leaf in leaves(config)] == expected
    found = list(wrappers(config))
    assert len(found) == around_it
    assert all(wrapper.type == config.type for wrapper in found[:1])


def test_a_leaf_is_a_part_of_the_config_itself():
    cfg = Config({"train_dataloader": {"dataset": WRAPPED["inside views"][0]}})
    for leaf in loader_leaves(cfg):
        leaf.data_root = "there"
    inner = cfg.train_dataloader.dataset.dataset.datasets
    assert inner[0].dataset.data_root == inner[1].data_root == "there"


@pytest.mark.parametrize(
    "keys",
    [
        {"pipeline": [{"type": "Resize", "scale": (4, 4)}]},
        {"dataset": "cityscapes"},
        {"metainfo": {"classes": ["a"], "dataset": {"name": "a"}}},
        {"dataset": {"name": "options of a class of one's own"}},
        {"type": "NoSuchDataset"},
    ],
    ids=lambda keys: next(iter(keys)),
)
def test_keys_that_name_no_data_set_are_no_data_set(keys):
    config = {"type": "BaseSegDataset", **keys}
    assert [*leaves(config)] == [config]


def test_only_loaders_that_a_config_has_are_walked():
    cfg = Config({"val_dataloader": {"dataset": A}, "test_dataloader": None})
    assert [dict(leaf) for leaf in loader_leaves(cfg)] == [A]
    assert not list(loader_leaves(cfg, "train_dataloader"))


def test_a_registered_class_of_ones_own_is_a_leaf():
    class Own(BaseDataset):
        """Neither wrapper nor part of MMSegmentation."""

    DATASETS.register_module(name="OwnFrames", module=Own)
    try:
        config = around("RepeatDataset", {"type": "OwnFrames", "ann_file": "a.json"})
        assert [leaf["ann_file"] for leaf in leaves(config)] == ["a.json"]
    finally:
        DATASETS.module_dict.pop("OwnFrames")


def test_metrics_of_an_evaluator():
    one, two = {"type": "IoUMetric"}, {"type": "DiceMetric"}
    assert metrics_of(None) == []
    assert metrics_of(one) == metrics_of([one]) == [one]
    assert metrics_of({"metrics": one}) == [one]
    assert metrics_of({"type": "Evaluator", "metrics": (one, two)}) == [one, two]

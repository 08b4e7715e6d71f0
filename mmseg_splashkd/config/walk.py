"""Finds data sets and the plain model inside the wrappers of a config."""

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.views import ViewDataset
from mmseg_splashkd.models import DistillSegmentor

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
INNER = ("dataset", "datasets")  # of wrappers, such as those for views


def dataset_of(cfg: Config, loader: str) -> Any:
    """Config of the data set of a loader, without the wrapper for views."""
    dataset = cfg[loader].dataset
    return dataset.dataset if is_a(dataset, ViewDataset) else dataset


def loader_leaves(cfg: Config, *loaders: str) -> Iterator[Any]:
    """``leaves`` of some loaders that a config has; by default of all."""
    for loader in filter(cfg.get, loaders or LOADERS):
        yield from leaves(cfg[loader].dataset)


def leaves(config: Any) -> Iterator[dict]:
    """Configs of every data set inside wrappers, of this package or not."""
    inner = next((config[key] for key in INNER if config.get(key)), None)
    if inner is None:
        yield config
        return
    for child in inner if isinstance(inner, (list, tuple)) else [inner]:
        yield from leaves(child)


def plain_model(model: dict) -> dict:
    """Config of the student of a ``DistillSegmentor``; other models unchanged."""
    return model["student"] if is_a(model, DistillSegmentor) else model

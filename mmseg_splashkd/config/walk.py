"""Finds data sets and the plain model inside the wrappers of a config."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_splashkd.config.types import class_in, is_a
from mmseg_splashkd.datasets.source_target import SourceTargetDataset
from mmseg_splashkd.models.segmentors.wrapper import StudentWrapper

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
INNER = ("dataset", "datasets")  # of a loader, and of most wrappers


def loader_leaves(cfg: Config, *loaders: str) -> Iterator[Any]:
    """``leaves`` of some loaders that a config has; by default of all."""
    for loader in filter(cfg.get, loaders or LOADERS):
        yield from leaves(cfg[loader].dataset)


def leaves(config: Any, targets: bool = True) -> Iterator[Any]:
    """Configs of the data sets inside wrappers, in the order of their frames.

    Args:
        config: Config of a data set: of ``RepeatDataset``, ``ConcatDataset``,
            ``ClassBalancedDataset``, ``MultiImageMixDataset``, ``ViewDataset`` or any
            other wrapper, nested in any order, or of a data set without a wrapper.
        targets: Also those of a ``SourceTargetDataset`` whose labels are not used.

    Yields:
        Parts of ``config`` itself, so that a change in place reaches the loader.
    """
    inner = list(_inner(config))
    if not inner:
        yield config
    for child in inner:
        if targets or child is not _target(config):
            yield from leaves(child, targets)


def target_leaves(config: Any) -> Iterator[Any]:
    """Configs of the data sets of a target inside wrappers, whose labels are not used.

    Args:
        config: Config of a data set.
    """
    for wrapper in wrappers(config):
        if (target := _target(wrapper)) is not None:
            yield from leaves(target)


def _target(config: Any) -> Any:
    return config.get("target") if is_a(config, SourceTargetDataset) else None


def wrappers(config: Any) -> Iterator[Any]:
    """Configs of the wrappers around the data sets of a config, outermost first."""
    inner = list(_inner(config))
    if inner:
        yield config
    for child in inner:
        yield from wrappers(child)


def _inner(config: Mapping[str, Any]) -> Iterator[Any]:
    """The data sets that a wrapper is built from; none of a data set with frames."""
    for key, value in config.items():
        for each in value if isinstance(value, (list, tuple)) else [value]:
            named = isinstance(each, Mapping) and "type" in each
            if named and (key in INNER or _is_dataset(each["type"])):
                yield each


def _is_dataset(kind: Any) -> bool:
    """Whether a type, by name or as a class, is a map-style data set."""
    if isinstance(kind, str):
        kind = class_in(DATASETS, kind)
    return isinstance(kind, type) and all(
        hasattr(kind, method) for method in ("__getitem__", "__len__")
    )


def metrics_of(evaluator: Any) -> list[Any]:
    """Configs of the metrics of an evaluator: of one metric, a list, or a dict of both.

    Args:
        evaluator: Value of ``val_evaluator`` or ``test_evaluator``, or None.
    """
    if isinstance(evaluator, Mapping):  # a metric, or an evaluator of some
        evaluator = evaluator.get("metrics", evaluator)
    return [evaluator] if isinstance(evaluator, Mapping) else list(evaluator or ())


def plain_model(model: dict) -> dict:
    """Config of the student of a ``StudentWrapper``; other models unchanged."""
    return model["student"] if is_a(model, StudentWrapper) else model


def mappings(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping in a part of a config, with its dotted key.

    Args:
        value: The part.
        path: Its dotted key.
    """
    if isinstance(value, Mapping):
        yield path, value
        for name, each in value.items():
            yield from mappings(each, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield from mappings(each, f"{path}.{index}")

"""The label coding of a data set of any class."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from mmseg_splashkd.config.frames import time_splits, unread_dataset
from mmseg_splashkd.config.types import is_a, type_name
from mmseg_splashkd.datasets.label_coding import IGNORE, LabelCoding
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.transforms import LoadGrayLabels

BYTES = 256  # values of an 8-bit label


def leaf_coding(leaf: dict) -> LabelCoding:
    """The label coding of a data set without wrappers.

    Of a ``TimeSplitDataset``, it is its ``label_coding``. Of any other data set of
    MMSegmentation, it is the table of ``LoadGrayLabels`` in its pipeline, or else what
    ``LoadAnnotations`` does to its labels: it reads the values as classes, with
    ``reduce_zero_label`` from 1 and otherwise from 0, and replaces them by
    ``label_map`` where only some classes are used.

    Args:
        leaf: Config of the data set.

    Raises:
        ValueError: The data set has no class names.
    """
    if is_a(leaf, TimeSplitDataset):
        return time_splits(leaf)[0].coding
    metainfo = unread_dataset({**leaf, "lazy_init": True}).metainfo
    classes = metainfo.get("classes")
    if not classes:
        raise ValueError(
            f"the data set {type_name(leaf)} has no class names: set "
            f"metainfo=dict(classes=(...)) in its config"
        )
    colours = _distinct(metainfo.get("palette") or (), len(classes) + 1)
    table = _table_of_pipeline(leaf)
    return LabelCoding(
        classes=tuple(classes),
        palette=colours[:-1],
        gray_to_train_id=table or _table(metainfo, len(classes)),
        unknown=None if table else IGNORE,
        ignore_colour=colours[-1],
    )


def _table_of_pipeline(leaf: dict) -> dict[int, int] | None:
    for step in leaf.get("pipeline") or ():
        if is_a(step, LoadGrayLabels) and step.get("gray_to_train_id"):
            return dict(step["gray_to_train_id"])
    return None


def _table(metainfo: Mapping[str, Any], classes: int) -> dict[int, int]:
    """Value of a label file -> trainId; values of no class are ignored."""
    first = int(bool(metainfo.get("reduce_zero_label")))
    renamed = metainfo.get("label_map") or {}
    table = {
        value: int(renamed.get(value - first, value - first))
        for value in range(first, BYTES)
    }
    return {value: train_id for value, train_id in table.items() if train_id < classes}


def _distinct(palette: Sequence[Sequence[int]], count: int) -> list[tuple[int, ...]]:
    """That many different colours: those of a palette first, each once."""
    given = [tuple(map(int, colour)) for colour in palette]
    steps = range(0, BYTES, 51)
    spare = (each for each in product(steps, repeat=3) if each not in given)
    chosen: list[tuple[int, ...]] = []
    for index in range(count):
        taken = index >= len(given) or given[index] in chosen
        chosen.append(next(spare) if taken else given[index])
    return chosen

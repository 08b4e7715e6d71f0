"""Arguments of data sets that would have no effect beside others."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import is_a, type_name
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.transforms import LoadGrayLabels


def check_dataset_arguments(cfg: Config) -> None:
    """Refuse ``reduce_zero_label`` where a table decides the value of each label.

    Raises:
        ValueError: A data set has it, and is a ``TimeSplitDataset`` or loads labels by
            ``LoadGrayLabels``.
    """
    for leaf in loader_leaves(cfg):
        if not leaf.get("reduce_zero_label"):
            continue
        if is_a(leaf, TimeSplitDataset):
            table = "label_coding"
        elif _loads_gray(leaf):
            table = "gray_to_train_id of LoadGrayLabels"
        else:
            continue
        raise ValueError(
            f"reduce_zero_label=True of a {type_name(leaf)} has no effect: {table} "
            f"maps each value to a class. Leave it out, and map 0 to 255 (ignored) "
            f"there, and the other values to one less"
        )


def _loads_gray(leaf: Mapping[str, Any]) -> bool:
    return any(is_a(step, LoadGrayLabels) for step in leaf.get("pipeline") or ())

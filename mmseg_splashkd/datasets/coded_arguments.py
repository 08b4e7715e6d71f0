"""Arguments of mmseg's data sets that a label coding replaces."""

from collections.abc import Mapping
from typing import Any

IGNORE = 255


def check_coded_arguments(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that would have no effect beside a label coding.

    Args:
        arguments: Keyword arguments for mmseg's ``BaseSegDataset``.

    Raises:
        ValueError: One of them is given; the message says what does its work.
    """
    if "metainfo" in arguments:
        raise ValueError(
            "metainfo is given by label_coding: its classes and its palette"
        )
    if arguments.get("reduce_zero_label"):
        raise ValueError(
            "reduce_zero_label=True has no effect in a TimeSplitDataset: label_coding "
            "maps each value to a class. Leave it out, and map 0 to 255 (ignored) in "
            "gray_to_train_id of the coding, and the other values to one less"
        )
    if (ignored := arguments.get("ignore_index", IGNORE)) != IGNORE:
        raise ValueError(
            f"ignore_index={ignored} has no effect in a TimeSplitDataset: label_coding "
            f"maps ignored values to 255. Leave it out"
        )

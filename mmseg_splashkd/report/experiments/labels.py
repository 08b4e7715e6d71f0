"""Labels of the frames of a run, read through the config in its record.

A record is data from anywhere: its config is parsed, and never executed.
"""

import ast
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.embedded import check_inert
from mmseg_splashkd.config.frames import listed_frames
from mmseg_splashkd.config.leaf_coding import leaf_coding
from mmseg_splashkd.config.text import node_value
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.records.record import RunRecord


def labels_of(record: RunRecord, part: str) -> tuple[LabelCoding, dict[str, str]]:
    """Find the labels of the frames that a run was validated or tested on.

    Args:
        record: Record of the run, with its ``config_text``.
        part: ``'val'`` or ``'test'``.

    Returns:
        Label coding, and path of the frame -> path of the label.

    Raises:
        FileNotFoundError: The split table or the folders no longer exist.
        ValueError: The record holds no config, or its data set does not list its
            frames, or has no class names.
    """
    key = f"{part}_dataloader"
    loader = read_value(record.config_text or "", key)
    if not isinstance(loader, dict) or not isinstance(loader.get("dataset"), dict):
        raise ValueError(f"the config of {record.name} has no data set in {key}")
    cfg = Config({key: loader})
    frames = listed_frames(cfg, key)
    if frames is None:
        raise ValueError(
            f"the data set in {key} of {record.name} does not list its frames"
        )
    coding = leaf_coding(next(loader_leaves(cfg, key)))
    return coding, {frame.image: frame.label for frame in frames}


def read_value(text: str, name: str) -> Any:
    """Parse the value of a name in a resolved config.

    Args:
        text: The config as ``Config.pretty_text`` writes it: literals, and
            ``dict(...)`` of literals.
        name: Top-level name.

    Returns:
        The value; None if the config does not assign the name.

    Raises:
        ValueError: The text is no Python, the value is not a literal, or it names code
            that is in no registry.
    """
    try:
        tree = ast.parse(text)
    except (MemoryError, RecursionError, SyntaxError, ValueError) as error:
        raise ValueError(f"config_text of the record is damaged: {error}") from error
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            try:
                value = node_value(node.value)
            except (RecursionError, TypeError, ValueError) as error:
                raise ValueError(
                    f"config_text of the record: {name} is not a literal, and "
                    f"code is not executed"
                ) from error
            check_inert({name: value}, "config_text of the record")
            return value
    return None

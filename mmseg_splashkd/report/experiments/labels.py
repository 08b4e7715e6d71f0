"""Labels of the frames of a run, read through the config in its record.

A record is data from anywhere: its config is parsed, and never executed.
"""

import ast
from pathlib import Path
from typing import Any, TypeGuard

from mmseg_splashkd.config.data_check import time_splits
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
        ValueError: The record holds no config, or its data set is no
            ``TimeSplitDataset``.
    """
    loader = read_value(record.config_text or "", f"{part}_dataloader")
    datasets = time_splits(loader.get("dataset")) if isinstance(loader, dict) else []
    if not datasets:
        raise ValueError(
            f"the config of {record.name} has no TimeSplitDataset in "
            f"{part}_dataloader, and other data sets are not supported"
        )
    frames = [frame for each in datasets for frame in each.frames_of_split()]
    return datasets[0].coding, {frame.image: frame.label for frame in frames}


def read_value(text: str, name: str) -> Any:
    """Parse the value of a name in a resolved config.

    Args:
        text: The config as ``Config.pretty_text`` writes it: literals, and
            ``dict(...)`` of literals.
        name: Top-level name.

    Returns:
        The value; None if the config does not assign the name.

    Raises:
        ValueError: The text is no Python, or the value is no literal.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ValueError(f"config_text of the record is damaged: {error}") from error
    for node in tree.body:
        if isinstance(node, ast.Assign) and _names(node) == [name]:
            return _value_of(name, node.value)
    return None


def _names(node: ast.Assign) -> list[str]:
    return [each.id for each in node.targets if isinstance(each, ast.Name)]


def _value_of(name: str, node: ast.expr) -> Any:
    try:
        return _value(node)
    except ValueError as error:
        raise ValueError(
            f"config_text of the record: {name} is no literal, and code is not executed"
        ) from error


def _value(node: ast.expr) -> Any:
    if _makes_dict(node):
        positional = [_value(each) for each in node.args if isinstance(each, ast.Dict)]
        named = {str(key.arg): _value(key.value) for key in node.keywords if key.arg}
        return {**(positional[0] if positional else {}), **named}
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(each) for each in node.elts]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {ast.literal_eval(key): _value(value) for key, value in pairs if key}
    return ast.literal_eval(node)


def _makes_dict(node: ast.expr) -> TypeGuard[ast.Call]:
    """Whether it is ``dict(a=1)``, or ``dict({0: 1})`` for keys that are no names."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    mappings = [each for each in node.args if isinstance(each, ast.Dict)]
    return node.func.id == "dict" and len(node.args) == len(mappings) <= 1


def prediction_path(work_dir: Path, part: str, image: str) -> Path:
    """Prediction of a run for a frame: a one-channel PNG file of trainIds.

    Args:
        work_dir: Work directory of the run.
        part: ``'val'`` or ``'test'``.
        image: Path of the frame.
    """
    return work_dir / "predictions" / part / f"{Path(image).stem}.png"

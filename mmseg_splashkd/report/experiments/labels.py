"""Where the labels of a run's frames are, as its record tells.

A ledger is data, whoever sent it: the config in it is read, and nothing in it is run.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from mmseg_splashkd.config.data_check import time_splits
from mmseg_splashkd.datasets.label_coding import LabelCoding


def labels_of(
    record: Mapping[str, Any], part: str
) -> tuple[LabelCoding, dict[str, str]]:
    """Find the labels of the frames that a run was validated or tested on.

    Args:
        record: A run's line of its ledger.
        part: ``'val'`` or ``'test'``.

    Returns:
        How labels are coded, and frame -> label, as paths.

    Raises:
        FileNotFoundError: The table or the folders are no longer there.
        ValueError: The record does not hold its config, or its data are no
            ``TimeSplitDataset``.
    """
    loader = read_value(record.get("config_text") or "", f"{part}_dataloader")
    datasets = time_splits(loader.get("dataset")) if isinstance(loader, dict) else []
    if not datasets:
        raise ValueError(
            f"the record of {record.get('run')} tells of no TimeSplitDataset in "
            f"{part}_dataloader, of which alone the labels are known"
        )
    frames = [frame for each in datasets for frame in each.frames_of_split()]
    return datasets[0].coding, {frame.image: frame.label for frame in frames}


def read_value(text: str, name: str) -> Any:
    """The value that a resolved config gives a name; None if it gives none.

    Values are literals and ``dict(...)`` of such, as ``Config.pretty_text`` writes.

    Raises:
        ValueError: The text is no Python, or the value is anything else.
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
            f"config_text of the record: {name} is more than a value, and is not run"
        ) from error


def _value(node: ast.expr) -> Any:
    if _makes_dict(node):
        given = [_value(each) for each in node.args if isinstance(each, ast.Dict)]
        named = {str(key.arg): _value(key.value) for key in node.keywords if key.arg}
        return {**(given[0] if given else {}), **named}
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(each) for each in node.elts]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {ast.literal_eval(key): _value(value) for key, value in pairs if key}
    return ast.literal_eval(node)


def _makes_dict(node: ast.expr) -> TypeGuard[ast.Call]:
    """Whether it is ``dict(a=1)``, or ``dict({0: 1})`` where keys are no names."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    mappings = [each for each in node.args if isinstance(each, ast.Dict)]
    return node.func.id == "dict" and len(node.args) == len(mappings) <= 1


def prediction_path(work_dir: Path, part: str, image: str) -> Path:
    """Where a run keeps what it found in a frame: trainIds, one channel."""
    return work_dir / "predictions" / part / f"{Path(image).stem}.png"

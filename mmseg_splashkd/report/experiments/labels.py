"""Labels of the frames of a run, read through the config in its record.

A record is data from anywhere: its config is parsed, and never executed.
"""

import ast
from typing import Any

from mmseg_splashkd.config.frames import time_splits
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
        ValueError: The text is no Python, or the value is not a literal.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ValueError(f"config_text of the record is damaged: {error}") from error
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            try:
                return ast.literal_eval(_DictCalls().visit(node.value))
            except ValueError as error:
                raise ValueError(
                    f"config_text of the record: {name} is not a literal, and "
                    f"code is not executed"
                ) from error
    return None


class _DictCalls(ast.NodeTransformer):
    """Replaces ``dict(a=1)``, and ``dict({0: 1})`` with keys that are not names."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        given = [each for each in node.args if isinstance(each, ast.Dict)]
        if ast.unparse(node.func) != "dict" or not len(node.args) == len(given) <= 1:
            return node
        keys = [key for each in given for key in each.keys]
        keys += [ast.Constant(each.arg) for each in node.keywords]
        values = [value for each in given for value in each.values]
        return ast.Dict(keys, values + [each.value for each in node.keywords])

"""Labels of the frames of a run, read through the config in its record.

A record is data from anywhere: its config is parsed, and never executed.
"""

import ast
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.frames import listed_frames
from mmseg_splashkd.config.leaf_coding import leaf_coding
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

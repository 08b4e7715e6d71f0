"""Plan of a project: the choices that its three configs share, as a JSON file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.foreign import read_json, reading

NAME = "plan.json"


@dataclass(frozen=True)
class Plan:
    """What the configs of a project train with. ``plan.json`` may be edited.

    Args:
        size: (width, height) of the network's input in pixels, each at least 32.
        max_iters: Number of training steps, at least 1.
        batch_size: Frames per step, at least 1.
        learning_rate: Peak learning rate of AdamW, above 0.
        num_workers: Processes that load frames, at least 0.
        classes: Names of the classes, at least two; the last is the focus class.
        split_table: Split table, relative to the plan's folder.
        label_coding: Label coding, a YAML file relative to the plan's folder.
        unlabelled: Treatment of frames without a label, see ``TimeSplitDataset``.
        reasons: Why each value was chosen. Not read.
        fingerprint: What the data held. Not read.

    Raises:
        ValueError: A value is out of range.
    """

    size: Sequence[int]
    max_iters: int
    batch_size: int
    learning_rate: float
    num_workers: int
    classes: Sequence[str]
    split_table: str = "split.csv"
    label_coding: str = "labels.yaml"
    unlabelled: str = "error"
    reasons: Mapping[str, str] = field(default_factory=dict)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sides = [side for side in self.size if isinstance(side, int) and side >= 32]
        if len(self.size) != 2 or len(sides) != 2:
            raise ValueError(
                f"size={list(self.size)} must be a width and a height >= 32"
            )
        for name, least in (("max_iters", 1), ("batch_size", 1), ("num_workers", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{name}={value!r} must be a whole number >= {least}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate={self.learning_rate!r} must be above 0")
        if len(self.classes) < 2:
            raise ValueError(f"classes={list(self.classes)} must be two or more")

    def write(self, path: str | Path) -> Path:
        """Write the plan as JSON."""
        return write_whole(path, json.dumps(asdict(self), indent=2) + "\n")


def read_plan(path: str | Path) -> Plan:
    """Read a plan.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no JSON, lacks a key, has an unknown one, or a value is out
            of range.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"plan {path} does not exist: run tools/new_project.py")
    with reading(path, "plan"):
        return _plan_of(read_json(path, "plan"), path)


def _plan_of(content: Any, path: Path) -> Plan:
    known = {each.name for each in fields(Plan)}
    if not isinstance(content, dict) or (unknown := content.keys() - known):
        given = sorted(unknown) if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"plan {path}: {given}: a plan has the keys {sorted(known)}")
    try:
        return Plan(**content)
    except (TypeError, ValueError) as error:
        raise ValueError(f"plan {path}: {error}") from error

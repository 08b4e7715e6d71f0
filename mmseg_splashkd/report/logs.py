"""Scalars that mmengine logged during training."""

from pathlib import Path

from mmseg_splashkd.files import read_text
from mmseg_splashkd.foreign import parse_json, reading


def logged(work_dir: Path, key: str) -> tuple[list[int], list[float]]:
    """Read one logged quantity from the ``scalars.json`` files of a work directory.

    A work directory holds one log per start. Where a resumed training repeats steps,
    the later log replaces everything the earlier one holds from there on.

    Args:
        work_dir: Work directory of the training.
        key: Name in the log, such as ``loss`` or ``mIoU``.

    Returns:
        Steps in rising order and the value at each; both empty without a log.
    """
    points: dict[int, float] = {}
    for log in sorted(work_dir.glob("*/vis_data/scalars.json")):
        # A killed training may leave an incomplete last line.
        with reading(log, "log"):
            lines = _lines(log, key)
        trained = [line["step"] for line in lines if "loss" in line]
        start = min(trained, default=float("inf"))
        points = {step: value for step, value in points.items() if step < start}
        points |= {line["step"]: line[key] for line in lines if key in line}
    steps = sorted(points)
    return steps, [points[step] for step in steps]


def _lines(log: Path, key: str) -> list[dict]:
    text = read_text(log)
    rows = text[: text.rfind("\n") + 1].splitlines()
    lines = [parse_json(row) for row in rows]
    for row, line in zip(rows, lines, strict=True):
        whole = isinstance(line, dict) and isinstance(line.get("step"), int)
        if not whole or not isinstance(line.get(key, 0.0), int | float):
            raise ValueError(f"a line has no step, or no number as {key}: {row}")
    return lines

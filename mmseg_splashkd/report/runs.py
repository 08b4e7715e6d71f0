"""What runs left on disk: the record of the test, the logs of the training."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Frame:
    """The files of one tested frame.

    Args:
        image: RGB frame.
        label: Gray-coded label map.
        prediction: Predicted trainIds as a one-channel PNG.
    """

    image: Path
    label: Path
    prediction: Path


@dataclass(frozen=True)
class Run:
    """One tested run, as its ``record.json`` tells it.

    Args:
        name: Short name, unique among the runs of a report.
        title: Name for readers.
        config: Config the run was built from.
        checkpoint: Weights that were tested.
        command: Command line that repeats the test.
        metrics: Figures by name, e.g. ``mIoU`` or ``Dice.splash``, in percent; NaN
            where a class is absent, None where it was not measured.
        parameters: Number of trainable and frozen parameters.
        gmacs: Multiply-accumulates a frame, in 1e9.
        ms_per_frame: Milliseconds a frame, measured on ``device``.
        device: What the test ran on.
        date: Day of the test.
        seed: Seed of the training.
        iterations: Training iterations.
        work_dir: Folder of the training, with its logs.
        classes: Class names; the index is the trainId.
        palette: One (R, G, B) in [0, 255] per class.
        gray_to_train_id: Gray value in the label PNG -> trainId or 255 (ignored).
        unknown_label: trainId of other gray values; None if they are an error.
        frames: The tested frames, in time order.
    """

    name: str
    title: str
    config: str
    checkpoint: str
    command: str
    metrics: Mapping[str, float | None]
    parameters: int
    gmacs: float | None
    ms_per_frame: float | None
    device: str
    date: str
    seed: int
    iterations: int
    work_dir: Path
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    gray_to_train_id: Mapping[int, int]
    unknown_label: int | None
    frames: tuple[Frame, ...]


def load_run(record_path: str | Path) -> Run:
    """Read the record of one tested run.

    Args:
        record_path: A ``record.json``. The paths in it are absolute or relative to
            the current directory.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not JSON, or lacks a key.
    """
    path = Path(record_path)
    if not path.is_file():
        raise FileNotFoundError(f"record_path: no file {path}; test the run first")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON ({error}); test the run again") from error
    values = _select(record, Run, str(path))
    frames = [
        _select(frame, Frame, f"{path}, frames[{index}]")
        for index, frame in enumerate(values["frames"])
    ]
    values["frames"] = tuple(
        Frame(**{key: Path(file) for key, file in frame.items()}) for frame in frames
    )
    values["work_dir"] = Path(values["work_dir"])
    values["classes"] = tuple(values["classes"])
    values["palette"] = tuple(tuple(color) for color in values["palette"])
    gray = values["gray_to_train_id"]  # JSON has no keys but text
    values["gray_to_train_id"] = {int(key): value for key, value in gray.items()}
    return Run(**values)


def _select(record: Any, kind: type, source: str) -> dict[str, Any]:
    """Keep what ``kind`` has fields for; other keys are other readers' business."""
    if not isinstance(record, dict):
        raise ValueError(f"{source}: expected a JSON object, got {record!r:.60}")
    names = [field.name for field in fields(kind)]
    missing = [name for name in names if name not in record]
    if missing:
        raise ValueError(f"{source} lacks {', '.join(missing)}; test the run again")
    return {name: record[name] for name in names}


def class_index(run: Run, name: str | None = None) -> int:
    """The trainId of a class, by default of the last one.

    Raises:
        ValueError: The run knows no class of that name.
    """
    if name is None:
        return len(run.classes) - 1
    if name not in run.classes:
        raise ValueError(
            f"focus_class: {run.name} has no class {name!r}; use one of {run.classes}"
        )
    return run.classes.index(name)


def check_comparable(runs: Sequence[Run]) -> None:
    """Make sure that runs may stand in one table.

    Raises:
        ValueError: There is no run or no frame, or runs differ in classes or frames.
    """
    if not runs or not runs[0].frames:
        raise ValueError(f"runs: expected runs with tested frames, got {list(runs)}")
    first = runs[0]
    frames = [frame.image.name for frame in first.frames]
    for run in runs[1:]:
        if run.classes != first.classes:
            what = f"classes ({run.classes} and {first.classes})"
        elif [frame.image.name for frame in run.frames] != frames:
            what = f"frames ({len(run.frames)} and {len(frames)})"
        else:
            continue
        raise ValueError(
            f"runs: {run.name} and {first.name} were tested on different {what}; "
            f"compare only runs tested on the same split"
        )


def number(value: float | None, digits: int = 2) -> str:
    """Write a figure with thousands separators; ``n/a`` for NaN and None."""
    if value is None or math.isnan(value):
        return "n/a"
    return f"{value:,.{digits}f}"


def curve(run: Run, key: str) -> tuple[list[int], list[float]]:
    """One logged quantity over a run's training: see ``logged``."""
    return logged(run.work_dir, key)


def logged(work_dir: Path, key: str) -> tuple[list[int], list[float]]:
    """One logged quantity over training, from the host's ``scalars.json`` logs.

    A work directory holds one log a start. Where a resumed training repeats steps,
    the later log replaces all that the earlier wrote from there on.

    Args:
        work_dir: Of the training.
        key: Name in the log, e.g. ``loss`` or ``mIoU``.

    Returns:
        Steps in rising order and the value at each; both empty without a log.
    """
    points: dict[int, float] = {}
    for log in sorted(work_dir.glob("*/vis_data/scalars.json")):
        # A killed training may leave half a line: only whole ones count.
        text = log.read_text(encoding="utf-8")
        lines = [json.loads(row) for row in text[: text.rfind("\n") + 1].splitlines()]
        trained = [line["step"] for line in lines if "loss" in line]
        start = min(trained, default=float("inf"))
        points = {step: value for step, value in points.items() if step < start}
        points |= {line["step"]: line[key] for line in lines if key in line}
    steps = sorted(points)
    return steps, [points[step] for step in steps]

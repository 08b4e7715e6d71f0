"""Overlap between evaluated frames and those that a teacher or a start has seen.

A teacher that was trained on frames of the validation or test part transfers
information on their labels to its student, whose metrics on these frames are then too
high. So are those of a model whose first weights were trained on them, even without
labels: the frames of a later day would not have been there.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.embedded import embedded_values
from mmseg_splashkd.config.frames import (
    TARGET,
    ListedFrame,
    frame_paths,
    real_path,
)
from mmseg_splashkd.config.text import text_values
from mmseg_splashkd.config.types import distills
from mmseg_splashkd.datasets.checks import Finding
from mmseg_splashkd.datasets.checks.finding import counted
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.records.train_frames import TRAIN_FRAMES, read_train_frames

CODE, START_CODE = "teacher-leak", "start-leak"
EVALUATED = ("val", "test")
TIME = re.compile(r"\d{10}-\d{9}", re.ASCII)  # as in names of frames with a time


@dataclass(frozen=True)
class Overlap:
    """Frames that a teacher, or a start, was trained on and its model is evaluated on.

    Args:
        teacher: File of the weights of the teacher, or to start from.
        trained: File of the weights that were trained on the frames: ``teacher``, or
            those from which it was distilled, or which it started from.
        part: ``'val'`` or ``'test'``.
        frames: Names of the frames, in the order of the part.
        evaluated: Number of frames of the part.
    """

    teacher: Path
    trained: Path
    part: str
    frames: tuple[str, ...]
    evaluated: int


def teacher_overlaps(cfg: Config) -> list[Overlap]:
    """Find evaluated frames in the training of a config's teachers, or of theirs.

    ``train_frames.txt`` in the folder of weights lists their training frames; the
    record in that folder names the teacher they were distilled from. Weights without
    that list contribute no overlap; see ``unlisted_teachers``. Frames of a
    ``TimeSplitDataset`` are compared by recording and time, and without time by
    recording, stem and content; those of other data sets by the real path of the image,
    also with the frames of a ``TimeSplitDataset``.

    Args:
        cfg: Config of the student's run; without distillation there is no overlap.

    Raises:
        FileNotFoundError: A teacher is missing.
        ValueError: A pattern matches several files, or a record cannot be read.
    """
    return _overlaps(cfg, _teachers(cfg))


def start_overlaps(cfg: Config) -> list[Overlap]:
    """Find evaluated frames in the training of the weights that a model starts from.

    Those are the files of ``load_from`` and of every ``init_cfg`` of the model, which a
    run of this package wrote, with or without labels; otherwise as
    ``teacher_overlaps``.

    Args:
        cfg: Config of a run.
    """
    return _overlaps(cfg, _starts(cfg))


def _overlaps(cfg: Config, teachers: Sequence[Path]) -> list[Overlap]:
    if not teachers:
        return []
    parts = frame_paths(cfg)
    evaluated = {part: parts.get(part) or [] for part in EVALUATED}
    return [
        Overlap(teacher, trained, part, common, len(frames))
        for teacher in teachers
        for trained in _with_teachers(teacher)
        for names in [read_train_frames(trained.parent) or ()]
        for part, frames in evaluated.items()
        if (common := _common(frames, names, trained.parent))
    ]


def unlisted_teachers(cfg: Config) -> list[Path]:
    """Weights of direct and indirect teachers without a list of training frames."""
    behind = [each for teacher in _teachers(cfg) for each in _with_teachers(teacher)]
    return [each for each in behind if read_train_frames(each.parent) is None]


def unlisted_parts(cfg: Config) -> list[str]:
    """``'val'`` and ``'test'``, where their data set does not list its frames."""
    parts = frame_paths(cfg)
    return [part for part in EVALUATED if part in parts and parts[part] is None]


def overlap_findings(cfg: Config) -> Iterator[Finding]:
    """Errors for overlaps, warnings where an overlap cannot be ruled out.

    Raises:
        FileNotFoundError: A teacher is missing.
        ValueError: A pattern matches several files, or a record cannot be read.
    """
    for overlap in teacher_overlaps(cfg):
        yield Finding("error", CODE, _message(overlap), overlap.frames)
    for overlap in start_overlaps(cfg):
        yield Finding("error", START_CODE, _start_message(overlap), overlap.frames)
    unknown = "whether a teacher was trained on evaluated frames is unknown"
    if _teachers(cfg):
        for part in unlisted_parts(cfg):
            message = f"{unknown}: the data set of the {part} part lists no frames"
            yield Finding("warning", CODE, message)
    for path in unlisted_teachers(cfg):
        message = f"{unknown} for {path}: there is no {TRAIN_FRAMES} in its folder"
        yield Finding("warning", CODE, message)


def _start_message(overlap: Overlap) -> str:
    return (
        f"the weights {overlap.teacher}{_through(overlap)} to start from were trained "
        f"on {len(overlap.frames)} of {counted(overlap.evaluated, 'frame')} of the "
        f"{overlap.part} part, where the metrics would be too good, also if it was "
        f"without their labels. Start from weights that were trained without them, "
        f"with the same split_table, fold, ratios and embargo"
    )


def _through(overlap: Overlap) -> str:
    is_direct = overlap.trained == overlap.teacher
    return "" if is_direct else f", distilled or begun from {overlap.trained},"


def _message(overlap: Overlap) -> str:
    return (
        f"the teacher {overlap.teacher}{_through(overlap)} was trained on "
        f"{len(overlap.frames)} "
        f"of {counted(overlap.evaluated, 'frame')} of the {overlap.part} part, where "
        f"the metrics of its student would be too good. Use a teacher that was trained "
        f"without them, such as that of the same fold"
    )


def _teachers(cfg: Config) -> list[Path]:
    if not distills(cfg):
        return []
    patterns = as_list(cfg.model.get("teacher_checkpoint"))
    return [
        find_checkpoint(each, "teacher_checkpoint") for each in filter(None, patterns)
    ]


def _starts(cfg: Config) -> list[Path]:
    """Files that runs of this package have left, from which a model starts.

    No type is resolved: the config of a record may name anything.
    """
    model = cfg.get("model") or {}
    named = [cfg.get("load_from"), *_pretrained(model.get("student", model))]
    starts: dict[Path, None] = {}
    for each in filter(None, named):
        try:
            path = find_checkpoint(each, "init_cfg.checkpoint")
        except (OSError, ValueError):  # a URL, or missing, which its reader says
            continue
        if read_train_frames(path.parent) is not None:
            starts[path] = None
    return list(starts)


def _pretrained(model: Any, inside: bool = False) -> Iterator[str]:
    """Every ``checkpoint`` of an ``init_cfg`` in a config."""
    if isinstance(model, Mapping):
        for key, value in model.items():
            if inside and key == "checkpoint" and isinstance(value, str):
                yield value
            yield from _pretrained(value, inside or key == "init_cfg")
    for each in model if isinstance(model, list | tuple) else ():
        yield from _pretrained(each, inside)


def _with_teachers(weights: Path) -> list[Path]:
    """Weights, and all weights they were distilled or begun from, directly or not."""
    found, waiting = [], [weights]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.append(path)
            record = read_record(path.parent)
            if record is not None and record.teacher is not None:
                waiting += map(Path, record.teacher.checkpoints)
            if record is not None and record.config_text is not None:
                waiting += _recorded_starts(record.config_text)
    return found


def _recorded_starts(text: str) -> list[Path]:
    try:
        return _starts(Config(text_values(text)))
    except ValueError:  # of an older run, whose config has more than values
        return []


def _common(
    evaluated: Sequence[ListedFrame], trained: Collection[str], run: Path
) -> tuple[str, ...]:
    """Names of evaluated frames that a run was trained on.

    Args:
        evaluated: Frames of a part.
        trained: Names of the training frames of the run.
        run: Folder of the run.
    """
    names = set(trained)
    unclear = any(
        f.is_named_by_path or _is_unclear(f.name, names) or _other_name(f.name) in names
        for f in evaluated
    )
    images = _images(run, names) if unclear else {}
    known = {real_path(path) for path in (*names, *images.values())}
    return tuple(
        frame.name
        for frame in evaluated
        if real_path(frame.image) in known
        or (frame.name in names and _is_same(frame, images.get(frame.name)))
        or _is_same_file(frame.image, images.get(_other_name(frame.name)))
    )


def _other_name(name: str) -> str:
    """Name of the same frame where its camera is a target's there, or only here."""
    short = name.removeprefix(TARGET)
    return short if short != name else f"{TARGET}{name}"


def _is_unclear(name: str, names: Collection[str]) -> bool:
    """Whether frames of one name may differ: stems such as ``0001`` tell no time."""
    return name in names and TIME.fullmatch(name.rpartition("/")[2]) is None


def _is_same(frame: ListedFrame, other: str | None) -> bool:
    """Whether a frame of the same name is the same one, as far as its file is found."""
    if other is None or TIME.fullmatch(frame.name.rpartition("/")[2]):
        return True
    both = Path(frame.image), Path(other)
    return not all(map(Path.is_file, both)) or _is_same_file(frame.image, other)


def _is_same_file(image: str, other: str | None) -> bool:
    """Whether two files are there, and have the same content."""
    if other is None or not (Path(image).is_file() and Path(other).is_file()):
        return False
    return real_path(image) == real_path(other) or (
        file_sha256(image) == file_sha256(other)
    )


def _images(run: Path, names: Collection[str]) -> dict[str, str]:
    """Images of the training frames of a run, as far as its config finds them."""
    record = read_record(run)
    if record is None or record.config_text is None:
        return {}
    try:
        parts = frame_paths(Config(embedded_values(record)))
    except (OSError, ValueError):  # its data have moved, or its table has changed
        return {}
    frames = parts.get("train") or ()
    return {frame.name: frame.image for frame in frames if frame.name in names}

"""Whether a teacher was trained on the frames that its student is scored on."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.frames import frame_names
from mmseg_splashkd.config.types import distills
from mmseg_splashkd.datasets.checks import Finding
from mmseg_splashkd.datasets.checks.finding import counted
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.records.frame_list import FRAMES, read_frames
from mmseg_splashkd.records.run_file import read_run

CODE = "teacher-leak"
SCORED = ("val", "test")


@dataclass(frozen=True)
class Leak:
    """Frames that a teacher was trained on and its student is scored on.

    Args:
        teacher: File of the teacher's weights.
        trained: File of the weights that were trained on them: the teacher's, or those
            of a teacher that it had itself.
        part: ``'val'`` or ``'test'``.
        frames: Their names, in the order of the part.
        scored: How many frames the part has.
    """

    teacher: Path
    trained: Path
    part: str
    frames: tuple[str, ...]
    scored: int


def leaked_frames(cfg: Config) -> list[Leak]:
    """Frames that teachers of a config, and their teachers, were trained on.

    What weights were trained on stands in ``train_frames.txt`` of their folder, and by
    whom they were taught in its ``run.json``. Nothing is told of a teacher without that
    list; see ``untold_teachers``.

    Args:
        cfg: Config of the student's run; one that does not distil leaks nothing.

    Raises:
        FileNotFoundError: A teacher is missing.
        ValueError: A pattern fits several files.
    """
    teachers = _teachers(cfg)
    if not teachers:
        return []
    parts = frame_names(cfg)
    return [
        Leak(teacher, trained, part, leaked, len(parts[part] or ()))
        for teacher in teachers
        for trained in _with_teachers(teacher)
        for part in SCORED
        if (leaked := _common(parts.get(part), read_frames(trained.parent)))
    ]


def untold_teachers(cfg: Config) -> list[Path]:
    """Weights behind a config's teachers that do not tell what they were trained on."""
    behind = [each for teacher in _teachers(cfg) for each in _with_teachers(teacher)]
    return [each for each in behind if read_frames(each.parent) is None]


def unlisted_parts(cfg: Config) -> list[str]:
    """``'val'`` and ``'test'``, where their data set does not list its frames."""
    parts = frame_names(cfg)
    return [part for part in SCORED if part in parts and parts[part] is None]


def leak_findings(cfg: Config) -> Iterator[Finding]:
    """Errors for frames that leak, warnings for teachers that cannot be told.

    Raises:
        FileNotFoundError: A teacher is missing.
        ValueError: A pattern fits several files.
    """
    for leak in leaked_frames(cfg):
        through = "" if leak.trained == leak.teacher else f", taught by {leak.trained},"
        message = (
            f"the teacher {leak.teacher}{through} was trained on {len(leak.frames)} of "
            f"{counted(leak.scored, 'frame')} of the {leak.part} part, whose figures "
            f"would flatter its student. Take one that was trained without them, such "
            f"as that of the same fold"
        )
        yield Finding("error", CODE, message, leak.frames)
    if _teachers(cfg):
        for part in unlisted_parts(cfg):
            message = (
                f"whether a teacher was trained on frames that are scored cannot be "
                f"told: the data set of the {part} part does not list its frames"
            )
            yield Finding("warning", CODE, message)
    for path in untold_teachers(cfg):
        message = (
            f"whether the teacher {path} was trained on frames that are scored cannot "
            f"be told: there is no {FRAMES} in its folder"
        )
        yield Finding("warning", CODE, message)


def _teachers(cfg: Config) -> list[Path]:
    if not distills(cfg):
        return []
    patterns = as_list(cfg.model.get("teacher_checkpoint"))
    return [
        find_checkpoint(each, "teacher_checkpoint") for each in filter(None, patterns)
    ]


def _with_teachers(weights: Path) -> list[Path]:
    """Weights, and all that their folder says they were taught by."""
    found, waiting = [], [weights]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.append(path)
            teacher = (read_run(path.parent) or {}).get("teacher") or {}
            waiting += map(Path, filter(None, as_list(teacher.get("checkpoint"))))
    return found


def _common(scored: Iterable[str] | None, trained: Any) -> tuple[str, ...]:
    known = {_anywhere(name) for name in trained or ()}
    return tuple(name for name in scored or () if _anywhere(name) in known)


def _anywhere(name: str) -> str:
    """A path as seen from the root; other names differ by it as before."""
    return os.path.abspath(name)  # noqa: PTH100 - without looking at the drive

"""File for the scores of a test, which never replaces those of another test."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path, PurePath
from typing import Any

from mmseg_splashkd.evaluation.frame_scores import FrameScores, load_scores

# What makes two tests the same, beside their frames.
DECISION = ("threshold", "tta", "split", "fold", "table_sha256")
CONTENT = ("checkpoint_sha256", "setting", "engine")
OLDER = ("run", "seed", "iteration", "weights")  # of files without hashes


def scores_target(
    target: str | Path,
    named: bool,
    about: Mapping[str, Any],
    frames: Sequence[str],
) -> Path:
    """Choose the file for the scores of a test.

    Args:
        target: The file wanted.
        named: Whether a user named it, so that no other file may be written.
        about: The test, as in ``FrameScores.about``.
        frames: Paths of its frames.

    Returns:
        ``target`` if it is free or holds scores of the same test; otherwise a file
        beside it that is named by weights, threshold and part.

    Raises:
        FileExistsError: ``target`` holds something else, and ``named`` is set.
    """
    target = Path(target)
    if _is_free(target, about, frames):
        return target
    if named:
        raise FileExistsError(
            f"--scores {target} holds {_content(target)}, which is another test: give "
            f"another file, or delete this one"
        )
    others = (target.with_name(name) for name in _names(target.stem, about))
    return next(path for path in others if _is_free(path, about, frames))


def _is_free(path: Path, about: Mapping[str, Any], frames: Sequence[str]) -> bool:
    if not path.exists():
        return True
    try:
        return same_test(load_scores(path), about, frames)
    except (OSError, ValueError):  # no scores: of whatever it is, nothing is replaced
        return False


def same_test(
    scores: FrameScores, about: Mapping[str, Any], frames: Sequence[str]
) -> bool:
    """Whether scores are of the same weights, decision, pipeline and frames.

    Args:
        scores: Scores of an earlier test.
        about: A test, as in ``FrameScores.about``.
        frames: Paths of its frames.
    """
    keys = CONTENT if "checkpoint_sha256" in scores.about else OLDER
    return [PurePath(frame).name for frame in scores.frames] == [
        PurePath(frame).name for frame in frames
    ] and all(scores.about.get(key) == about.get(key) for key in (*DECISION, *keys))


def _content(path: Path) -> str:
    try:
        about = load_scores(path).about
    except (OSError, ValueError):
        return "no scores"
    words = ", ".join(_words(about))
    return f"the scores of {words}" if words else "the scores of unknown weights"


def _words(about: Mapping[str, Any]) -> Iterator[str]:
    """Checkpoint, threshold, augmentation and part of a test."""
    if about.get("checkpoint"):
        yield PurePath(about["checkpoint"]).stem
    if about.get("threshold") is not None:
        yield f"p{about['threshold']:.4f}"
    if about.get("tta"):
        yield "tta"
    if (split := about.get("split")) not in (None, "test"):
        yield str(split)
    if about.get("fold") is not None:
        yield f"fold{about['fold']}"


def _names(stem: str, about: Mapping[str, Any]) -> Iterator[str]:
    base = "_".join([stem, *_words(about)])
    if base != stem:
        yield f"{base}.npz"
    for number in count(2):
        yield f"{base}_{number}.npz"

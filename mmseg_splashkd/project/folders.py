"""Parts that a data set comes with: folders named train, val and test."""

from collections.abc import Sequence
from dataclasses import replace

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.split_table import SPLITS

PARTS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def part_of(recording: str) -> str:
    """Part named by the outermost such folder of a recording; empty if there is none.

    Args:
        recording: Path of folders, such as ``'train/cam1'``.
    """
    named = (PARTS.get(folder.lower(), "") for folder in recording.split("/"))
    return next(filter(None, named), "")


def split_by_folder(frames: Sequence[Frame]) -> list[Frame]:
    """Put each frame into the part that its recording names.

    Returns:
        The frames in the given order; empty unless every frame is in such a folder,
        and there are frames with a label to train on and in another part.
    """
    split = [replace(f, split=part_of(f.recording), fold=None) for f in frames]
    labelled = labelled_parts(split)
    if not all(frame.split for frame in split) or "train" not in labelled:
        return []
    return split if len(labelled) > 1 else []


def labelled_parts(frames: Sequence[Frame]) -> list[str]:
    """Parts that hold a frame with a label, in display order."""
    held = {frame.split for frame in frames if frame.label}
    return [part for part in SPLITS if part in held]

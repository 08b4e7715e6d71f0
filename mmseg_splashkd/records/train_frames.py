"""``train_frames.txt``: the frames on which the weights of a folder were trained."""

from collections.abc import Iterable
from pathlib import Path

from mmseg_splashkd.files import read_text, write_whole

TRAIN_FRAMES = "train_frames.txt"


def frames_text(names: Iterable[str]) -> str:
    """The content of the file: one name per line."""
    return "".join(f"{name}\n" for name in names)


def write_train_frames(work_dir: str | Path, names: Iterable[str] | None) -> None:
    """Write the list atomically.

    Args:
        work_dir: Folder of the run.
        names: ``<recording>/<timestamp>`` or the path of the image, one per frame; None
            removes the list of an earlier run.
    """
    path = Path(work_dir, TRAIN_FRAMES)
    if names is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, frames_text(names))


def read_train_frames(work_dir: str | Path) -> list[str] | None:
    """Names of the frames a folder's weights were trained on; None without a list."""
    path = Path(work_dir, TRAIN_FRAMES)
    return read_text(path).splitlines() if path.is_file() else None

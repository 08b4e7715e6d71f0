"""``train_frames.txt``: which frames the weights of a folder were trained on."""

from collections.abc import Iterable
from pathlib import Path

from mmseg_splashkd.files import write_whole

FRAMES = "train_frames.txt"


def frames_text(names: Iterable[str]) -> str:
    """One name a line."""
    return "".join(f"{name}\n" for name in names)


def write_frames(work_dir: Path, text: str) -> None:
    """Write the list, whole or not at all."""
    write_whole(work_dir / FRAMES, text)


def read_frames(work_dir: Path) -> list[str] | None:
    """The frames that a folder's weights were trained on; None if it does not say."""
    path = work_dir / FRAMES
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else None

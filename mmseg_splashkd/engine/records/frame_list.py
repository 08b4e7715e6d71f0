"""``train_frames.txt``: which frames the weights of a folder were trained on."""

import os
from collections.abc import Iterable
from pathlib import Path

FRAMES = "train_frames.txt"


def frames_text(names: Iterable[str]) -> str:
    """One name a line."""
    return "".join(f"{name}\n" for name in names)


def write_frames(work_dir: Path, text: str) -> None:
    """Write the list, whole or not at all."""
    path = work_dir / FRAMES
    partial = path.with_name(f".{FRAMES}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_frames(work_dir: Path) -> list[str] | None:
    """The frames that a folder's weights were trained on; None if it does not say."""
    path = work_dir / FRAMES
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else None

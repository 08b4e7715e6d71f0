"""Output never lies among the pictures that are predicted."""

from collections.abc import Iterable
from pathlib import Path


def check_apart(
    out: Path, folders: Iterable[Path], files: Iterable[Path], what: str
) -> None:
    """Refuse a folder whose files would be among the pictures.

    Args:
        out: The folder of the output.
        folders: Folders that are predicted.
        files: Files that are predicted.
        what: What is written, in the plural, for the message.

    Raises:
        ValueError: It is one of the folders, lies in one, or holds a file.
    """
    target = out.resolve()
    for folder in folders:
        if target.is_relative_to(folder.resolve()):
            raise ValueError(
                f"--out {out} lies in {folder}, where {what} would be taken for "
                f"pictures the next time: name a folder outside of it"
            )
    for each in files:
        if each.resolve().is_relative_to(target):
            raise ValueError(
                f"{each} lies in --out {out}: name a folder that holds no picture"
            )

"""The checkpoints that a training run has left in a folder, the newest first."""

import re
from pathlib import Path

POINTER = "last_checkpoint"
LONGEST = 4096  # characters of a path
STEPS = ("iter_*.pth", "epoch_*.pth")
NAMES = (r"iter_(\d+)\.pth", r"epoch_(\d+)\.pth")  # not those that are published


def newest_first(work_dir: Path) -> list[Path]:
    """Checkpoints from which a run may be resumed, if they are whole.

    A higher number than that of ``last_checkpoint`` is newer if it was written later:
    the process was killed before it wrote that pointer. Otherwise the run was told to
    go on from an earlier checkpoint, and those that it left aside come last. So do
    epochs of a run by iteration, and the converse: their numbers do not compare.

    Args:
        work_dir: Folder of a run; need not exist.
    """
    pointed = _pointed(work_dir)
    if pointed is None:
        return _found({work_dir}, *NAMES)
    own = _names_like(pointed.name)  # another than NAMES by ``filename_tmpl``
    folders = {work_dir, pointed.parent}
    found = _found(folders, own)
    others = [path for path in _found(folders, *NAMES) if path not in found]
    written = (work_dir / POINTER).stat().st_mtime_ns
    aside = [
        path
        for path in found
        if _number(path, own) > _number(pointed, own)
        and path.stat().st_mtime_ns < written
    ]
    return [path for path in found if path not in aside] + aside + others


def _found(folders: set[Path], *names: str) -> list[Path]:
    """Files with one of some names, those with the highest number first."""
    found = [
        (_number(path, name), path.stat().st_mtime_ns, path)
        for name in names
        for folder in folders
        for path in folder.glob("*")
        if re.fullmatch(name, path.name) and path.is_file()
    ]
    return [path for _, _, path in sorted(found, reverse=True)]


def _names_like(name: str) -> str:
    """Pattern of the names that differ from one in the last number."""
    end = re.sub(r".*\d", "", name)
    begin = name.removesuffix(end).rstrip("0123456789")
    digits = r"\d+" if begin + end != name else ""
    return f"{re.escape(begin)}({digits}){re.escape(end)}"


def _number(path: Path, name: str) -> int:
    match = re.fullmatch(name, path.name)
    return int(match[1] or 0) if match else 0


def _pointed(work_dir: Path) -> Path | None:
    """The checkpoint that the pointer of a run names."""
    text = pointer_text(work_dir)
    if not text:
        return None
    named = Path(text)
    if not named.is_absolute() and named.parent == Path():
        return work_dir / named
    own = work_dir / named.name
    for path in ((work_dir / named).resolve(), named):
        # A folder with a pointer of its own is another run: this one was copied.
        if path.is_file() and not own.is_file() and not _is_other_run(path.parent):
            return path
    return own


def pointer_text(work_dir: Path) -> str:
    """What the pointer of a run names; empty where it is absent or damaged.

    A power cut leaves a file empty or full of zeros.
    """
    pointer = work_dir / POINTER
    if not pointer.is_file():
        return ""
    text = pointer.read_bytes().decode("utf-8", "replace").strip()
    return text if text.isprintable() and len(text) <= LONGEST else ""


def _is_other_run(folder: Path) -> bool:
    return (folder / POINTER).exists()

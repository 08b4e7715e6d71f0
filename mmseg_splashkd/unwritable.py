"""Errors of a drive that takes no more: what is wrong, where, and what to do.

Libraries report the same cause by different errors: safetensors and SQLite by a text
without the number of the error, torch's archive writer and Pillow without the cause.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Cause and remedy by number. The first ones concern nothing but writing.
WRITING = {
    errno.ENOSPC: ("no space is left on its drive", "free some space"),
    errno.EDQUOT: (
        "your disk quota is used up",
        "remove files of yours, or ask for a larger quota",
    ),
    errno.EROFS: (
        "its drive is read-only",
        "make it writable (a drive turns read-only after errors: see dmesg)",
    ),
    errno.EFBIG: (
        "the file is larger than this process or drive may write",
        "raise the limit (ulimit -f; a FAT drive takes 4 GiB)",
    ),
}
ACCESS = dict.fromkeys(
    (errno.EACCES, errno.EPERM),
    ("you may not write there", "make its folder writable (ls -ld)"),
)
DRIVE = {errno.EIO: ("its drive reports an error", "check the drive (dmesg)")}
CAUSES = WRITING | ACCESS | DRIVE
# Lower-case parts of messages of libraries that keep no number: safetensors, SQLite.
MESSAGES = {
    **{f"os error {number})": number for number in WRITING},
    **{f"code: {number},": number for number in WRITING},
    **{os.strerror(number).lower(): number for number in WRITING},
    "database or disk is full": errno.ENOSPC,
    "attempt to write a readonly database": errno.EROFS,
}
# Of those that do not say the cause: SQLite, torch, NumPy, Pillow, OpenVINO.
SILENT = (
    "disk i/o error",
    "unable to open database file",
    "failed writing file",
    "unexpected pos",
    "requested and",
    "encoder error",
    "iostream error",
)
PROBE = 2**20  # bytes
AGAIN = " or name another folder, then repeat the command"


class UnwritableError(OSError):
    """A file cannot be written, for a reason that lies in drive, quota or rights.

    Args:
        number: Number of the system's error, such as ``errno.ENOSPC``.
        message: File, cause and remedy.
        path: The file.
    """

    def __str__(self) -> str:
        return str(self.strerror)


@contextmanager
def writing(
    path: str | Path,
    partial: Path | None = None,
    afterwards: str = AGAIN,
) -> Iterator[None]:
    """Name file, cause and remedy in errors of a drive that cannot be written.

    Args:
        path: The file, or the folder, that is written to inside the context.
        partial: Temporary file that is written in its place.
        afterwards: End of the message, what to do when the cause is gone.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it, by whatever error a
            library says so. Other errors, also of files that are read meanwhile, are
            passed on.
    """
    try:
        yield
    except UnwritableError:
        raise
    except Exception as error:
        number = _number(error, Path(path), partial)
        if number is None:
            raise
        text = explained(path, number, afterwards)
        raise UnwritableError(number, text, str(path)) from error


def explained(path: str | Path, number: int, afterwards: str = AGAIN) -> str:
    """Say which file cannot be written, why, and what to do.

    Args:
        path: The file or folder.
        number: Number of the system's error, one of ``CAUSES``.
        afterwards: End of the message, what to do when the cause is gone.
    """
    cause, remedy = CAUSES[number]
    free = f", {_free_mib(Path(path))} MiB free" if number == errno.ENOSPC else ""
    return (
        f"{path} cannot be written: {cause} ({errno.errorcode[number]}{free}). "
        f"{remedy[0].upper()}{remedy[1:]}{afterwards}"
    )


def _free_mib(path: Path) -> str:
    with suppress(OSError):
        folder = next(
            each for each in (path, *path.absolute().parents) if each.is_dir()
        )
        return f"{shutil.disk_usage(folder).free / 2**20:,.1f}"
    return "?"


def number_of(error: BaseException | None) -> int | None:
    """Number of the system's error behind one that concerns writing.

    Args:
        error: An error of any library.

    Returns:
        Such as ``errno.ENOSPC``; None for any other cause.
    """
    for each in _chain(error):
        number = getattr(each, "errno", None)
        if number in WRITING:
            return number
        text = str(each).lower()
        for part, meant in MESSAGES.items():
            if part in text:
                return meant
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))  # one that is raised again may be its own cause
        yield error
        error = error.__cause__ or error.__context__


def _number(error: Exception, path: Path, partial: Path | None) -> int | None:
    chain = list(_chain(error))
    if not all(_concerns(each, path, partial) for each in chain):
        return None
    if isinstance(error, OSError) and error.filename and error.errno in CAUSES:
        return error.errno
    number = number_of(error)
    texts = " ".join(str(each).lower() for each in chain)
    if number is None and any(each in texts for each in SILENT):
        number = _probed(path, partial)
        if number is None and "disk i/o error" in texts:
            number = errno.EIO
    return number


def _concerns(error: BaseException, path: Path, partial: Path | None) -> bool:
    """Whether an error may be of the file that is written, by the names it holds.

    These are the file, a folder of it or, of a folder, a file in it. An error while one
    file is copied to another names both.
    """
    pair = (getattr(error, name, None) for name in ("filename", "filename2"))
    names = [os.fsdecode(each) for each in pair if isinstance(each, str | bytes)]
    path = path.absolute()
    written = {path, *path.parents} | ({partial.absolute()} if partial else set())
    named = [Path(each).absolute() for each in names]
    return not named or any(each in written or path in each.parents for each in named)


def _probed(path: Path, partial: Path | None) -> int | None:
    """Why a file cannot be written on: found by trying."""
    content = bytes(PROBE)
    try:
        if partial is not None:
            with partial.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        else:
            folder = path if path.is_dir() else path.parent
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(content)
                file.flush()
    except OSError as error:
        return error.errno if error.errno in CAUSES else None
    return None

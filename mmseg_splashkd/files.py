"""Atomic writes, reading of text that people edit, and hashes of files."""

import codecs
import errno
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmseg_splashkd.limits import TEXT
from mmseg_splashkd.unwritable import writing

# The second form, without a process id, is what earlier versions wrote.
PARTIAL = re.compile(r"\.(?P<stem>.+?)(\.(?P<pid>\d+))?\.partial(?P<suffix>\.[^.]*)?")
# Answers of drives that keep no order of names, or of a folder that may not be read.
NO_FOLDER_SYNC = errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM


@contextmanager
def whole_file(path: str | Path, sync: bool = False) -> Iterator[Path]:
    """Write a file atomically: to a temporary file, which then replaces it.

    If the process is killed or the disk is full, the file stays as it was. It can be
    read by whom other new files can be, whatever mode its writer chose.

    Args:
        path: The file; its folder is created.
        sync: Wait until file and name are on the drive, so that a power cut leaves
            the old file or the new one. Slow for many small files.

    Yields:
        The temporary file to write to, in the same folder and with the same suffix.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
    """
    path = Path(path)
    # The process id: two processes may write the same file at once.
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        with writing(path, partial):
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = _mode_of_new_files(partial)
            yield partial
            if stat.S_IMODE(partial.stat().st_mode) != mode:
                partial.chmod(mode)  # drives without modes refuse it
            if sync:
                _sync(partial)
            partial.replace(path)
            if sync:
                _sync_folder(path.parent)
    finally:
        with suppress(OSError):  # of a read-only drive
            partial.unlink(missing_ok=True)


def _mode_of_new_files(path: Path) -> int:
    """The mode that the process gives a new file.

    The umask can be read in no other way without setting it for all threads.
    """
    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    path.unlink()
    return mode


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Wait for the names in a folder, where its drive can; network drives cannot."""
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in NO_FOLDER_SYNC:
            raise


def target_of_partial(path: str | Path) -> Path | None:
    """The file that a killed ``whole_file`` was writing.

    Args:
        path: Any file.

    Returns:
        Path of the complete file; None if ``path`` is not such a leftover.
    """
    match = PARTIAL.fullmatch(Path(path).name)
    if match is None:
        return None
    return Path(path).with_name(f"{match['stem']}{match['suffix'] or ''}")


def remove_partials(*folders: str | Path) -> None:
    """Remove what a killed ``whole_file`` has left in some folders.

    Files of processes of this machine that still run are kept. The caller holds the
    lock of the folders, because those of other machines are not told apart.

    Args:
        *folders: Folders, without those inside; need not exist.
    """
    for path in (path for folder in folders for path in Path(folder).glob(".*")):
        match = PARTIAL.fullmatch(path.name)
        if match is not None and not _runs(match["pid"]):
            path.unlink(missing_ok=True)


def _runs(pid: str | None) -> bool:
    try:
        os.kill(int(pid or 0), 0)
    except PermissionError:  # of another user
        return True
    except (OSError, OverflowError):
        return False
    return pid is not None


def write_whole(path: str | Path, text: str, sync: bool = False) -> Path:
    """Write text atomically, without newline translation, and return the path.

    Args:
        path: The file.
        text: Its content.
        sync: As in ``whole_file``.
    """
    with whole_file(path, sync) as partial:
        partial.write_bytes(text.encode())
    return Path(path)


def read_text(path: str | Path) -> str:
    """Text of a file that people edit, such as a table that a spreadsheet saved.

    Args:
        path: A file in UTF-8, with or without a byte order mark, or in UTF-16 with one.

    Returns:
        The text, without the byte order mark; line ends as they are in the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file has another encoding; the message names the line. Or it is
            larger than the limit, or no file, such as a device.
    """
    check_regular(path)
    TEXT.check(Path(path).stat().st_size, path)
    content, encoding = Path(path).read_bytes(), "utf-8-sig"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}, line {line}, is not in {encoding.removesuffix('-sig').upper()} "
            f"({error.reason}): save the file as UTF-8"
        ) from error
    if "\0" in text:
        raise ValueError(
            f"{path}, line {text[: text.index(chr(0))].count(chr(10)) + 1}, has zero "
            f"bytes, as UTF-16 without a byte order mark does: save the file as UTF-8"
        )
    return text


def check_regular(path: str | Path) -> None:
    """Refuse a pipe, a device or a socket, which would never end; links are followed.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is one of these.
    """
    mode = Path(path).stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ValueError(f"{path} is not a file but a pipe or a device")


def why_no_file(path: str | Path) -> str:
    """What is wrong with a path where a file was expected."""
    if Path(path).exists():
        return "is a folder, a pipe or a device"
    return "does not exist"


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def check_writable(folder: str | Path, argument: str) -> None:
    """Make a folder, and check that files can be written there.

    Args:
        folder: The folder, with its parents.
        argument: Name of the argument, for the error.

    Raises:
        OSError: It cannot be made, or is not writable.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            error.errno,
            f"{argument} must be a folder that can be written ({error.strerror}): "
            f"name another one",
            str(folder),
        ) from error

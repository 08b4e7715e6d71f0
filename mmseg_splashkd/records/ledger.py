"""The ledger: one line of JSON a run, only ever added to."""

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmseg_splashkd.records.locks import lock
from mmseg_splashkd.records.run_file import (
    VERSION,
    line_of,
    pending,
    write_run,
)
from mmseg_splashkd.records.table import TABLE, write_table

LEDGER = "records.jsonl"
NEEDED = ("id", "run", "work_dir", "how")


def read_ledger(path: str | Path) -> list[dict[str, Any]]:
    """Read the runs of a ledger, in the order in which they ended.

    A line that cannot be read is left out, and the log says which and why: one that was
    torn when its writer was killed, or one of another version.

    Args:
        path: ``records.jsonl``, or the folder that it lies in.

    Raises:
        FileNotFoundError: There is no such file.
    """
    path = Path(path)
    if path.is_dir():
        path = path / LEDGER
    if not path.is_file():
        raise FileNotFoundError(
            f"records {path} do not exist: a run of tools/train.py leaves a line in "
            f"{LEDGER}, in the folder that its work directory lies in"
        )
    with path.open("rb") as file:
        lock(file.fileno(), fcntl.LOCK_SH)  # nobody is in the middle of a line
        content = file.read()
    return list(_records(content, path))


def _records(content: bytes, path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        record, trouble = _record(line)
        if trouble is None:
            yield record
        else:
            told = f"{path}, line {number}, is left out: {trouble}"
            print_log(told, logger="current", level=logging.WARNING)


def _record(line: bytes) -> tuple[dict[str, Any], str | None]:
    """A line's record, and why it cannot be used."""
    try:
        record = json.loads(line)
    except ValueError as error:
        return {}, (
            f"it is no JSON ({error}). A writer was killed in the middle of it; the "
            f"run's folder still holds its run.json"
        )
    if not isinstance(record, dict):
        return {}, f"it is no record of a run, but {type(record).__name__}"
    version = record.get("version", 0)
    if version != VERSION:
        return {}, _of_other_version(record, version)
    if missing := [key for key in NEEDED if key not in record]:
        return {}, f"it lacks {', '.join(missing)}"
    return record, None


def _of_other_version(record: Mapping[str, Any], version: Any) -> str:
    code = record.get("code")
    wrote = code.get("version") if isinstance(code, Mapping) else None
    writer = f"mmseg_splashkd {wrote or 'of another time'}"
    newer = isinstance(version, int) and version > VERSION
    remedy = (
        "read it with that version, or a later one"
        if newer
        else "read it with that version; it stays in the file"
    )
    age = "a newer" if newer else "an older"
    return (
        f"its record has version {version!r}, {age} one than the {VERSION} that is "
        f"read here. {writer} wrote it: {remedy}"
    )


def add_record(ledger: Path, record: Mapping[str, Any]) -> None:
    """Add the line of a run, and of runs beside it that were killed.

    Writers of any number of processes lose nothing. A table of all lines is kept
    beside the ledger.

    Args:
        ledger: The file; it is made, and its folder.
        record: JSON values.

    Raises:
        OSError: The line could not be written; nothing of it is then in the file.
    """
    with _open_ledger(ledger) as handle:
        known = _known(handle, ledger)
        _add_pending(handle, ledger, known)
        if record["id"] not in {each["id"] for each in known}:
            _write_line(handle, record)
            known.append(dict(record))
        _keep_table(ledger, known)


def settle(ledger: Path, held: Path | None = None) -> None:
    """Add the lines of runs that were killed.

    Args:
        ledger: The file; it is made, and its folder.
        held: A work directory that this process has locked: who ran there is gone.

    Raises:
        OSError: The ledger cannot be written.
    """
    with _open_ledger(ledger) as handle:
        known = _known(handle, ledger, quietly=True)
        if _add_pending(handle, ledger, known, held):
            _keep_table(ledger, known)


def _add_pending(
    handle: int,
    ledger: Path,
    known: list[dict[str, Any]],
    held: Path | None = None,
) -> bool:
    ids = {record["id"] for record in known}
    runs = pending(ledger.parent, held)
    found = [(work_dir, state) for work_dir, state in runs if state["id"] not in ids]
    for work_dir, state in found:
        line = line_of(state)
        _write_line(handle, line)
        with contextlib.suppress(OSError):  # such as another user's
            write_run(work_dir, state)
        known.append(line)
    return bool(found)


@contextmanager
def _open_ledger(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        lock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)  # and so free the lock


def _known(handle: int, path: Path, quietly: bool = False) -> list[dict[str, Any]]:
    size = os.fstat(handle).st_size
    content = b""
    while len(content) < size:
        content += os.pread(handle, size - len(content), len(content))
    if quietly:
        lines = filter(None, content.split(b"\n"))
        return [record for record, trouble in map(_record, lines) if trouble is None]
    return list(_records(content, path))


def _write_line(handle: int, record: Mapping[str, Any]) -> None:
    line = json.dumps(record, allow_nan=False).encode() + b"\n"
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        line = b"\n" + line  # a writer was killed in the middle of its line
    try:
        written = os.write(handle, line)
        while written < len(line):  # the drive is full: the next call says so
            written += os.write(handle, line[written:])
        os.fsync(handle)
    except BaseException:
        os.ftruncate(handle, size)
        raise


def _keep_table(ledger: Path, records: list[dict[str, Any]]) -> None:
    table = ledger.with_name(TABLE)
    try:
        write_table(table, records)
    except OSError as error:  # it is only a copy, made anew by the next run
        told = f"{table} could not be written: {error}. The next run writes it anew"
        print_log(told, logger="current", level=logging.WARNING)

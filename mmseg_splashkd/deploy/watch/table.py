"""Appends rows so that whatever ends the process leaves complete ones."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mmseg_splashkd.deploy.watch.rows import HEADER, Row, placed_rows
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.unwritable import writing

SECONDS = 1.0  # between two times at which the drive is waited for
AFTERWARDS = ", then repeat the command: it goes on after the last complete row"


class LineTable:
    """A table of lines, open to be appended to; see ``open_lines``.

    What is appended at once is one call of the system, so that a process that is killed
    leaves it whole or not at all. The drive is waited for once a second, by a thread,
    so that a power cut costs a second of rows also where frames are rare.

    Args:
        path: The file.
        file: The same, open without a buffer.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._is_new = threading.Event()
        self._ends = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._sync_each_second, daemon=True)
        self._thread.start()

    def append_lines(self, lines: str) -> None:
        """Write lines.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        rest = memoryview(lines.encode())
        with writing(self._path, afterwards=AFTERWARDS):
            self._check_drive()
            while rest:  # a drive may take a part
                rest = rest[self._file.write(rest) :]
        self._is_new.set()

    def close(self) -> None:
        """Wait until all rows are on the drive.

        Raises:
            UnwritableError: The drive does not take them.
        """
        self._ends.set()
        self._thread.join()
        with writing(self._path, afterwards=AFTERWARDS):
            self._sync()
            self._check_drive()

    def _check_drive(self) -> None:
        if self._failure is not None:
            # The system does not know the name, by which the error is explained.
            number, text = self._failure.errno, self._failure.strerror
            raise OSError(number, text, str(self._path))

    def _sync_each_second(self) -> None:
        while not self._ends.wait(SECONDS):
            self._sync()

    def _sync(self) -> None:
        if self._is_new.is_set():
            self._is_new.clear()
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                self._failure = error


class RowTable(LineTable):
    """The table of rows; see ``open_table``.

    Args:
        path: The file.
        file: The same, open without a buffer.
        last_before: Time of the last row of earlier calls, in nanoseconds.
    """

    def __init__(
        self, path: Path, file: BinaryIO, last_before: int | None = None
    ) -> None:
        super().__init__(path, file)
        self.last_before = last_before

    def append(self, row: Row) -> None:
        """Write a row.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        self.append_lines(row.line())


@contextmanager
def open_table(path: Path) -> Iterator[RowTable]:
    """Open a table to go on after its last complete row; what follows that is cut.

    Args:
        path: The file; written if missing.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: It is another table, or is damaged.
    """
    end, last = len(HEADER), None
    if path.exists():
        for placed in placed_rows(path):
            end, last = placed.end, placed.row.time_ns
    with open_lines(path, HEADER, end) as file:
        table = RowTable(path, file, last)
        try:
            yield table
        finally:
            table.close()


@contextmanager
def open_lines(path: Path, header: str, end: int) -> Iterator[BinaryIO]:
    """Open a table of lines behind a place; what follows that is cut.

    Args:
        path: The file; written with the header if missing.
        header: Its first line.
        end: Number of bytes that stay.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
    """
    if not path.exists():
        write_whole(path, header, sync=True)
    with writing(path, afterwards=AFTERWARDS):
        os.truncate(path, end)
        file = path.open("ab", buffering=0)
    with file:
        yield file

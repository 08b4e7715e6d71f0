"""A table that is found anew in each call, and written where it differs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mmseg_splashkd.deploy.watch.table import AFTERWARDS
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.unwritable import writing


class ReplayedTable:
    """Takes all lines of a table; those that are in the file stay; see ``replayed``.

    Args:
        path: The file.
        file: The same, open to be read and written without a buffer.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self._is_same = True

    def put(self, line: str) -> None:
        """Take the next line.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        rest = memoryview(line.encode())
        with writing(self._path, afterwards=AFTERWARDS):
            if self._is_same:
                place = self._file.tell()
                if self._file.read(len(rest)) == rest:
                    return
                self._is_same = False
                self._file.truncate(place)
                self._file.seek(place)
            while rest:  # a drive may take a part
                rest = rest[self._file.write(rest) :]

    def end(self) -> None:
        """Cut what was not found anew.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        with writing(self._path, afterwards=AFTERWARDS):
            self._file.truncate(self._file.tell())


@contextmanager
def replayed(path: Path, header: str) -> Iterator[ReplayedTable]:
    """Open a table whose lines are found anew.

    Args:
        path: The file; written if missing.
        header: Its first line.

    Raises:
        UnwritableError: Drive, quota or rights do not allow it.
    """
    if not path.exists():
        write_whole(path, header)
    with writing(path, afterwards=AFTERWARDS):
        file = path.open("r+b", buffering=0)
    with file:
        table = ReplayedTable(path, file)
        table.put(header)
        yield table

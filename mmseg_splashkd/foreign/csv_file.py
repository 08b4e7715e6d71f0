"""CSV from elsewhere, of a bounded number of cells."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

from mmseg_splashkd.files import read_text
from mmseg_splashkd.foreign.reading import reading
from mmseg_splashkd.limits import CELLS

SURPLUS = "surplus"  # key of the cells of a row beyond those of the header


class Rows(NamedTuple):
    """Content of a CSV file.

    Attributes:
        header: Names of the columns.
        rows: Column -> cell, of each row that is not empty; missing cells are empty.
            Cells beyond the header are a list under ``SURPLUS``.
    """

    header: list[str]
    rows: list[dict[str, str]]


def read_rows(path: str | Path, what: str = "", spaces: bool = False) -> Rows:
    """Read a CSV file as spreadsheets save it.

    Args:
        path: The file; cells are separated by the commonest of comma, semicolon and tab
            in its first line.
        what: Its role, for the error, such as ``'list'``.
        spaces: Whether spaces after a separator are skipped.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It has another encoding, or more cells than the limit.
    """
    with reading(path, what):
        text = read_text(path)
        stream = io.StringIO(text, newline="")
        delimiter = _delimiter(stream)
        CELLS.check(sum(map(text.count, (delimiter, "\n", "\r"))) + 1, path)
        reader = csv.DictReader(
            stream,
            restval="",
            restkey=SURPLUS,
            delimiter=delimiter,
            skipinitialspace=spaces,
        )
        rows = list(reader)
        return Rows(list(reader.fieldnames or ()), rows)


def _delimiter(text: io.StringIO) -> str:
    """Comma, or what spreadsheets write instead: a semicolon, a tab."""
    header = text.readline()
    text.seek(0)
    return max(",;\t", key=header.count)

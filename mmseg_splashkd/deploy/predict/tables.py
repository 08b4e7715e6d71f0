"""Tables of predictions: CSV, Parquet, or a data frame of pandas."""

import csv
import io
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mmseg_splashkd.files import whole_file, write_whole

CSV, PARQUET = ".csv", ".parquet"
Rows = Sequence[Mapping[str, object]]


def check_table(path: Path) -> None:
    """Refuse early what ``write_table`` could not write.

    Args:
        path: The file.

    Raises:
        ImportError: A package for Parquet is not installed.
        ValueError: The file is neither ``.csv`` nor ``.parquet``.
    """
    if path.suffix not in (CSV, PARQUET):
        raise ValueError(f"--table {path}: a table is a {CSV} or a {PARQUET} file")
    if path.suffix == PARQUET:
        for package in ("pandas", "pyarrow"):
            _imported(package, f"--table {path}", f"; a {CSV} file needs neither")


def write_table(path: Path, rows: Rows) -> None:
    """Write a row for each picture; the file is written atomically.

    Args:
        path: ``.csv`` or ``.parquet`` file.
        rows: Values by column; columns that a row lacks are empty.

    Raises:
        ImportError: As of ``check_table``.
        UnwritableError: Drive, quota or rights do not allow it.
    """
    if path.suffix == PARQUET:
        frame = data_frame(rows, f"--table {path}")
        with whole_file(path) as partial:
            frame.to_parquet(partial, engine="pyarrow", index=False)
        return
    text = io.StringIO(newline="")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, escaped(text.getvalue()))


def data_frame(rows: Rows, purpose: str) -> Any:
    """Rows as a ``pandas.DataFrame``.

    Args:
        rows: Values by column.
        purpose: What needs pandas, for the error.

    Raises:
        ImportError: pandas is not installed.
    """
    pandas = _imported("pandas", purpose, "; rows are dicts by rows()")
    return pandas.DataFrame([dict(row) for row in rows])


def escaped(text: str) -> str:
    """A text without the bytes of names that are not Unicode, as in ``write_csv``."""
    return text.encode(errors="backslashreplace").decode()


def _imported(package: str, purpose: str, otherwise: str) -> Any:
    """A package that no extra installs, because little needs it."""
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{purpose} needs {package}: pip install {package}{otherwise}"
        ) from error

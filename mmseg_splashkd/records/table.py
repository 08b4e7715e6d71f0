"""The ledger as a table, for spreadsheets and ``pandas.read_csv``."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmseg_splashkd.files import write_whole

TABLE = "records.csv"
LEFT_OUT = ("config_text", "options")  # long, and in the ledger


def write_table(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write a row a run, a column a value; the file appears whole or not at all.

    Args:
        path: The CSV.
        records: As of ``read_ledger``.
    """
    rows = [flat(record) for record in records]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted name -> value, such as ``metrics.best.mIoU``; lists as JSON text."""
    return dict(_leaves({k: v for k, v in record.items() if k not in LEFT_OUT}))


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            is_list = isinstance(value, list)
            yield f"{prefix}{key}", json.dumps(value) if is_list else value

"""Runs as a table, for spreadsheets and ``pandas.read_csv``."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.records.codec import to_json
from mmseg_splashkd.records.store import Run

# Long, and in ``run.json``.
LEFT_OUT = ("config_text", "options", "validations")


def rows(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """One row per run.

    Args:
        runs: Runs from ``find_runs``.

    Returns:
        Dotted name -> value, such as ``metrics.best.mIoU``; lists are JSON text. The
        first column is ``work_dir``.
    """
    return [{"work_dir": str(run.work_dir), **_flat(run)} for run in runs]


def _flat(run: Run) -> dict[str, Any]:
    values = to_json(run.record)
    return dict(_leaves({k: v for k, v in values.items() if k not in LEFT_OUT}))


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            is_list = isinstance(value, list | tuple)
            yield f"{prefix}{key}", json.dumps(value) if is_list else value


def write_csv(path: str | Path, runs: Iterable[Run]) -> None:
    """Write ``rows`` as CSV, one column per name; the file is written atomically.

    Args:
        path: The file.
        runs: Runs from ``find_runs``.
    """
    table = rows(runs)
    columns = list(dict.fromkeys(key for row in table for key in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    # Names that are not Unicode, which a file system may hold, are escaped.
    write_whole(path, text.getvalue().encode(errors="backslashreplace").decode())


def print_runs(runs: Iterable[Run], console: Console | None = None) -> None:
    """Print name, status, start, duration, iterations and folder of runs.

    Args:
        runs: Runs from ``find_runs``.
        console: Console for the output; by default standard output.
    """
    table = Table(
        "run", "status", "began (UTC)", "minutes", "iteration", "reason", "folder"
    )
    for run in runs:
        record = run.record
        table.add_row(
            run.name,
            run.status,
            (record.began or "")[:16].replace("T", " "),
            "" if record.wall_s is None else f"{record.wall_s / 60:.1f}",
            f"{record.iteration}/{record.iterations or '?'}",
            record.reason or "",
            str(run.work_dir),
        )
    (console or Console()).print(table)

"""``records.jsonl`` of schema version 1: one line per start of a run."""

import logging
from collections.abc import Iterator
from pathlib import Path

from mmengine.logging import print_log

from mmseg_splashkd.foreign import one_line, parse_json
from mmseg_splashkd.limits import TEXT
from mmseg_splashkd.records.codec import from_json
from mmseg_splashkd.records.record import RunRecord

LEDGER = "records.jsonl"


def read_ledger(path: str | Path) -> list[tuple[Path, RunRecord]]:
    """Read an old ledger; newer runs write none.

    A line that cannot be read is left out, and the log names it and the cause: it was
    truncated when its writer was killed, or is of another version.

    Args:
        path: ``records.jsonl``, or a file with some of its lines.

    Returns:
        Work directory and record of each start, in the order in which they ended.
    """
    return list(_read(Path(path)))


def _read(path: Path) -> Iterator[tuple[Path, RunRecord]]:
    TEXT.check(path.stat().st_size, path)
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            values = parse_json(line)
            record = from_json(values)
            # An absolute path stays as it is.
            work_dir = path.parent / values.get("work_dir", record.name)
        except (AttributeError, TypeError, ValueError) as error:
            message = f"{path}, line {number}, is left out: {one_line(str(error))}"
            print_log(message, logger="current", level=logging.WARNING)
            continue
        yield work_dir, record

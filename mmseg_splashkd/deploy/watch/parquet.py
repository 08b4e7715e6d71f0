"""The table of a source as Parquet, for programs that read columns."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from mmseg_splashkd.deploy.watch.rows import Row, read_rows
from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.files import whole_file

FILE = "rows.parquet"
GROUP = 65_536  # rows of a group, which are in memory at once


def check_parquet() -> None:
    """Raise an ``ImportError`` if pyarrow, of the extra ``parquet``, is missing."""
    _pyarrow()


def write_parquet(table: Path, out: Path, group: int = GROUP) -> Path:
    """Write a table as Parquet atomically, in constant memory.

    Its columns are ``time``, a timestamp in nanoseconds, UTC; ``share``, a double;
    ``area`` and ``blobs``, int64; and ``confidence``, a double that is null where the
    class has no pixel.

    Args:
        table: ``rows.csv``.
        out: The file.
        group: Rows of a row group, from 1.

    Returns:
        ``out``.

    Raises:
        ImportError: pyarrow is not installed.
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: The table is damaged.
    """
    pa, pq = _pyarrow()
    schema = pa.schema(
        [
            pa.field("time", pa.timestamp("ns", tz="UTC"), nullable=False),
            pa.field("share", pa.float64(), nullable=False),
            pa.field("area", pa.int64(), nullable=False),
            pa.field("blobs", pa.int64(), nullable=False),
            pa.field("confidence", pa.float64()),
        ]
    )
    with whole_file(out) as partial, pq.ParquetWriter(partial, schema) as writer:
        for batch in _batches(read_rows(table), group):
            columns = zip(*batch, strict=True)
            pairs = zip(columns, schema, strict=True)
            arrays = [pa.array(values, field.type) for values, field in pairs]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return out


def _batches(rows: Iterator[Row], count: int) -> Iterator[list[tuple[Any, ...]]]:
    while batch := list(islice(rows, count)):
        yield [(r.time_ns, r.share, r.area, r.blobs, r.confidence) for r in batch]


def _pyarrow() -> tuple[Any, Any]:
    purpose = "Parquet tables (--parquet)"
    return (
        import_extra("pyarrow", purpose, "parquet"),
        import_extra("pyarrow.parquet", purpose, "parquet"),
    )

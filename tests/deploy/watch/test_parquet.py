"""The table as Parquet, read back by pyarrow and pandas."""

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmseg_splashkd.deploy.watch import Row, read_rows
from mmseg_splashkd.deploy.watch.parquet import write_parquet
from mmseg_splashkd.deploy.watch.rows import HEADER
from mmseg_splashkd.unwritable import UnwritableError
from tests.deploy.watch.helpers import START, contents, draw_folder
from tests.deploy.watch.test_command import told
from tests.test_unwritable import limited

pa = pytest.importorskip("pyarrow", reason="no pyarrow: pip install -e '.[parquet]'")
pq = pytest.importorskip("pyarrow.parquet")


def table_of(path: Path, count: int) -> Path:
    rows = (
        Row(
            START * 10**9 + n, (n % 7) / 7, n % 7, n % 3, 0.1 * n % 1 if n % 7 else None
        )
        for n in range(count)
    )
    with path.open("w") as file:
        file.write(HEADER)
        file.writelines(row.line() for row in rows)
    return path


def test_all_rows_are_read_back_to_the_nanosecond(tmp_path):
    table = table_of(tmp_path / "rows.csv", 1000)
    out = write_parquet(table, tmp_path / "rows.parquet", group=300)
    file = pq.ParquetFile(out)
    groups = [file.metadata.row_group(n).num_rows for n in range(4)]
    assert groups == [300, 300, 300, 100]
    assert [(field.name, str(field.type)) for field in file.schema_arrow] == [
        ("time", "timestamp[ns, tz=UTC]"),
        ("share", "double"),
        ("area", "int64"),
        ("blobs", "int64"),
        ("confidence", "double"),
    ]
    read = file.read()
    rows = list(read_rows(table))
    times = read["time"].cast(pa.int64()).to_pylist()
    others = [read[name].to_pylist() for name in ("share", "area", "blobs")]
    assert times == [row.time_ns for row in rows]
    assert others == [
        [row.share for row in rows],
        [row.area for row in rows],
        [row.blobs for row in rows],
    ]
    assert read["confidence"].to_pylist() == [row.confidence for row in rows]


def test_pandas_reads_what_it_reads_from_the_csv(tmp_path):
    table = table_of(tmp_path / "rows.csv", 50)
    read = pd.read_parquet(write_parquet(table, tmp_path / "rows.parquet"))
    csv = pd.read_csv(table)
    times = pd.to_datetime(csv["time_ns"], unit="ns", utc=True)
    assert read["time"].tolist() == times.tolist()
    columns = ["share", "area", "blobs", "confidence"]
    for name in columns:
        np.testing.assert_array_equal(read[name].to_numpy(), csv[name].to_numpy())


def test_an_empty_table_has_the_columns(tmp_path):
    table = table_of(tmp_path / "rows.csv", 0)
    read = pq.read_table(write_parquet(table, tmp_path / "rows.parquet"))
    assert (read.num_rows, read.num_columns) == (0, 5)


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def peak_of(count: int) -> int:
        table = table_of(tmp_path / "rows.csv", count)
        tracemalloc.start()
        write_parquet(table, tmp_path / "rows.parquet", group=200)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_of(400)  # what is made once
    few, many = peak_of(1000), peak_of(8000)
    assert many - few < 64 * 1024  # bytes: a row takes 130


def test_a_full_drive_leaves_the_old_file(tmp_path):
    table = table_of(tmp_path / "rows.csv", 4000)
    out = write_parquet(table, tmp_path / "rows.parquet")
    before = out.read_bytes()
    table_of(table, 5000)
    with limited(1000), pytest.raises(UnwritableError, match=r"rows.parquet cannot be"):
        write_parquet(table, out)
    assert out.read_bytes() == before
    assert contents(tmp_path).keys() == {"rows.csv", "rows.parquet"}


def test_the_option_writes_it_at_the_end_of_each_call(model, tmp_path):
    frames = draw_folder(tmp_path / "frames", range(5))
    out = tmp_path / "out"
    shown = told(model, frames, "--out", out, "--parquet")
    assert f"Parquet: {out / 'rows.parquet'}" in shown
    draw_folder(frames, range(5, 8))
    shown = told(model, frames, "--out", out)
    assert "rows.parquet is of an earlier call: write it anew by --parquet" in shown
    assert pq.read_table(out / "rows.parquet").num_rows == 5
    told(model, frames, "--out", out, "--parquet")
    assert pq.read_table(out / "rows.parquet").num_rows == 8


def test_a_missing_package_is_named_before_anything_is_read(
    model, tmp_path, monkeypatch
):
    def missing(name: str):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("mmseg_splashkd.extras.import_module", missing)
    frames = draw_folder(tmp_path / "frames", range(2))
    shown = told(model, frames, "--out", tmp_path / "out", "--parquet", status=2)
    assert (
        "Parquet tables (--parquet) need pyarrow: pip install -e '.[parquet]'" in shown
    )
    assert not (tmp_path / "out").exists()

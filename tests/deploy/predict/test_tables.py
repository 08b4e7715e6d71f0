"""Tables are written whole, or refused before anything is predicted."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from mmseg_splashkd.deploy.predict import tables
from mmseg_splashkd.deploy.predict.tables import check_table, write_table

ROWS = [{"picture": "a,b.png", "share": 0.5}, {"picture": "c\udcff.png", "error": "x"}]


def test_a_value_that_is_missing_is_empty(tmp_path):
    write_table(tmp_path / "t.csv", ROWS)
    read = pd.read_csv(tmp_path / "t.csv")
    assert list(read.columns) == ["picture", "share", "error"]
    assert read["picture"].tolist() == ["a,b.png", r"c\udcff.png"]
    assert read["share"].isna().tolist() == [False, True]


def test_other_files_are_refused():
    check_table(Path("t.csv"))
    with pytest.raises(ValueError, match=r"--table t\.xlsx: a table is a \.csv or a"):
        check_table(Path("t.xlsx"))


def test_parquet_names_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        ImportError, match=r"needs pyarrow: pip install pyarrow; a \.csv"
    ):
        check_table(Path("t.parquet"))


def test_parquet_is_written_by_pandas(tmp_path, monkeypatch):
    class Frame:
        def __init__(self, rows: list[dict]) -> None:
            self.rows = rows

        def to_parquet(self, path: Path, engine: str, index: bool) -> None:
            assert (engine, index) == ("pyarrow", False)
            path.write_text(repr(self.rows))

    monkeypatch.setattr(tables, "data_frame", lambda rows, purpose: Frame(rows))
    write_table(tmp_path / "t.parquet", ROWS[:1])
    assert (tmp_path / "t.parquet").read_text() == repr(ROWS[:1])

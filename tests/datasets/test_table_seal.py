"""A split table that was cut off is refused; an edited one is used, and said so."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mmseg_splashkd.datasets import table_seal
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.datasets.splits.summary import save_split
from mmseg_splashkd.datasets.table_seal import seal_of
from tests.datasets.builders import START


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of eight rows."""
    frames = [
        Frame("a", (START + k) * 10**9, f"{tmp_path}/{k}.png", "", "train")
        for k in range(8)
    ]
    return write_table(tmp_path / "split.csv", frames, sealed=True)


@pytest.fixture
def told(monkeypatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(table_seal, "print_log", lambda text, **_: lines.append(text))
    return lines


def test_a_written_table_is_read_in_silence(table: Path, told):
    assert len(read_table(table)) == 8
    assert told == []


@pytest.mark.parametrize("left", range(1, 8))
def test_a_table_cut_at_a_line_is_refused(table: Path, left: int):
    lines = table.read_bytes().splitlines(keepends=True)
    table.write_bytes(b"".join(lines[: 1 + left]))
    with pytest.raises(ValueError, match=rf"has {left} of the 8 rows that were .*copy"):
        read_table(table)
    seal_of(table).unlink()  # the remedy that the message names
    assert len(read_table(table)) == left


def test_a_table_cut_at_any_byte_is_refused(table: Path):
    content = table.read_bytes()
    for length in range(1, len(content), 3):
        table.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"split\.csv"):
            read_table(table)


def test_a_last_line_that_is_cut_within_is_refused(table: Path):
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"8 of the 8 rows .* last line is cut off"):
        read_table(table)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_an_edited_table_is_used_and_told_once(table: Path, told, ends):
    text = table.read_text().replace("train", "val", 1).replace("\n", ends)
    table.write_bytes(text.encode())
    assert [frame.split for frame in read_table(table)] == ["val"] + ["train"] * 7
    read_table(table)
    assert told == [f"{table} was edited since it was written, and is used as it is"]
    table.write_bytes(text.encode() + text.splitlines()[-1].encode() + b"9\n")
    with pytest.raises(ValueError, match="line 10"):  # a row more is read like others
        read_table(table)


def test_a_table_of_another_program_is_not_compared(table: Path, told):
    copy = Path(shutil.copy(table, table.with_name("other.csv")))
    copy.write_bytes(copy.read_bytes()[:-1])
    assert len(read_table(copy)) == 8
    assert told == []


@pytest.mark.parametrize("content", [b"", b"\xff" * 9000, b"8 rows\n"])
def test_a_damaged_seal_is_named(table: Path, content: bytes):
    seal_of(table).write_bytes(content)
    with pytest.raises(ValueError, match=r"split\.csv\.sha256 does not hold .*remove"):
        read_table(table)


def test_a_table_that_is_written_again_is_sealed_again(table: Path, told):
    fewer = [replace(frame, split="val") for frame in read_table(table)[:3]]
    assert save_split(table, fewer, force=True) == "replaced"
    assert len(read_table(table)) == 3
    assert told == []


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="has no sha256sum")
def test_sha256sum_reads_the_seal(table: Path):
    command = ["sha256sum", "--check", "--strict", seal_of(table).name]
    done = subprocess.run(command, cwd=table.parent, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "split.csv: OK\n")

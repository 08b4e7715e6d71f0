"""``benchmarks/fuzz.py`` with few inputs; the table of all is in its README."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import fuzz
from benchmarks.fuzz import READERS, Reader, mutated

INPUTS = 30
# pycocotools 2.0.11 with NumPy 2, on every decoding.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_refused_by_name(name, tmp_path):
    bad = [
        found
        for found in (fuzz.read_one(name, n, 0, tmp_path / "f") for n in range(INPUTS))
        if found.kind not in fuzz.GOOD
    ]
    assert bad == []


@pytest.mark.parametrize("name", READERS)
def test_undamaged_files_are_read(name, tmp_path):
    READERS[name].write(tmp_path)
    READERS[name].read(tmp_path)


def test_damage_is_reproducible_and_changes_the_file(tmp_path):
    contents = set()
    for number in range(50):
        path = READERS["split table"].write(tmp_path)[0]
        content = path.read_bytes()
        rng, again = (random.Random(number) for _ in range(2))
        contents.add(mutated(content, rng))
        assert mutated(content, again) in contents
    assert len(contents - {content}) > 40


Read = Callable[[Path], None]


def outcome(monkeypatch: pytest.MonkeyPatch, folder: Path, read: Read) -> str:
    """Kind of the outcome of a reader of one file."""

    def write(folder: Path) -> list[Path]:
        (folder / "a.txt").write_text("a\n")
        return [folder / "a.txt"]

    monkeypatch.setitem(READERS, "own", Reader(write, read))
    (found,) = fuzz.outcomes("own", [0], 0, folder / "files", limit=0.5)
    return found.kind


def fails(error: Exception) -> Read:
    def read(folder: Path) -> None:
        raise error

    return read


def passes(folder: Path) -> None:
    pass


def hangs(folder: Path) -> None:
    time.sleep(30)


def crashes(folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGABRT)


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (passes, "read"),
        (fails(ValueError("a.txt is no list")), "named"),
        (fails(ValueError("no list")), "nameless"),
        (fails(ValueError("a.txt\nis no list")), "long"),
        (fails(KeyError("a.txt")), "raw"),
        (hangs, "hang"),
        (crashes, "crash"),
    ],
    ids=["read", "named", "nameless", "long", "raw", "hang", "crash"],
)
def test_outcomes_are_told_apart(monkeypatch, tmp_path, read, kind):
    assert outcome(monkeypatch, tmp_path, read) == kind


def test_the_table_counts_every_input(capfd):
    assert fuzz.main(["--inputs", "3", "--readers", "plan", "log"]) == 0
    rows = capfd.readouterr().out.splitlines()
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["plan", "log", "all"]
    assert rows[-1].split("|")[2].strip() == "6"

"""Temporary files lie in memory where that is possible."""

import os
import tempfile
from types import SimpleNamespace

import pytest

from tests import memory_files
from tests.memory_files import is_fit, use_memory


@pytest.fixture
def unset(monkeypatch):
    """No folder has been chosen."""
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.mark.usefixtures("unset")
def test_files_of_this_and_other_processes_lie_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_files, "NEEDED", 0)
    use_memory(tmp_path)
    assert os.environ["TMPDIR"] == tempfile.gettempdir() == str(tmp_path)
    use_memory(tmp_path / "another")
    assert tempfile.gettempdir() == str(tmp_path)


@pytest.mark.usefixtures("unset")
def test_without_the_folder_nothing_changes(tmp_path):
    use_memory(tmp_path / "missing")
    assert "TMPDIR" not in os.environ


@pytest.mark.parametrize("flags", [0, os.ST_NOEXEC])
@pytest.mark.parametrize("free", [2**31, 2**33])
def test_a_small_folder_or_one_without_programs_is_not_used(
    tmp_path, monkeypatch, flags, free
):
    found = {
        "statvfs": lambda _: SimpleNamespace(f_flag=flags),
        "disk_usage": lambda _: SimpleNamespace(free=free),
    }
    monkeypatch.setattr(memory_files.os, "statvfs", found["statvfs"])
    monkeypatch.setattr(memory_files.shutil, "disk_usage", found["disk_usage"])
    assert is_fit(tmp_path) == (free == 2**33 and not flags)

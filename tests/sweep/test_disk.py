import errno
import shutil
from types import SimpleNamespace

import pytest

from mmseg_splashkd.sweep.disk import (
    FLOOR,
    DiskFullError,
    check_space,
    is_disk_full,
    size_of,
)


@pytest.mark.parametrize(
    ("free", "largest", "full"),
    [
        (FLOOR, 0, False),
        (FLOOR - 1, 0, True),
        (2 * FLOOR, FLOOR, False),
        (2 * FLOOR - 1, FLOOR, True),
    ],
)
def test_space_is_checked_before_a_run(monkeypatch, tmp_path, free, largest, full):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    if full:
        with pytest.raises(DiskFullError, match=f"MiB are free.*{tmp_path}"):
            check_space(tmp_path, largest)
    else:
        check_space(tmp_path, largest)


def test_size_of_all_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"12345")
    (tmp_path / "two").write_bytes(b"123")
    assert size_of(tmp_path) == 8


def chained() -> Exception:
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "weights")
        except OSError as error:
            raise RuntimeError("could not be saved") from error
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "full"), True),
        (OSError(errno.EDQUOT, "quota"), True),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), True),
        (RuntimeError("I/O error: No space left on device (os error 28)"), True),
        (chained(), True),
        (OSError(errno.EACCES, "no"), False),
        (ValueError("device"), False),
    ],
)
def test_errors_of_a_full_disk(error, full):
    assert is_disk_full(error) is full

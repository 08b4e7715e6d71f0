"""Temporary files of the tests in memory, where the system offers a folder there.

The tests write many thousands of small files, and the package waits for the drive after
each that must survive a power cut: on a disk, a tenth of their time is spent so.
"""

import os
import shutil
import tempfile
from pathlib import Path

FOLDER = Path("/dev/shm")  # of Linux
NEEDED = 2**32  # bytes, of which all tests fill a quarter


def use_memory(folder: Path = FOLDER) -> None:
    """Create temporary files in memory, unless ``TMPDIR`` names a folder for them."""
    if "TMPDIR" not in os.environ and is_fit(folder):
        os.environ["TMPDIR"] = str(folder)  # also of processes that tests start
        tempfile.tempdir = None  # or the former folder stays


def is_fit(folder: Path) -> bool:
    """Whether there is room in a folder, and its files may be executed."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    forbidden = os.statvfs(folder).f_flag & os.ST_NOEXEC  # as in most containers
    return not forbidden and shutil.disk_usage(folder).free > NEEDED

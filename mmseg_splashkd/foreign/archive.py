"""ZIP archives of arrays and tensors, of bounded number and size of records."""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from mmseg_splashkd.limits import EXPANDED, RECORDS

SUFFIX = ".npy"
HEADER_BYTES = 10_000  # of an array in an archive
READERS = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}


def check_archive(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse an archive that would take more memory or time than the limits allow.

    Records that are not compressed cannot hold more than the file, unless several name
    the same bytes: then their sum is above its size.

    Args:
        archive: An open archive; nothing of it is read but its list.
        path: Its file.

    Raises:
        ValueError: It has more records than the limit, one name twice, is encrypted,
            or its content is larger than the limit and the file.
    """
    records = archive.infolist()
    RECORDS.check(len(records), path)
    names = [record.filename for record in records]
    if len(set(names)) < len(names):
        raise ValueError("it has two records of one name")
    if any(record.flag_bits & 1 for record in records):
        raise ValueError("it is encrypted")
    size = sum(record.file_size for record in records)
    if size > path.stat().st_size:
        EXPANDED.check(size, path)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of an ``.npz`` file; none may hold objects.

    Raises:
        ValueError: The file is no such archive, is damaged, or beyond the limits.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError("the file is not an archive of arrays")
    with zipfile.ZipFile(path) as archive:
        check_archive(archive, path)
        return {
            record.filename.removesuffix(SUFFIX): _read_array(archive, record)
            for record in archive.infolist()
        }


def _read_array(archive: zipfile.ZipFile, record: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(record) as file:
        size = _size(file)
    if size > record.file_size:
        raise ValueError(
            f"the array {record.filename} is larger ({size} bytes) than its record "
            f"({record.file_size} bytes)"
        )
    with archive.open(record) as file:
        return npy.read_array(file, allow_pickle=False, max_header_size=HEADER_BYTES)


def _size(file: IO[bytes]) -> int:
    """Size in bytes of an array, by its header."""
    read = READERS.get(npy.read_magic(file))
    if read is None:
        raise ValueError("an array is of an unknown version")
    shape, _, dtype = read(file, max_header_size=HEADER_BYTES)
    if any(length < 0 for length in shape):
        raise ValueError(f"an array has the shape {shape}")
    return math.prod(shape) * dtype.itemsize

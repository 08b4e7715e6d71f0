"""Teacher logits on disk: one array per view, readable by any number of processes."""

import errno
import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from torch import Tensor

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.foreign import UnreadableError, read_json, reading
from mmseg_splashkd.unwritable import UnwritableError, writing

FORMAT = 1
HEADER = "header.json"
LOGITS = "answers.npy"
CHECKSUMS = "digests.npy"
LOCK = "lock"
STORES = ("margin", "logits")
PRESENT = 1 << 32  # set in each checksum of 32 bits: 0 then means "not stored yet"
BUILD = "python tools/cache_teacher.py CONFIG"


def pixel_checksum(image: Tensor) -> int:
    """CRC-32 of the pixels of a view (3, H, W), with an additional bit 32 set."""
    return zlib.crc32(np.ascontiguousarray(image.numpy()).data) | PRESENT


class LogitStore:
    """Logits (F, V, C', h, w) in fp16, with a checksum of the pixels of each view.

    F frames have V views each; C' is the number of classes, or 1 where only the margin
    of two classes is stored. The folder holds a header (JSON) and two memory-mapped
    NumPy files, logits and checksums. A checksum is written after the logits of its
    view, so an interrupted build leaves each view either complete or missing.

    Args:
        folder: Folder of the store.
        mode: ``'r'`` to read, ``'r+'`` to add logits.

    Raises:
        FileNotFoundError: There is no store.
        ValueError: The store has another format, or is damaged.
    """

    def __init__(self, folder: str | Path, mode: str = "r") -> None:
        self.folder = Path(folder)
        self.header = read_header(self.folder)
        shape = tuple(self.header["shape"])
        self.logits = self._mapped(LOGITS, mode, np.float16, shape)
        self.checksums = self._mapped(CHECKSUMS, mode, np.uint64, shape[:2])

    def _mapped(
        self, name: str, mode: Any, dtype: Any, shape: tuple[int, ...]
    ) -> np.memmap:
        path = self.folder / name
        try:
            with reading(path):
                array: Any = np.load(path, mmap_mode=mode)
                if array.shape != shape:
                    raise ValueError("its files differ in size from its header")
                if array.dtype != dtype:
                    raise ValueError(f"it has the type {array.dtype}")
        except (OSError, ValueError) as error:
            raise UnreadableError(self._damaged(error)) from error
        return array

    def _damaged(self, reason: object) -> str:
        return (
            f"teacher cache {self.folder} is damaged: {reason}. Remove it and run: "
            f"{BUILD}"
        )

    @property
    def views(self) -> int:
        """V, the number of views of each frame."""
        return self.header["shape"][1]

    def missing(self) -> list[tuple[int, int]]:
        """(frame, view) of every view whose logits are not stored yet."""
        return [(int(f), int(v)) for f, v in np.argwhere(self.checksums == 0)]

    def add(
        self,
        places: Sequence[tuple[int, int]],
        logits: Tensor,
        checksums: Sequence[int],
    ) -> None:
        """Store the logits of N views.

        Args:
            places: N pairs (frame, view).
            logits: (N, C', h, w).
            checksums: N results of ``pixel_checksum``.

        Raises:
            ValueError: A value is not finite in fp16.
        """
        values = logits.half()
        if not values.isfinite().all():
            raise ValueError(
                f"the teacher's logits overflow fp16 (largest: "
                f"{logits.abs().max():.3g}) and cannot be cached: leave out "
                f"teacher_cache, or check the teacher's weights"
            )
        frames, views = (list(numbers) for numbers in zip(*places, strict=True))
        self.logits[frames, views] = values.numpy()
        self.logits.flush()
        self.checksums[frames, views] = checksums
        self.checksums.flush()

    def read(self, frame: int, view: int, checksum: int) -> np.ndarray:
        """Logits (C', h, w) of a view.

        Args:
            frame: Index of the frame, in [0, F).
            view: Index of the view, in [0, V).
            checksum: ``pixel_checksum`` of the view as it was just drawn.

        Raises:
            RuntimeError: The logits are missing, or were computed from other pixels.
        """
        stored = int(self.checksums[frame, view])
        if stored == checksum:
            return np.array(self.logits[frame, view])
        if not stored:
            raise RuntimeError(
                f"teacher cache {self.folder} has no logits for view {view} of frame "
                f"{frame}: it is incomplete, continue with {BUILD}"
            )
        raise RuntimeError(
            f"teacher cache {self.folder}: view {view} of frame {frame} has other "
            f"pixels than when it was cached (the file or the version of a transform "
            f"changed). Remove the cache and run: {BUILD}"
        )


def read_header(folder: str | Path) -> dict[str, Any]:
    """Read the header of a store.

    Raises:
        FileNotFoundError: There is no store.
        ValueError: The store has another format, or its header is damaged.
    """
    path = Path(folder) / HEADER
    if not path.is_file():
        raise FileNotFoundError(
            f"teacher cache {folder} does not exist (working directory: {Path.cwd()}): "
            f"build it with {BUILD}"
        )
    try:
        with reading(path):
            header = read_json(path)
            version = header["format"]
            shape = header["shape"]
            if len(shape) != 5 or not all(type(n) is int and n > 0 for n in shape):
                raise ValueError(f"its shape {shape} is not (F, V, C', h, w)")
    except ValueError as error:
        raise UnreadableError(
            f"teacher cache {folder} has no readable header: {error}. Remove it and "
            f"run: {BUILD}"
        ) from error
    if version != FORMAT:
        raise ValueError(
            f"teacher cache {folder} has format {version!r:.60}, this version reads "
            f"format {FORMAT}: remove it and run: {BUILD}"
        )
    return header


def write_header(folder: str | Path, header: Mapping[str, Any]) -> None:
    """Write the header of a store atomically."""
    write_whole(Path(folder) / HEADER, json.dumps(dict(header), indent=1))


def create_store(folder: str | Path, header: Mapping[str, Any]) -> LogitStore:
    """Create an empty store.

    Args:
        folder: Folder of the store; it is created.
        header: JSON values, including ``shape``, (F, V, C', h, w).

    Raises:
        UnwritableError: The disk has too little space, or cannot be written; no part
            of the store is left.
    """
    folder = Path(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    shape = tuple(header["shape"])
    size, free = store_size(shape), shutil.disk_usage(folder).free
    if size > free:
        raise UnwritableError(
            errno.ENOSPC,
            f"teacher cache {folder} needs {size / 2**20:,.0f} MiB, the disk has "
            f"{free / 2**20:,.0f} MiB free: reduce teacher_cache.views, or set "
            f"teacher_cache.dir to another disk",
            str(folder),
        )
    try:
        with writing(folder):
            _reserve(folder / LOGITS, np.float16, shape)
            _reserve(folder / CHECKSUMS, np.uint64, shape[:2])
    except BaseException:
        for name in (LOGITS, CHECKSUMS):
            (folder / name).unlink(missing_ok=True)
        raise
    write_header(folder, {**header, "format": FORMAT})  # last: it makes the store valid
    return LogitStore(folder, "r+")


def _reserve(path: Path, dtype: type, shape: tuple[int, ...]) -> None:
    """Create an array of zeros with all its blocks: fail now, not later."""
    np.lib.format.open_memmap(path, "w+", dtype, shape).flush()
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def store_size(shape: Sequence[int]) -> int:
    """Size in bytes of a store of shape (F, V, C', h, w)."""
    return int(np.prod(shape)) * 2 + int(np.prod(shape[:2])) * 8


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Hold the build lock of a store; it is released when the process ends.

    Raises:
        BlockingIOError: Another process builds this store.
    """
    folder = Path(folder)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except Timeout as error:
        raise BlockingIOError(
            f"another process builds teacher cache {folder}: wait until it ends, or "
            f"set teacher_cache.dir to another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()

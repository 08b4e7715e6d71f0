"""A teacher's answers on disk: one a view, read by any number of processes at once."""

import fcntl
import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

FORMAT = 1
HEADER = "header.json"
ANSWERS = "answers.npy"
DIGESTS = "digests.npy"
LOCK = "lock"
STORES = ("margin", "logits")
PRESENT = 1 << 32  # digests are 32 bits: this one says that there is an answer
BUILD = "python tools/cache_teacher.py CONFIG"


def digest(image: Tensor) -> int:
    """Checksum of a view's pixels, (3, H, W): which view an answer answers."""
    return zlib.crc32(np.ascontiguousarray(image.numpy()).data) | PRESENT


class LogitStore:
    """Logits (F, V, C', h, w) in fp16, with the checksum of each view's pixels.

    A folder of a header (JSON), the answers and the checksums (NumPy, memory-mapped). A
    checksum is written after its answer, so what an interruption leaves is usable: an
    answer is there or it is not.

    Args:
        folder: Of a store.
        mode: ``'r'`` to read, ``'r+'`` to add answers.

    Raises:
        FileNotFoundError: There is no store.
        ValueError: It is of another format, or damaged.
    """

    def __init__(self, folder: str | Path, mode: str = "r") -> None:
        self.folder = Path(folder)
        self.header = read_header(self.folder)
        shape = tuple(self.header["shape"])
        try:
            self.answers = np.load(self.folder / ANSWERS, mmap_mode=mode)  # type: ignore[arg-type]
            self.digests = np.load(self.folder / DIGESTS, mmap_mode=mode)  # type: ignore[arg-type]
        except (OSError, EOFError, ValueError) as error:
            raise ValueError(self._damaged(error)) from error
        if self.answers.shape != shape or self.digests.shape != shape[:2]:
            raise ValueError(self._damaged("its files differ in size from its header"))

    def _damaged(self, why: object) -> str:
        return f"teacher cache {self.folder} is damaged: {why}. Remove it and: {BUILD}"

    @property
    def views(self) -> int:
        """V, the number of views a frame."""
        return self.header["shape"][1]

    def missing(self) -> list[tuple[int, int]]:
        """(frame, view) of every answer that is not there yet."""
        return [(int(f), int(v)) for f, v in np.argwhere(self.digests == 0)]

    def add(
        self, places: Sequence[tuple[int, int]], answers: Tensor, digests: Sequence[int]
    ) -> None:
        """Add the answers (N, C', h, w) of N places (frame, view).

        Raises:
            ValueError: An answer is not finite in fp16.
        """
        values = answers.half()
        if not values.isfinite().all():
            raise ValueError(
                f"an answer of the teacher has no fp16 value (largest: "
                f"{answers.abs().max():.3g}): its logits are no use to a student"
            )
        frames, views = (list(numbers) for numbers in zip(*places, strict=True))
        self.answers[frames, views] = values.numpy()
        self.answers.flush()
        self.digests[frames, views] = digests
        self.digests.flush()

    def read(self, frame: int, view: int, seen: int) -> np.ndarray:
        """The answer (C', h, w) to a view whose pixels have the checksum ``seen``.

        Raises:
            RuntimeError: There is none, or it belongs to other pixels.
        """
        known = int(self.digests[frame, view])
        if known == seen:
            return np.array(self.answers[frame, view])
        if not known:
            raise RuntimeError(
                f"teacher cache {self.folder} has no answer to view {view} of frame "
                f"{frame}: it is unfinished, {BUILD} goes on"
            )
        raise RuntimeError(
            f"teacher cache {self.folder}: view {view} of frame {frame} has other "
            f"pixels than when the teacher saw it (another file, another version of a "
            f"transform). Remove the cache and: {BUILD}"
        )


def read_header(folder: str | Path) -> dict[str, Any]:
    """Header of a store.

    Raises:
        FileNotFoundError: There is no store.
        ValueError: It is of another format, or damaged.
    """
    path = Path(folder) / HEADER
    if not path.is_file():
        raise FileNotFoundError(
            f"teacher cache {folder} does not exist (seen from {Path.cwd()}): {BUILD}"
        )
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        found = header["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"teacher cache {folder} has no readable header: {error!r}. Remove it and: "
            f"{BUILD}"
        ) from error
    if found != FORMAT:
        raise ValueError(
            f"teacher cache {folder} is of format {found}, and {FORMAT} is what this "
            f"version reads: remove it and: {BUILD}"
        )
    return header


def write_header(folder: str | Path, header: Mapping[str, Any]) -> None:
    """Write a header, whole or not at all."""
    path = Path(folder) / HEADER
    partial = path.with_name(f".{HEADER}.partial")
    partial.write_text(json.dumps(dict(header), indent=1), encoding="utf-8")
    partial.replace(path)


def create_store(folder: str | Path, header: Mapping[str, Any]) -> LogitStore:
    """Make an empty store of ``header['shape']``, (F, V, C', h, w).

    Raises:
        OSError: The disk has too little space.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shape = tuple(header["shape"])
    size, free = size_of(shape), shutil.disk_usage(folder).free
    if size > free:
        raise OSError(
            f"teacher cache {folder} needs {size / 2**20:,.0f} MiB, the disk has "
            f"{free / 2**20:,.0f}: give teacher_cache fewer views, or another dir"
        )
    for name, kind, extent in (
        (ANSWERS, np.float16, shape),
        (DIGESTS, np.uint64, shape[:2]),
    ):
        np.lib.format.open_memmap(folder / name, "w+", kind, extent).flush()
        with (folder / name).open("r+b") as file:  # a full disk shows now, or never
            os.posix_fallocate(file.fileno(), 0, (folder / name).stat().st_size)
    write_header(folder, {**header, "format": FORMAT})  # last: then it is a store
    return LogitStore(folder, "r+")


def size_of(shape: Sequence[int]) -> int:
    """Bytes of a store of answers (F, V, C', h, w)."""
    return int(np.prod(shape)) * 2 + int(np.prod(shape[:2])) * 8


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Keep other builders out; the lock of a process that was killed is free.

    Raises:
        BlockingIOError: Another process builds this store.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(
                f"another process builds teacher cache {folder}: wait for it, or give "
                f"teacher_cache another dir"
            ) from error
        yield
    finally:
        os.close(handle)

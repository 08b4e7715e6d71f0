"""Arrays in memory that a process shares with those that it forks."""

import mmap
import multiprocessing
import struct

import numpy as np

KEY = 16  # bytes
DIMENSIONS = 3
# Key, type of the elements, number of dimensions and their lengths.
HEAD = struct.Struct(f"<{KEY}s8sq{DIMENSIONS}q")
END = struct.Struct("<q")


class SharedArrays:
    """Arrays by key, written once by any of several processes and read by all.

    They lie one after the other in memory that forked processes share, such as the
    workers of a data loader. It is taken from the system as it is filled. None is
    dropped: once it is full, nothing is added.

    Args:
        size: Size of the memory in bytes.
    """

    def __init__(self, size: int) -> None:
        self._memory = mmap.mmap(-1, max(size, END.size))
        self._lock = multiprocessing.Lock()
        # Where this process knows arrays to be, and how far it has read the memory.
        self._places: dict[bytes, int] = {}
        self._known = END.size
        END.pack_into(self._memory, 0, END.size)

    def get(self, key: bytes) -> np.ndarray | None:
        """A copy of an array; None if there is none of that key.

        Args:
            key: 16 bytes.
        """
        if key not in self._places:
            with self._lock:
                self._follow()
        place = self._places.get(key)
        if place is None:
            return None
        array = self._array(place)
        return array.copy()

    def add(self, key: bytes, array: np.ndarray) -> bool:
        """Add an array that is not there yet; whether it is there then.

        Args:
            key: 16 bytes.
            array: Numbers in at most three dimensions.
        """
        size = HEAD.size + _padded(array.nbytes)
        with self._lock:
            self._follow()
            if key in self._places:
                return True
            place = self._known
            if place + size > len(self._memory):
                return False
            missing = DIMENSIONS - array.ndim
            shape = (*array.shape, *[0] * missing)
            kind = array.dtype.str.encode()
            HEAD.pack_into(self._memory, place, key, kind, array.ndim, *shape)
            self._array(place)[...] = array
            END.pack_into(self._memory, 0, place + size)
            self._follow()
        return True

    def _follow(self) -> None:
        """Note the arrays that any process has added; under the lock."""
        (end,) = END.unpack_from(self._memory, 0)
        while self._known < end:
            key = bytes(self._memory[self._known : self._known + KEY])
            self._places[key] = self._known
            self._known += HEAD.size + _padded(self._array(self._known).nbytes)

    def _array(self, place: int) -> np.ndarray:
        _, kind, dimensions, *shape = HEAD.unpack_from(self._memory, place)
        return np.ndarray(
            shape[:dimensions],
            np.dtype(kind.rstrip(b"\0").decode()),
            self._memory,
            place + HEAD.size,
        )


def _padded(size: int) -> int:
    """The next multiple of 64 bytes: rows of numbers begin at whole cache lines."""
    return -(-size // 64) * 64

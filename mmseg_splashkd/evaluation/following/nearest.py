"""The nearest splash of the frames before: a baseline without prediction."""

from dataclasses import dataclass

import numpy as np

from mmseg_splashkd.evaluation.following.settings import FollowSettings


@dataclass
class _Last:
    """Where a key was last.

    Args:
        box: (4,) left, top, right, bottom in pixels.
        missing: Intervals since then.
    """

    box: np.ndarray
    missing: float = 0.0


class NearestAssociator:
    """Takes the nearest centres first; see ``Associator``.

    A splash is at most as far from where it was as the longer one of the diagonals of
    the two boxes.

    Args:
        settings: ``patience``.
    """

    def __init__(self, settings: FollowSettings) -> None:
        self._longest = settings.patience + 1.5  # intervals, as of the library
        self._lasts: dict[int, _Last] = {}
        self._next = 0

    def match(self, step: float, boxes: np.ndarray) -> list[int]:
        """See ``Associator``."""
        for last in self._lasts.values():
            last.missing += step
        lasts = self._lasts.items()
        self._lasts = {key: x for key, x in lasts if x.missing <= self._longest}
        found: dict[int, int] = {}
        for _, key, row in self._near(boxes):
            if row not in found and key not in found.values():
                found[row] = key
        for row in range(len(boxes)):
            if row not in found:
                found[row] = self._next
                self._next += 1
            self._lasts[found[row]] = _Last(boxes[row])
        return [found[row] for row in range(len(boxes))]

    def alive(self) -> set[int]:
        """See ``Associator``."""
        return set(self._lasts)

    def drop(self, key: int) -> None:
        """See ``Associator``."""
        self._lasts.pop(key, None)

    def reset(self) -> None:
        """See ``Associator``."""
        self._lasts = {}

    def _near(self, boxes: np.ndarray) -> list[tuple[float, int, int]]:
        """Distance, key and row of possible pairs, the nearest first."""
        if not self._lasts or not len(boxes):
            return []
        keys = sorted(self._lasts)
        before = np.array([self._lasts[key].box for key in keys])
        centres = [(each[:, :2] + each[:, 2:]) / 2 for each in (before, boxes)]
        sizes = [np.hypot(*(each[:, 2:] - each[:, :2]).T) for each in (before, boxes)]
        away = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=-1)
        pairs = np.argwhere(away <= np.maximum(sizes[0][:, None], sizes[1][None]))
        return sorted((float(away[i, j]), keys[i], int(j)) for i, j in pairs)

"""Which splash of a frame is which one of the frames before."""

from typing import Any, Protocol

import numpy as np

from mmseg_splashkd.evaluation.following.nearest import NearestAssociator
from mmseg_splashkd.evaluation.following.settings import FollowSettings
from mmseg_splashkd.extras import import_extra

CLASSES = {
    "sort": "SORTTracker",
    "bytetrack": "ByteTrackTracker",
    "ocsort": "OCSORTTracker",
}
LEAST_IOU = 0.3  # of a predicted box and a splash, the default of SORT and OC-SORT
# The library counts how long a track may be missing in 1/30 s. With an interval of 2/30
# s, half an interval is left over, so that jitter does not end a track.
RATE = 15.0  # intervals in a second of the library


class Associator(Protocol):
    """Gives each splash a key, which is that of a former splash or a new one."""

    def match(self, step: float, boxes: np.ndarray) -> list[int]:
        """Take the splashes of the next frame.

        Args:
            step: Time since the frame before, in intervals of the record.
            boxes: (G, 4) left, top, right, bottom in pixels.

        Returns:
            G keys. Keys that are new are above all keys before.
        """
        ...

    def alive(self) -> set[int]:
        """Keys that a splash of a later frame can get."""
        ...

    def drop(self, key: int) -> None:
        """Let no later splash get a key."""
        ...

    def reset(self) -> None:
        """Drop all keys, as after a pause; keys go on counting."""
        ...


class LibraryAssociator:
    """A tracker of the package ``trackers``; see ``Associator``.

    Its own ids begin with the second frame of a track, and are then only of those that
    it confirms. So each of its tracks gets a key when it is made, by the attribute
    ``tracker_id`` that the package documents. The package has no state beyond its
    object: two of them in a process give the same keys.

    Args:
        settings: ``tracker`` and ``patience``.

    Raises:
        ImportError: The package is not installed.
    """

    def __init__(self, settings: FollowSettings) -> None:
        library = import_extra("trackers", "followed splashes", "follow")
        self._boxes: Any = import_extra(
            "supervision", "followed splashes", "follow"
        ).Detections
        kind = getattr(library, CLASSES[settings.tracker])
        self._tracker: Any = kind(
            lost_track_buffer=2 * (settings.patience + 1) + 1,
            frame_rate=RATE,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=LEAST_IOU,
        )
        self._now, self._next = 0.0, 0

    def match(self, step: float, boxes: np.ndarray) -> list[int]:
        """See ``Associator``."""
        self._now += step / RATE
        given = self._boxes(
            xyxy=boxes.astype(np.float64).reshape(-1, 4),
            data={"row": np.arange(len(boxes))},
        )
        found = self._tracker.update(given, timestamp=self._now)
        keys = [-1] * len(boxes)
        if len(boxes):
            rows = found.data["row"].tolist()
            for row, key in zip(rows, found.tracker_id.tolist(), strict=True):
                keys[row] = key
        # The library makes its tracks of those without partner, in their order.
        made = [each for each in self._tracker.tracks if each.tracker_id == -1]
        alone = [row for row, key in enumerate(keys) if key == -1]
        for row, track in zip(alone, made, strict=True):
            keys[row] = track.tracker_id = self._next
            self._next += 1
        return keys

    def alive(self) -> set[int]:
        """See ``Associator``."""
        return {track.tracker_id for track in self._tracker.tracks}

    def drop(self, key: int) -> None:
        """See ``Associator``."""
        tracks = self._tracker.tracks
        self._tracker.tracks = [each for each in tracks if each.tracker_id != key]

    def reset(self) -> None:
        """See ``Associator``."""
        self._tracker.reset()
        self._now = 0.0


def associator_of(settings: FollowSettings) -> Associator:
    """The associator of some settings.

    Raises:
        ImportError: ``trackers`` is not installed.
    """
    if settings.tracker == "nearest":
        return NearestAssociator(settings)
    return LibraryAssociator(settings)

"""Follows splashes from frame to frame, in constant memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.evaluation.components import Area
from mmseg_splashkd.evaluation.events.pace import Pace
from mmseg_splashkd.evaluation.following.association import (
    Associator,
    associator_of,
)
from mmseg_splashkd.evaluation.following.grouping import Grouping, group_blobs
from mmseg_splashkd.evaluation.following.kinship import merge, split
from mmseg_splashkd.evaluation.following.settings import FollowSettings
from mmseg_splashkd.evaluation.following.track import OpenTrack, Track


class Followed(NamedTuple):
    """The splashes of a frame.

    Attributes:
        tracks: Id of the track of each blob; None: it is not followed.
        splashes: Id -> area of each splash.
        ended: Tracks that have ended by now, by id.
        small: Number of blobs in splashes that are too small.
        surplus: Number of blobs in splashes beyond the most that are followed.
    """

    tracks: list[int | None]
    splashes: dict[int, Area]
    ended: list[Track]
    small: int
    surplus: int


@dataclass(frozen=True)
class _Now:
    """What is known of a frame before its splashes have ids.

    Args:
        time_ns: Its time.
        begins_open: Whether no frame is before it.
    """

    time_ns: int
    begins_open: bool


class Follower:
    """The tracks of one recording; see ``FollowSettings`` and ``Track``.

    What comes out depends on nothing but the settings and the times, boxes, areas and
    centroids that come in, in their order. So tracks that are found anew from a table
    of blobs are those that were found in the masks. A pause, which is a step of more
    than ten intervals, ends all tracks, as it ends events.

    Args:
        settings: How splashes are followed.
        associator: Finds the splash of the frame before; default that of the settings.

    Raises:
        ImportError: The package ``trackers`` is needed and not installed.
    """

    def __init__(
        self,
        settings: FollowSettings | None = None,
        associator: Associator | None = None,
    ) -> None:
        self.settings = settings or FollowSettings()
        self._associator = associator or associator_of(self.settings)
        self._pace = Pace(None)
        self._last: int | None = None
        self._paused = True  # no frame is before the next one
        self._numbers = count(1)
        self._keys: dict[int, int] = {}  # of the associator -> id
        self._open: dict[int, OpenTrack] = {}

    def add(self, time_ns: int, blobs: Sequence[Area]) -> Followed:
        """Add the next frame.

        Args:
            time_ns: Its time in nanoseconds, above that of the last frame.
            blobs: Its blobs.

        Returns:
            The ids of the blobs, and the tracks that have ended.

        Raises:
            ValueError: The time does not increase; the follower is unchanged.
        """
        if self._last is not None and time_ns <= self._last:
            raise ValueError(
                f"time_ns={time_ns} is not after the last frame, {self._last}: drop "
                f"the frame and count it"
            )
        step, ended = self._step_to(time_ns)
        frame = _Now(time_ns, self._paused)
        before = {i: each.last for i, each in self._open.items() if self._is_seen(each)}
        self._last, self._paused = time_ns, False
        grouping = group_blobs(blobs, self.settings)
        ids, found = self._settle(frame, step, before, grouping.splashes)
        ended += found
        return _followed(grouping, ids, sorted(ended))

    def close(self) -> list[Track]:
        """End the record, as a pause does.

        Returns:
            The tracks that went on, by id. Further frames may follow, as after a pause.
        """
        if self._paused or self._last is None:
            return []
        over = self._last + self._pace.interval_ns
        ended = []
        for track in self._open.values():
            is_seen = self._is_seen(track)
            if is_seen:
                track.until(over)
            ended.append(track.ended(ends_open=is_seen))
        self._associator.reset()
        self._open, self._keys, self._paused = {}, {}, True
        return sorted(ended)

    def _is_seen(self, track: OpenTrack) -> bool:
        """Whether the last frame has it."""
        return track.last_ns == self._last

    def _step_to(self, time_ns: int) -> tuple[float, list[Track]]:
        """Intervals since the last frame, and the tracks that a pause ended."""
        if self._last is None:
            return 1.0, []
        step_ns = time_ns - self._last
        ended = self.close() if self._pace.is_pause(step_ns) else []
        for track in self._open.values():
            if self._is_seen(track):
                track.until(time_ns)
        interval = self._pace.interval_ns or step_ns
        self._pace.add(step_ns)
        return (1.0 if self._paused else step_ns / interval), ended

    def _settle(
        self,
        frame: _Now,
        step: float,
        before: dict[int, Area],
        splashes: Sequence[Area],
    ) -> tuple[list[int], list[Track]]:
        """Ids of the splashes, and the tracks that ended in this frame."""
        boxes = [each.box for each in splashes]
        keys = self._associator.match(step, np.array(boxes, np.int64).reshape(-1, 4))
        # After a long step, what was in the last frame has been missing for too long.
        alive = self._associator.alive()
        near = {track for key, track in self._keys.items() if key in alive}
        before = {track: area for track, area in before.items() if track in near}
        merged = merge(before, boxes, [self._keys.get(key) for key in keys])
        parted = split(before, boxes, merged.ids)
        ids = []
        for index, splash in enumerate(splashes):
            track = parted.ids[index]
            if track is None:
                track, parent = next(self._numbers), parted.parents.get(index)
                self._open[track] = OpenTrack.begin(
                    track, frame.time_ns, splash, frame.begins_open, parent
                )
            else:
                self._open[track].see(frame.time_ns, splash)
            ids.append(track)
        self._rename(dict(zip(keys, ids, strict=True)))
        into = {track: ids[index] for track, index in merged.merged.items()}
        return ids, self._ended(into)

    def _rename(self, found: dict[int, int]) -> None:
        """Take over the ids by key, and drop the keys that their tracks had before."""
        others = [
            key
            for key, track in self._keys.items()
            if key not in found and track in found.values()
        ]
        for key in others:
            self._associator.drop(key)
            del self._keys[key]
        self._keys |= found

    def _ended(self, into: dict[int, int]) -> list[Track]:
        """End the tracks that merged, and those that were missing for too long."""
        for key in [key for key, track in self._keys.items() if track in into]:
            self._associator.drop(key)
        alive = self._associator.alive()
        self._keys = {key: i for key, i in self._keys.items() if key in alive}
        going = set(self._keys.values())
        over = sorted(set(self._open) - going)
        return [self._open.pop(i).ended(merged_into=into.get(i)) for i in over]


def _followed(grouping: Grouping, ids: Sequence[int], ended: list[Track]) -> Followed:
    tracks = [None if number is None else ids[number] for number in grouping.of]
    splashes = dict(zip(ids, grouping.splashes, strict=True))
    return Followed(tracks, splashes, ended, grouping.small, grouping.surplus)

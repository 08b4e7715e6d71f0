"""The tracks of a table of rows, beside it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from mmseg_splashkd.deploy.watch import rows
from mmseg_splashkd.deploy.watch.blob_rows import (
    BLOB_HEADER,
    FILE,
    PlacedBlob,
    cut_to_agreement,
    placed_blobs,
)
from mmseg_splashkd.deploy.watch.replayed import ReplayedTable, replayed
from mmseg_splashkd.deploy.watch.rows import Row
from mmseg_splashkd.deploy.watch.table import LineTable, open_lines
from mmseg_splashkd.evaluation.components import Area, areas_of
from mmseg_splashkd.evaluation.following import (
    Followed,
    Follower,
    FollowSettings,
    Track,
)
from mmseg_splashkd.evaluation.following.table import (
    SPLASH_COLUMNS,
    blob_line,
    rounded,
    track_line,
)

SPLASHES = "splashes.csv"
SPLASH_HEADER = ",".join(SPLASH_COLUMNS) + "\n"


class TrackLog:
    """Follows the splashes of rows, and writes their tables; see ``open_track_log``.

    The blobs of a frame are in ``tracks.csv`` before the frame is in ``rows.csv``. In
    each call, tracks are found anew from the blobs of the frames that are there: that
    takes no memory for them, and gives the ids of one call, because a follower sees
    nothing but what the table has. ``splashes.csv`` is found anew, too.

    Args:
        folder: Folder of the tables.
        settings: How splashes are followed.
        before: The blobs of earlier calls.
        blobs: Takes the new blobs.
        splashes: Takes all tracks that have ended.
        cut: Number of rows that were cut, because their blobs were lost.
    """

    def __init__(
        self,
        folder: Path,
        settings: FollowSettings,
        before: Iterator[PlacedBlob],
        blobs: LineTable,
        splashes: ReplayedTable,
        cut: int,
    ) -> None:
        self._folder, self._before = folder, before
        self._blobs, self._splashes, self._cut = blobs, splashes, cut
        self._follower = Follower(settings)
        self._new: tuple[int, Followed] | None = None  # of a row that is not there yet
        self._count, self._merged, self._split = 0, 0, 0
        self._small, self._surplus = 0, 0
        self._longest: Track | None = None
        self.shown: dict[int, Area] = {}  # splashes of the last new frame, by id

    def before_row(self, row: Row, numbered: np.ndarray) -> None:
        """Follow the blobs of a new frame, and write them.

        Args:
            row: The row, which is not in its table yet.
            numbered: (H, W) number of the blob of each pixel.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        found = [rounded(blob) for blob in areas_of(numbered)]
        followed = self._follower.add(row.time_ns, found)
        self._new, self.shown = (row.time_ns, followed), followed.splashes
        both = zip(followed.tracks, found, strict=True)
        lines = "".join(blob_line(row.time_ns, track, blob) for track, blob in both)
        if lines:
            self._blobs.append_lines(lines)

    def on_row(self, row: Row) -> None:
        """Take a row that is in its table, in the order of time.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
            ValueError: The tracks of an earlier call are not those that are found now.
        """
        if self._new is None or self._new[0] != row.time_ns:
            followed = self._again(row)
        else:
            followed = self._new[1]
        self._small += followed.small
        self._surplus += followed.surplus
        self._take(followed.ended)

    def end(self) -> list[str]:
        """Write the tracks that go on, and the settings; rows may follow in a call.

        Returns:
            Lines about the tracks.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        self._take(self._follower.close())
        self._splashes.end()
        return [*self._told(), f"Tracks: {self._folder / FILE}"]

    def _again(self, row: Row) -> Followed:
        """Follow the blobs of an earlier call."""
        own = [each.tracked for each in islice(self._before, row.blobs)]
        followed = self._follower.add(row.time_ns, [each.blob for each in own])
        if [each.track for each in own] != followed.tracks:
            raise ValueError(
                f"{self._folder / FILE} has other tracks at {row.time} than are found "
                f"now: it was changed, or written with another version of the package "
                f"or of trackers. Give another --out"
            )
        return followed

    def _take(self, ended: list[Track]) -> None:
        for track in ended:
            self._splashes.put(track_line(track))
            self._count += 1
            self._merged += track.merged_into is not None
            self._split += track.split_from is not None
            longest = self._longest
            if longest is None or track.duration_s > longest.duration_s:
                self._longest = track

    def _told(self) -> Iterator[str]:
        if self._cut:
            yield f"{self._cut:,} rows predicted again: their blobs were lost"
        if self._longest is None:
            yield "no track"
        else:
            kind = "track" if self._count == 1 else "tracks"
            yield (
                f"{self._count:,} {kind}, {self._merged:,} merged into another one, "
                f"{self._split:,} split from one; the longest of "
                f"{self._longest.duration_s:,.1f} s"
            )
        if self._small:
            least = self._follower.settings.min_area
            yield f"{self._small:,} blobs not followed: below {least} pixels"
        if self._surplus:
            yield f"{self._surplus:,} blobs not followed: too many in a frame"


@contextmanager
def open_track_log(folder: Path, settings: FollowSettings) -> Iterator[TrackLog]:
    """Open the tables of a folder to go on with; the table of rows is not open yet.

    Args:
        folder: The folder.
        settings: How splashes are followed.

    Raises:
        ImportError: The package ``trackers`` is needed and not installed.
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: A table is damaged.
    """
    path, end, cut = folder / FILE, len(BLOB_HEADER), 0
    if path.exists():
        end, cut = cut_to_agreement(folder / rows.FILE, path)
    with ExitStack() as stack:
        file = stack.enter_context(open_lines(path, BLOB_HEADER, end))
        splashes = stack.enter_context(replayed(folder / SPLASHES, SPLASH_HEADER))
        blobs = LineTable(path, file)
        stack.callback(blobs.close)
        log = TrackLog(folder, settings, placed_blobs(path), blobs, splashes, cut)
        yield log


def follow_asked(folder: Path, settings: FollowSettings | None) -> dict[str, str]:
    """What distinguishes how splashes are followed, for ``claim_folder``.

    Args:
        folder: Folder of the tables.
        settings: How splashes are followed; None: they are not.

    Raises:
        ValueError: The folder holds rows that were followed, and they are not to be
            now, or the other way round.
    """
    has_rows, has_blobs = ((folder / name).exists() for name in (rows.FILE, FILE))
    if settings is None:
        if has_blobs:
            raise ValueError(
                f"{folder} was watched with --follow: give it again, or another --out"
            )
        return {}
    if has_rows and not has_blobs:
        raise ValueError(
            f"{folder} was watched without --follow, and its rows have no blobs: give "
            f"another --out"
        )
    return {"--follow": json.dumps(settings.as_json())}

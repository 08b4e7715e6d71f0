"""Small pictures of the peaks of the largest events, made while they are watched."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmseg_splashkd.evaluation.events import Event
from mmseg_splashkd.files import remove_partials, whole_file
from mmseg_splashkd.report.pictures import as_jpeg

FOLDER, SUFFIX = "peaks", ".jpg"
KEPT = 12  # events


class Peaks:
    """Pictures in a folder, each named by the time of its frame in nanoseconds.

    There are those of the ``KEPT`` largest events that are final, and one of the event
    that goes on. All that is kept between two calls are these files.

    Args:
        folder: Folder of the table of rows.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._largest: list[Event] = []

    def add(self, time_ns: int, picture: np.ndarray) -> None:
        """Keep a frame that is the peak so far of the event that goes on.

        Args:
            time_ns: Time of the frame.
            picture: (H, W, 3) uint8 RGB.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        with whole_file(peak_file(self._folder, time_ns)) as partial:
            partial.write_bytes(as_jpeg(picture).content)

    def on_final(self, events: Sequence[Event]) -> None:
        """Take events that are final, also those of earlier calls, in their order."""
        self._largest = largest([*self._largest, *events])

    def tidy(self, current: int | None) -> None:
        """Remove the pictures of all other events.

        Args:
            current: Time of the peak of an event that is not final; None without one.
        """
        names = {peak_file(self._folder, event.peak_ns).name for event in self._largest}
        if current is not None:
            names.add(peak_file(self._folder, current).name)
        remove_partials(self._folder)
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path.name not in names:
                path.unlink()


def largest(events: Sequence[Event], count: int = KEPT) -> list[Event]:
    """The events of the largest area, the largest first; of equal ones, the earlier."""
    return sorted(events, key=lambda event: (-event.area_share_s, event.start_ns))[
        :count
    ]


def peak_file(folder: Path, time_ns: int) -> Path:
    """Picture of a frame.

    Args:
        folder: Folder of the pictures.
        time_ns: Time of the frame in nanoseconds.
    """
    return folder / f"{time_ns}{SUFFIX}"

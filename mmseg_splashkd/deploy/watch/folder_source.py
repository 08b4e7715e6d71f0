"""Pictures of a folder whose names are times."""

from array import array
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.converters.name_times import (
    commonest_format,
    first_with_time,
)
from mmseg_splashkd.datasets.listing import describe_passed_over, each_picture
from mmseg_splashkd.datasets.timestamps import TimestampFormat
from mmseg_splashkd.deploy.predict.sources import SUFFIXES, read_picture
from mmseg_splashkd.deploy.watch.source import TIMELESS, Moment, Problem


class FolderSource:
    """A folder of one camera; see ``Source``.

    Names and times of all pictures are kept, some 150 bytes each, because a folder has
    no order.

    Args:
        folder: The folder; pictures at any depth are taken.
        form: Format of the times in their names; None: the one that fits most.

    Raises:
        ValueError: No name is a time, or two subfolders hold the same time, as of
            several cameras.
    """

    about = ""

    def __init__(self, folder: Path, form: TimestampFormat | None = None) -> None:
        self._folder = folder
        passed_over: Counter[str] = Counter()
        pictures = each_picture(folder, SUFFIXES, passed_over)
        self._names = [path.relative_to(folder).as_posix() for path in pictures]
        if not self._names:
            counts = describe_passed_over(passed_over) or "nothing"
            raise ValueError(
                f"no picture in {folder}, which holds {counts}: pictures end with "
                f"{', '.join(SUFFIXES)}"
            )
        form = form or commonest_format(self._names)
        if form is None:
            raise ValueError(_no_times(folder, self._names))
        self._times, self._timeless = _times(self._names, form)
        if len(self._timeless) == len(self._names):
            form.parse(Path(self._names[0]).stem, folder / self._names[0])
        _check_one_camera(folder, self._names, self._times, self._timeless)
        self.count = len(self._names)
        self.identity = {"folder": str(folder.resolve()), "--timestamp": _told(form)}

    def moments(self) -> Iterator[Moment | Problem]:
        """Pictures by their times; see ``Source``. Names without time come first."""
        for number in sorted(self._timeless):
            path = self._folder / self._names[number]
            yield Problem(TIMELESS, f"{path}: its name is not a time")
        # Stable, and names are sorted: of equal times the first name comes first.
        for number in np.argsort(np.asarray(self._times), kind="stable"):
            if number not in self._timeless:
                path = self._folder / self._names[number]
                yield Moment(
                    self._times[number], str(path), partial(read_picture, path)
                )


def _told(form: TimestampFormat) -> str:
    others = (form.stem, form.fps, form.year)
    return " ".join([form.name, *(str(each) for each in others if each is not None)])


def _times(names: list[str], form: TimestampFormat) -> tuple[array, set[int]]:
    """Time of each name, and the numbers of those that have none."""
    times, timeless = array("q"), set()
    for number, name in enumerate(names):
        try:
            times.append(form.parse(Path(name).stem, name).timestamp)
        except ValueError:
            times.append(0)
            timeless.add(number)
    return times, timeless


def _no_times(folder: Path, names: list[str]) -> str:
    example = first_with_time(names) or names[0]
    return (
        f"no name of a picture in {folder} is a time, such as {example}: name the "
        f"format by --timestamp, and its place by --timestamp-stem"
    )


def _check_one_camera(
    folder: Path, names: list[str], times: array, timeless: set[int]
) -> None:
    """Refuse subfolders whose times overlap, whose rows would be mixed."""
    spans: dict[str, tuple[int, int]] = {}
    for number, name in enumerate(names):
        if number not in timeless:
            key, time = name.rpartition("/")[0], times[number]
            first, last = spans.get(key, (time, time))
            spans[key] = min(first, time), max(last, time)
    ordered = sorted(spans.items(), key=lambda item: item[1])
    for (one, before), (other, after) in pairwise(ordered):
        if after[0] <= before[1]:
            raise ValueError(
                f"{folder / one} and {folder / other} hold frames of the same time, as "
                f"of two cameras: watch each folder by itself"
            )

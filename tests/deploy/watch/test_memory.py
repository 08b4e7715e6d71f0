"""Memory does not grow with the number of frames."""

import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from mmseg_splashkd.deploy.watch import Row, timeline
from mmseg_splashkd.deploy.watch.command import Output, watch_into
from mmseg_splashkd.deploy.watch.event_log import EventLog
from mmseg_splashkd.deploy.watch.rows import HEADER
from mmseg_splashkd.deploy.watch.selection import Selection
from mmseg_splashkd.deploy.watch.source import Moment, Problem
from mmseg_splashkd.deploy.watch.timeline import draw_timeline
from mmseg_splashkd.evaluation.events import EventSettings
from tests.deploy.predict.fakes import red_model
from tests.deploy.watch.helpers import START, picture

MOST = 64 * 1024  # bytes: 23 for each frame more, and a row takes 130


class Drawn:
    """Frames that are drawn when they are read, and one problem in ten."""

    count = None
    about = ""
    identity = {}  # noqa: RUF012

    def __init__(self, frames: int) -> None:
        self.frames = frames

    def moments(self) -> Iterator[Moment | Problem]:
        for number in range(self.frames):
            if number % 10 == 9:
                yield Problem("damaged", f"frame {number}")
            read = lambda number=number: picture(number, (16, 16))  # noqa: E731
            yield Moment((START + number) * 10**9, f"frame {number}", read)


def peak_of(work: Callable[[], object]) -> int:
    """Largest number of bytes while work is done."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def watch(frames: int, folder: Path) -> None:
    folder.mkdir()
    no_event = EventSettings(on=1.0)  # each would be kept
    log = EventLog(folder, "drawn", no_event)
    output = Output(red_model(), 1, Selection(), log)
    assert watch_into(Drawn(frames), folder, output) == 1


def test_more_frames_take_no_more_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(timeline, "draw_timeline", lambda *_: None)  # tested below
    watch(20, tmp_path / "first")  # what is made once, such as tables of Unicode
    # Rich keeps 1,000 of its times, so that fewer frames take less.
    few, many = (
        peak_of(partial(watch, count, tmp_path / str(count))) for count in (1200, 4000)
    )
    assert many - few < MOST


def test_a_picture_of_ten_times_as_many_rows_takes_no_more_memory(tmp_path):
    def draw(count: int) -> None:
        path = tmp_path / f"{count}.csv"
        with path.open("w") as file:
            file.write(HEADER)
            file.writelines(
                Row((START + n) * 10**9, n % 7 / 7, 1, 1, 0.5).line()
                for n in range(count)
            )
        draw_timeline(path, tmp_path / "a.svg", "splash")

    draw(2000)
    few, many = (peak_of(partial(draw, count)) for count in (1500, 15_000))
    assert many - few < MOST

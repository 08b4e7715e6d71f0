"""What is answered of a video: what ``tools/watch.py`` writes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.prediction import Prediction
from mmseg_splashkd.deploy.serve.asked import AskedOfVideo
from mmseg_splashkd.deploy.serve.bounded_source import open_bounded
from mmseg_splashkd.deploy.serve.bounds import Bounds
from mmseg_splashkd.deploy.serve.pictures import in_base64, png
from mmseg_splashkd.deploy.serve.refusal import (
    UNREADABLE,
    RefusedError,
    public,
    refusal_of,
)
from mmseg_splashkd.deploy.watch import event_log, rows, timeline
from mmseg_splashkd.deploy.watch.counts import Counts
from mmseg_splashkd.deploy.watch.event_log import EventLog
from mmseg_splashkd.deploy.watch.source import Problem
from mmseg_splashkd.deploy.watch.table import open_table
from mmseg_splashkd.deploy.watch.watcher import Watcher
from mmseg_splashkd.evaluation.events import Event
from mmseg_splashkd.evaluation.events.table import format_utc
from mmseg_splashkd.unwritable import UnwritableError

SHOWN = 5  # problems that are told by text; all are counted


@dataclass
class Watched:
    """What came of a video.

    Args:
        asked: What was asked.
        name: Name of the class that is watched.
        folder: Folder of the upload, into which tables are written.
        log: Finds events.

    Attributes:
        counts: What became of the frames.
        problems: Texts of the first problems.
        largest: Prediction of the first frame with the largest share.
        times: What its times are, as a sentence.
    """

    asked: AskedOfVideo
    name: str
    folder: Path
    log: EventLog
    counts: Counts = field(default_factory=Counts)
    problems: list[str] = field(default_factory=list)
    largest: Prediction | None = None
    times: str = ""

    def on_row(self, row: rows.Row) -> None:
        """Take a row, in the order of time."""
        self.counts.on_row(row)
        self.log.on_row(row)

    def on_prediction(self, _time_ns: int, prediction: Prediction) -> None:
        """Keep the frame with the largest share."""
        best = self.largest
        if best is None or prediction.share[self.name] > best.share[self.name]:
            self.largest = prediction

    def on_problem(self, problem: Problem) -> None:
        """Take what is dropped."""
        if len(self.problems) < SHOWN:
            text = public(problem.text, self.folder)
            self.problems.append(f"{problem.reason}: {text}")


def watch_video(
    model: SplashModel,
    path: Path,
    asked: AskedOfVideo,
    bounds: Bounds,
    stops: Callable[[], bool],
) -> Watched:
    """Predict the frames of a video, and find events.

    Args:
        model: The model.
        path: The upload, in a folder of its own.
        asked: What is asked.
        bounds: Limits.
        stops: Says whether to stop.

    Raises:
        GoneError: It had to stop.
        RefusedError: It is no video, has no frame that can be taken, or is too large.
        UnwritableError: Drive, quota or rights do not allow it.
    """
    folder, name = path.parent, model.classes[asked.class_id]
    log = EventLog(folder, asked.recording, asked.settings)
    watched = Watched(asked, name, folder, log)
    watcher = Watcher(
        model,
        asked.class_id,
        asked.selection,
        lambda *_: None,  # no picture is kept
        watched.on_row,
        watched.on_prediction,
        watched.on_problem,
        lambda: None,
    )
    try:
        source = open_bounded(path, asked.start, bounds, stops)
        watched.times = public(source.about, folder)
        with open_table(folder / rows.FILE) as table:
            watcher.run(source, iter(()), table, watched.counts)
    except UnwritableError:
        raise
    except (OSError, ValueError) as error:
        raise refusal_of(error, folder) from error
    log.end()
    if not watched.counts.rows:
        raise RefusedError(UNREADABLE, _no_row(watched))
    return watched


def _no_row(watched: Watched) -> str:
    counts = watched.counts
    dropped = [f"{n} {reason}" for reason, n in sorted(counts.dropped.items())]
    told = ", ".join(dropped) or "it has no frame"
    return "; ".join(
        [f"no frame of the video could be taken: {told}", *watched.problems]
    )


def video_values(watched: Watched, with_files: bool) -> dict[str, Any]:
    """What came of a video as JSON values.

    Args:
        watched: What came of it.
        with_files: Whether to add the files of ``tools/watch.py`` as texts, and the
            frame with the largest share with the classes over it, a PNG in base64.
    """
    counts, largest = watched.counts, watched.counts.largest
    assert counts.first is not None
    assert counts.last is not None
    assert largest is not None
    values: dict[str, Any] = {
        "class": watched.name,
        "read": counts.read,
        "rows": counts.rows,
        "left_out": counts.left_out,
        "dropped": dict(sorted(counts.dropped.items())),
        "problems": watched.problems,
        "times": watched.times,
        "first": format_utc(counts.first),
        "last": format_utc(counts.last),
        "mean_share": counts.shares / counts.rows,
        "largest": {"time": largest.time, "share": largest.share},
        "settings": watched.asked.settings.as_json(),
        "events": [
            event_values(watched.asked.recording, each) for each in watched.log.found
        ],
    }
    if with_files:
        values["files"] = _files(watched)
    return values


def event_values(recording: str, event: Event) -> dict[str, Any]:
    """An event by the columns of ``events.csv``, with numbers as numbers."""
    return {
        "recording": recording,
        "start": format_utc(event.start_ns),
        "end": format_utc(event.end_ns),
        "duration_s": event.duration_s,
        "peak_share": event.peak_share,
        "peak": format_utc(event.peak_ns),
        "area_share_s": event.area_share_s,
        "intensity": event.intensity,
        "frames": event.frames,
        "begins_open": event.begins_open,
        "ends_open": event.ends_open,
    }


def _files(watched: Watched) -> dict[str, str]:
    folder, largest = watched.folder, watched.largest
    assert largest is not None
    table, picture = folder / rows.FILE, folder / timeline.FILE
    timeline.draw_timeline(table, picture, watched.name, watched.log.found)
    texts = (rows.FILE, event_log.FILE, timeline.FILE)
    found = {name: (folder / name).read_text("utf-8") for name in texts}
    return found | {"overlay.png": in_base64(png(largest.draw()))}

"""A source from the command line: its table, its pictures, and what came of it."""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.deploy.choice import AUTO
from mmseg_splashkd.deploy.predict.apart import check_apart
from mmseg_splashkd.deploy.predict.asked import claim_folder
from mmseg_splashkd.deploy.predict.auto_engine import chosen_engine, model_asked
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.prediction import Prediction
from mmseg_splashkd.deploy.watch import parquet, rows, timeline
from mmseg_splashkd.deploy.watch.annotate import SUFFIX, AnnotatedVideo, free_name
from mmseg_splashkd.deploy.watch.camera_source import is_camera
from mmseg_splashkd.deploy.watch.counts import Counts
from mmseg_splashkd.deploy.watch.drawn_tracks import draw_tracks
from mmseg_splashkd.deploy.watch.error_bars import ErrorBars
from mmseg_splashkd.deploy.watch.event_log import EventLog
from mmseg_splashkd.deploy.watch.measure import class_of, decision_of
from mmseg_splashkd.deploy.watch.opening import open_source
from mmseg_splashkd.deploy.watch.outcome import Outcome
from mmseg_splashkd.deploy.watch.page import Watched, write_watched_page
from mmseg_splashkd.deploy.watch.parquet import check_parquet
from mmseg_splashkd.deploy.watch.selection import Selection
from mmseg_splashkd.deploy.watch.shown import Shown
from mmseg_splashkd.deploy.watch.smoother import Smoother, smoothing_asked, tau_of
from mmseg_splashkd.deploy.watch.source import Moment, Source
from mmseg_splashkd.deploy.watch.sums import Hours
from mmseg_splashkd.deploy.watch.table import open_table
from mmseg_splashkd.deploy.watch.track_log import (
    TrackLog,
    follow_asked,
    open_track_log,
)
from mmseg_splashkd.deploy.watch.watcher import Watcher
from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.evaluation.following import FollowSettings
from mmseg_splashkd.files import check_writable
from mmseg_splashkd.records.lock import lock_folder

MOST_INTERVAL = 5  # time constants between frames, after which e^-5 = 0.7 % is left
INCOMPLETE, NOTHING = 1, 2  # exit status: some frames were dropped, or no row is there
TAKEN = "--out {!r}: another process watches into it. Name another one, or wait"


@dataclass(frozen=True)
class Asked:
    """What is watched, and how.

    Args:
        model: File of the model; with ``config``, ``engine`` and ``threads`` see
            ``SplashModel.load``.
        source: Path of a video or of a folder, or address of a camera.
        out: Folder of the table; another one than that of the pictures.
        config: Config of weights.
        engine: Engine by name; ``'auto'``: the fastest on this machine that predicts
            the same, see ``engine_for``.
        threads: Number of threads.
        class_name: Class that is watched; None: the last one.
        every: Seconds of an interval of which one frame is taken; None: all frames.
        first: Time from which frames are taken; None: from the first.
        until: Time before which they are taken; None: to the last.
        start: Time of the first frame of a video, see ``VideoSource``.
        timestamp: Arguments of ``TimestampFormat``, for the names in a folder.
        annotate: ``.mp4`` file of the frames with the classes over them.
        recording: Name of the recording in the table of events; None: that of the file
            or folder, ``camera`` of a camera.
        events: When a series of shares is an event; None: those of ``errors``, or
            ``EventSettings()``.
        errors: File of errors of events, by which they are corrected.
        follow: How splashes are followed from frame to frame; None: they are not.
        max_jump: Seconds between two frames from which the clock may be wrong; None: a
            day, see ``in_order``.
        parquet: Whether the rows are written as Parquet, too.
        smooth: Time constant in seconds by which probabilities are smoothed in time;
            None: they are not.
    """

    model: str
    source: str
    out: str | Path
    config: str | None = None
    engine: str | None = None
    threads: int | None = None
    class_name: str | None = None
    every: str | None = None
    first: str | None = None
    until: str | None = None
    start: str | None = None
    timestamp: Mapping[str, Any] | None = None
    annotate: str | None = None
    recording: str | None = None
    events: EventSettings | None = None
    errors: str | None = None
    follow: FollowSettings | None = None
    max_jump: str | None = None
    parquet: bool = False
    smooth: str | None = None


def watch_and_tell(asked: Asked) -> int:
    """Predict the frames of a source into a table, and print what came of it.

    Args:
        asked: What is watched, and how.

    Returns:
        Exit status: 0, 1 if some frames were dropped, 2 if there is no row.

    Raises:
        FileExistsError: ``out`` holds files of something else, or another process
            writes there.
        FileNotFoundError: A file is missing.
        ImportError: An engine, PyAV or a tracker is not installed.
        KeyboardInterrupt: A signal ended it, after table and picture were completed.
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: An argument is invalid, the source cannot be read, or ``out`` holds
            rows of another source, model or setting.
    """
    return watch(asked).status


def watch(asked: Asked) -> Outcome:
    """As ``watch_and_tell``, with what came of the source."""
    if asked.parquet:
        check_parquet()
    selection = Selection.of(asked.every, asked.first, asked.until, asked.max_jump)
    smoothing = smoothing_asked(asked.smooth)
    _check_smoothing(asked, selection)
    video = _annotated(asked)
    bars = None if asked.errors is None else ErrorBars.read(asked.errors)
    settings = asked.events or (bars and bars.reference.settings)
    source = open_source(asked.source, asked.start, asked.timestamp)
    folder = Path(asked.out)
    _check_apart(folder, asked.source)
    model = _opened(asked, source, folder)
    class_id = class_of(model, asked.class_name)
    check_writable(folder, "--out")
    with ExitStack() as stack:
        stack.callback(lock_folder(folder, 1.0, TAKEN).release)
        name = model.classes[class_id]
        same = {**model_asked(model, asked.model), **source.identity, "--class": name}
        same |= follow_asked(folder, asked.follow)
        absent = Selection.identity_before() | smoothing_asked(None)
        claim_folder(folder, same | selection.identity() | smoothing, absent)
        decided = decision_of(model, class_id, asked.smooth)
        print(*filter(None, (source.about, decided)), sep="\n")
        events = EventLog(folder, recording_of(asked), settings)
        if bars is not None:
            bars.check(name, events.settings)
        tracks = None
        if asked.follow is not None:
            tracks = stack.enter_context(open_track_log(folder, asked.follow))
        output = Output(
            model,
            class_id,
            selection,
            events,
            video,
            bars,
            tracks,
            asked.parquet,
            decided,
            Smoother.of(model, asked.smooth),
        )
        status, counts = watch_into(source, folder, output), output.counts
    dropped = counts.dropped.total()
    return Outcome(status, counts.rows, dropped, len(output.events.found))


@dataclass(frozen=True)
class Output:
    """What is made of the frames.

    Args:
        model: The model.
        class_id: trainId of the class that is watched.
        selection: Which frames are taken.
        events: Finds events in the rows.
        video: Takes the frames with the classes over them; None: not asked for.
        bars: Corrects the events; None: not asked for.
        tracks: Follows splashes from frame to frame; None: not asked for.
        parquet: Whether the rows are written as Parquet, too.
        decided: What decides that a pixel is of the class, as a sentence.
        smoother: Smooths the predictions in time; None: not asked for.
        counts: What became of the frames.
        hours: Number of rows in each hour.
    """

    model: SplashModel
    class_id: int
    selection: Selection
    events: EventLog
    video: AnnotatedVideo | None = None
    bars: ErrorBars | None = None
    tracks: TrackLog | None = None
    parquet: bool = False
    decided: str = ""
    smoother: Smoother | None = None
    counts: Counts = field(default_factory=Counts)
    hours: Hours = field(default_factory=Hours)

    def before_row(
        self, row: rows.Row, prediction: Prediction, numbered: np.ndarray
    ) -> None:
        """Take what must be there whenever the row is.

        Args:
            row: A new row, which is not in the table yet.
            prediction: Its prediction.
            numbered: (H, W) number of the blob of each pixel.
        """
        self.events.before_row(row, prediction.draw)
        if self.tracks is not None:
            self.tracks.before_row(row, numbered)

    def on_row(self, row: rows.Row) -> None:
        """Take every row in the order of time, also those of earlier calls.

        Args:
            row: A row that is in the table.
        """
        self.counts.on_row(row)
        self.hours.on_row(row)
        self.events.on_row(row)
        if self.tracks is not None:
            self.tracks.on_row(row)

    def on_prediction(self, time_ns: int, prediction: Prediction) -> None:
        """Take what is predicted now.

        Args:
            time_ns: Time of the frame in nanoseconds.
            prediction: Its prediction.
        """
        if self.video is None:
            return
        picture = prediction.draw()
        if self.tracks is not None:
            picture = draw_tracks(picture, self.tracks.shown)
        self.video.add(time_ns, picture)


def watch_into(source: Source, folder: Path, output: Output) -> int:
    """Predict the frames of a source into a folder, and print what came of it.

    Args:
        source: The source.
        folder: Folder of the table.
        output: What is made of the frames.

    Returns:
        Exit status, as of ``watch_and_tell``.

    Raises:
        KeyboardInterrupt: A signal ended it, after table and picture were completed.
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: The source cannot be read, or the table is damaged.
    """
    try:
        _run(source, folder / rows.FILE, output)
    except KeyboardInterrupt:  # also SIGTERM: the usual end of a camera
        _tell(folder, output)
        raise
    _tell(folder, output)
    if not output.counts.rows:
        return NOTHING
    return INCOMPLETE if output.counts.dropped else 0


def _tell(folder: Path, output: Output) -> None:
    """Write events and picture of the table, and print what came of the source."""
    table, name = folder / rows.FILE, output.model.classes[output.class_id]
    print(*output.counts.told(name), f"Rows: {table}", sep="\n")
    print(*output.events.end(), sep="\n")
    if output.tracks is not None:
        print(*output.tracks.end(), sep="\n")
    found = output.events.found
    if output.bars is not None:
        print(*output.bars.write(folder, found), sep="\n")
    picture = timeline.draw_timeline(table, folder / timeline.FILE, name, found)
    if picture is not None:
        print(f"Timeline: {picture}")
    _tell_tables(folder, output, name, picture)
    if output.video is not None and output.video.path.exists():
        print(f"Annotated: {output.video.path}")


def _tell_tables(folder: Path, output: Output, name: str, picture: Path | None) -> None:
    """Write the page, and the rows as Parquet."""
    log = output.events
    counts, hours = output.counts, output.hours
    bars = [] if output.bars is None else output.bars.shown
    watched = Watched(
        log.recording,
        name,
        output.decided,
        counts,
        hours,
        log.found,
        log.settings,
        bars,
    )
    print(f"Page: {write_watched_page(folder, watched, picture)}")
    out = folder / parquet.FILE
    if output.parquet:
        print(f"Parquet: {parquet.write_parquet(folder / rows.FILE, out)}")
    elif out.exists():
        print(f"{out} is of an earlier call: write it anew by --parquet")


def _run(source: Source, table: Path, output: Output) -> None:
    with ExitStack() as stack:
        opened = stack.enter_context(open_table(table))
        if output.video is not None:
            stack.enter_context(closing(output.video))
        shown = stack.enter_context(Shown.on(source, output.counts))
        Watcher(
            output.model,
            output.class_id,
            output.selection,
            output.before_row,
            output.on_row,
            output.on_prediction,
            shown.problem,
            shown.advance,
            output.smoother,
        ).run(source, rows.read_rows(table), opened, output.counts)


def _check_smoothing(asked: Asked, selection: Selection) -> None:
    if asked.smooth is None:
        return
    if selection.every >= MOST_INTERVAL * tau_of(asked.smooth) * SECOND:
        raise ValueError(
            f"--smooth {asked.smooth} has no effect with --every {asked.every}: an "
            f"earlier frame weighs less than 1 %. Give a time constant of an interval "
            f"or more"
        )
    if asked.errors is not None:
        raise ValueError(
            "--smooth cannot be with --errors: the errors are those of frames that are "
            "not smoothed. Leave one of them out"
        )


def _opened(asked: Asked, source: Source, folder: Path) -> SplashModel:
    engine = asked.engine
    if engine == AUTO:
        with closing(_samples(source)) as frames:
            engine = chosen_engine(folder, asked.model, frames, asked.threads)
    return SplashModel.load(asked.model, asked.config, engine, asked.threads)


def _samples(source: Source) -> Generator[np.ndarray, None, None]:
    """The first frames that are readable."""
    for item in source.moments():
        if isinstance(item, Moment):
            with suppress(OSError, ValueError):
                yield item.read()


def _check_apart(folder: Path, source: str) -> None:
    path = Path(source)
    if is_camera(source):
        return
    is_folder = path.is_dir()
    check_apart(folder, [path] if is_folder else [], [path], "its files")


def recording_of(asked: Asked) -> str:
    """Name of the recording: the one that is given, or that of the source."""
    if asked.recording is not None:
        return asked.recording
    if is_camera(asked.source):
        return "camera"  # its address is no name
    path = Path(asked.source).resolve()
    return path.name if path.is_dir() else path.stem


def _annotated(asked: Asked) -> AnnotatedVideo | None:
    if asked.annotate is None:
        return None
    path = Path(asked.annotate)
    if path.suffix != SUFFIX:
        raise ValueError(f"--annotate {path}: it writes a {SUFFIX} file")
    if (Path(asked.out) / rows.FILE).exists():
        path = free_name(path)
    return AnnotatedVideo(path)

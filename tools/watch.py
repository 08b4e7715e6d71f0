"""A row a frame of a video: ``python tools/watch.py MODEL SOURCE --out FOLDER``.

Several sources, or a list of them by ``--sources``, are an archive. MODEL is a file of
tools/export.py, or weights. docs/watch.md. The exit status is 1 if some frames were
dropped or a source failed, and 2 if nothing could be predicted.
"""

import argparse
from pathlib import Path

from event_arguments import add_event_settings, pop_event_settings
from follow_arguments import add_follow_options, check_follow, pop_follow
from model_arguments import add_model_options


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Predict the frames of a video, of a folder of time-stamped "
        "pictures or of a camera, write a row for each, and find events of splash. A "
        "second call goes on."
    )
    parser.add_argument("model", help="file of export.py or quantize.py, or weights")
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="source",
        help="video, folder of pictures whose names are times, or address of a camera, "
        "such as rtsp://host/stream or /dev/video0; several are an archive",
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="FOLDER",
        help="folder for rows and events",
    )
    add_model_options(parser)
    parser.add_argument(
        "--class",
        dest="class_name",
        metavar="NAME",
        help="class that is watched (default: the last one)",
    )
    parser.add_argument(
        "--every",
        metavar="SECONDS",
        help="take at most one frame in that time, such as 0.5 or 1/3 (default: all)",
    )
    parser.add_argument(
        "--from",
        dest="first",
        metavar="TIME",
        help="take frames from that time on: UNIX seconds, or ISO 8601 (UTC if it has "
        "no zone)",
    )
    parser.add_argument("--until", metavar="TIME", help="take frames before that time")
    parser.add_argument(
        "--start",
        metavar="TIME",
        help="time of the first frame of a video (default: creation_time of the file; "
        "without one, times are since its beginning)",
    )
    parser.add_argument(
        "--timestamp",
        metavar="FORMAT",
        help="format of the times in the names in a folder (default: the one that most "
        "have)",
    )
    parser.add_argument("--timestamp-stem", help="regular expression of the whole stem")
    parser.add_argument("--fps", help="frames per second, for --timestamp frame")
    parser.add_argument(
        "--year", type=int, help="calendar year, for --timestamp day-hour-minute"
    )
    parser.add_argument(
        "--annotate",
        metavar="FILE",
        help="video of the frames with the classes over them (.mp4)",
    )
    parser.add_argument(
        "--recording",
        metavar="NAME",
        help="name of the recording in events.csv (default: that of the source)",
    )
    parser.add_argument(
        "--errors",
        metavar="FILE",
        help="file of tools/event_errors.py: events, hours and days are corrected and "
        "have 95 %% intervals; brings its event settings",
    )
    parser.add_argument(
        "--max-jump",
        metavar="SECONDS",
        help="time between two frames from which the clock may be wrong (default: "
        "86400, a day)",
    )
    parser.add_argument(
        "--smooth",
        metavar="SECONDS",
        help="average the probabilities over time with that time constant (default: "
        "each frame alone); the camera must not move",
    )
    parser.add_argument(
        "--parquet", action="store_true", help="write rows.parquet, too (pyarrow)"
    )
    add_event_settings(parser)
    add_follow_options(parser)
    _add_archive(parser.add_argument_group("archives"))
    args = parser.parse_args()
    check_follow(parser, args)
    _check_archive(parser, args)
    for name in ("timestamp_stem", "fps", "year"):
        if getattr(args, name) is not None and args.timestamp is None:
            option = name.replace("_", "-")
            parser.error(f"--{option} has no effect without --timestamp")
    return args


def _add_archive(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--sources",
        dest="listed",
        metavar="FILE",
        help="list of sources: one a line, or .csv with the column source and any of "
        "name, start, from, until, recording, timestamp",
    )
    group.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="processes at once on each machine (default: 1)",
    )
    group.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="join a Ray cluster, or 'auto' (default: this machine alone)",
    )


def _check_archive(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse no source, and options of the other number of sources."""
    if not args.sources and args.listed is None:
        parser.error("give a source, or a list of sources by --sources")
    is_archive = len(args.sources) > 1 or args.listed is not None
    for name in ("jobs", "address") if not is_archive else ():
        if getattr(args, name) is not None:
            parser.error(f"--{name} has no effect with one source: give several")
    for name in ("start", "recording", "annotate") if is_archive else ():
        if getattr(args, name) is not None:
            parser.error(
                f"--{name} is of one source, and here are several: give it in a column "
                f"of --sources LIST.csv"
                if name != "annotate"
                else "--annotate names one video, and here are several sources"
            )


def main(options: dict) -> int:
    """Watch; return the exit status."""
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.deploy.watch.command import Asked, watch_and_tell
    from mmseg_splashkd.report.events import settings_of

    settings = settings_of(**pop_event_settings(options))
    form = {
        "name": options.pop("timestamp"),
        "stem": options.pop("timestamp_stem"),
        "fps": options.pop("fps"),
        "year": options.pop("year"),
    }
    follow = pop_follow(options)
    given = {name: value for name, value in form.items() if value is not None}
    words, listed = options.pop("sources"), options.pop("listed")
    jobs, address = options.pop("jobs"), options.pop("address")
    options |= {"timestamp": given or None, "events": settings, "follow": follow}
    if listed is None and len(words) == 1:
        return watch_and_tell(Asked(source=words[0], **options))
    from mmseg_splashkd.deploy.archive import watch_archive
    from mmseg_splashkd.deploy.archive.listing import listed_sources

    sources = listed_sources(Asked(source="", **options), words, listed)
    out = Path(options["out"])
    return watch_archive(sources, out, 1 if jobs is None else jobs, address)


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(lambda: main(vars(parse_args())), "cannot watch", 2)

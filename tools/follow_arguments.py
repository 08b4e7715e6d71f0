"""Options of the tools that follow splashes from frame to frame."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmseg_splashkd.evaluation.following import FollowSettings

TRACKERS = ("sort", "bytetrack", "ocsort", "nearest")
ALONE = "none"  # of --join


def add_follow_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--follow`` and the options that it takes."""
    parser.add_argument(
        "--follow",
        nargs="?",
        const="sort",
        choices=TRACKERS,
        help="follow splashes from frame to frame, into tracks.csv and splashes.csv "
        "(default of the tracker: sort)",
    )
    parser.add_argument(
        "--join",
        type=_join,
        metavar="PIXELS",
        help="blobs whose boxes are at most that far apart are one splash, of "
        f"--follow; {ALONE}: each blob is one (default: 8)",
    )
    parser.add_argument(
        "--min-area",
        type=int,
        metavar="PIXELS",
        help="smallest splash that is followed (default: 12)",
    )
    parser.add_argument(
        "--patience",
        type=int,
        metavar="FRAMES",
        help="frames for which a followed splash may be missing (default: 1)",
    )


def check_follow(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse the options of ``--follow`` without it."""
    for name in ("join", "min_area", "patience"):
        if getattr(args, name) is not None and args.follow is None:
            parser.error(f"--{name.replace('_', '-')} has no effect without --follow")


def pop_follow(options: dict) -> "FollowSettings | None":
    """Take these options out of those of a tool.

    Raises:
        ValueError: One is out of its range.
    """
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.evaluation.following import FollowSettings

    tracker = options.pop("follow")
    names = ("join", "min_area", "patience")
    given = {name: options.pop(name) for name in names}
    if tracker is None:
        return None
    given = {name: value for name, value in given.items() if value is not None}
    if given.get("join") == ALONE:
        given["join"] = None
    return FollowSettings(tracker, **given)


def _join(word: str) -> int | str:
    return word if word == ALONE else int(word)

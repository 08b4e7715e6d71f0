"""Split frames: ``python tools/split_dataset.py data/demo --out data/demo/split.csv``.

docs/splits.md describes when to use which strategy.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmseg_splashkd.datasets.frames import Frame

# Those of the package, whose import takes seconds: tests compare them.
STRATEGIES = (
    *("time", "per-recording", "list", "stratified", "blocked", "grouped"),
    "random",
)
FORMATS = (
    *("seconds-nanoseconds", "seconds", "iso8601", "frame", "day-hour-minute"),
    "none",
)
# Options that apply to one kind of source only.
TABLE = ("keep_shares",)
FOLDER = (
    *("img_path", "seg_map_path", "img_suffix", "seg_map_suffix"),
    *("timestamp", "timestamp_stem", "fps", "start", "year"),
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Split frames into train, val and test, or into folds."
    )
    parser.add_argument("data_root", nargs="?", help="folder with images/ and labels/")
    parser.add_argument(
        "--table", help="split table to read instead of a folder, a CSV"
    )
    parser.add_argument("--out", required=True, help="split table to write, a CSV")
    parser.add_argument(
        "--force", action="store_true", help="overwrite a table with other content"
    )
    parser.add_argument("--picture", help="also draw the split into this PNG")
    _add_strategy(parser.add_argument_group("strategy"))
    _add_reading(parser.add_argument_group("reading of frames and labels"))
    args = parser.parse_args()
    if (args.data_root is None) == (args.table is None):
        parser.error("give either data_root or --table")
    source, unused = ("data_root", TABLE) if args.data_root else ("--table", FOLDER)
    for name in unused:
        if getattr(args, name) != parser.get_default(name):
            parser.error(f"--{name.replace('_', '-')} has no effect with {source}")
    return args


def _embargo(text: str) -> str:
    """A duration as ``Embargo.parse`` takes it."""
    if not re.fullmatch(r"\d+|\d+(\.\d+)?s", text, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"embargo {text!r} is neither frames (5) nor seconds (30s)"
        )
    return text


def _add_strategy(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--strategy", choices=STRATEGIES, default="time", help="default: time"
    )
    group.add_argument(
        "--ratios",
        nargs=3,
        type=float,
        help="train val test, default: 7 2 1; makes parts of grouped, else folds",
    )
    group.add_argument(
        "--embargo",
        type=_embargo,
        help="minimum distance between parts, 5 (frames) or 30s, default: none",
    )
    group.add_argument(
        "--folds",
        type=int,
        help="number of folds, default: 5; makes folds of random, else parts",
    )
    group.add_argument(
        "--seed", type=int, help="of stratified, grouped and random, default: 0"
    )
    group.add_argument(
        "--test-share",
        type=float,
        help="share of the newest frames held out of the folds, at random without "
        "time, default: 0",
    )
    group.add_argument(
        "--group",
        metavar="REGEX",
        help="names of the groups that grouped keeps whole, searched in "
        "<recording>/<stem>, such as '(session[0-9]+)', default: recordings",
    )
    group.add_argument(
        "--leave-out",
        metavar="REGEX",
        help="recordings to hold out whole for the test part, searched in their names, "
        "such as '^cam2', with --group in those of its groups; --strategy splits the "
        "others, default: none",
    )
    group.add_argument(
        "--list",
        nargs="+",
        dest="lists",
        metavar="PART=FILE",
        help="train=train.txt val=val.txt test=test.txt, or a CSV with frame,split",
    )
    group.add_argument(
        "--unlisted",
        choices=["error", "embargo"],
        help="treatment of frames in no list, default: error",
    )
    group.add_argument(
        "--unlabelled", action="store_true", help="also split frames without a label"
    )


def _add_reading(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--label-coding",
        default="splash",
        help="name of a built-in coding or a YAML file, default: splash",
    )
    group.add_argument(
        "--class",
        dest="class_name",
        metavar="CLASS",
        help="class whose share is measured, default: the last of the coding",
    )
    group.add_argument(
        "--keep-shares",
        action="store_true",
        help="keep the table's focus_share instead of reading the labels",
    )
    group.add_argument(
        "--img-path", default="images", help="folder in data_root, default: images"
    )
    group.add_argument(
        "--seg-map-path", default="labels", help="folder in data_root, default: labels"
    )
    group.add_argument("--img-suffix", default=".png", help="default: .png")
    group.add_argument("--seg-map-suffix", default=".png", help="default: .png")
    group.add_argument(
        "--timestamp",
        choices=FORMATS,
        default="seconds-nanoseconds",
        help="format of the time stamps in file names, none for photos, default: "
        "seconds-nanoseconds",
    )
    group.add_argument(
        "--timestamp-stem",
        help="regular expression of the whole stem with a group (?P<stamp>...), or "
        "(?P<recording>...) with none",
    )
    group.add_argument("--fps", help="frames per second, for --timestamp frame")
    group.add_argument(
        "--start", type=int, default=0, help="UNIX time of frame 0 in seconds"
    )
    group.add_argument(
        "--year", type=int, help="calendar year, for --timestamp day-hour-minute"
    )


def read_frames(args: argparse.Namespace) -> list[Frame]:
    """Frames of the table or the folder."""
    from mmseg_splashkd.datasets.frames import list_frames
    from mmseg_splashkd.datasets.split_table import check_present, read_table
    from mmseg_splashkd.datasets.timestamps import TimestampFormat

    if args.table:
        frames = read_table(args.table)
    else:
        root = Path(args.data_root)
        timestamp = TimestampFormat(
            args.timestamp, args.timestamp_stem, args.fps, args.start, args.year
        )
        labels = root / args.seg_map_path
        frames = list_frames(
            root / args.img_path,
            None if args.unlabelled and not labels.is_dir() else labels,
            args.img_suffix,
            args.seg_map_suffix,
            timestamp,
        )
    check_present(frames, args.table or args.data_root, args.table or "")
    return frames


def with_shares(frames: list[Frame], args: argparse.Namespace) -> list[Frame]:
    """The frames with their splash shares, for which their labels are read."""
    from mmseg_splashkd.datasets.label_coding import load_label_coding
    from mmseg_splashkd.datasets.splits.shares import with_splash_shares

    coding = load_label_coding(args.label_coding)
    args.class_name = args.class_name or coding.classes[-1]
    return with_splash_shares(frames, coding, args.class_name, args.keep_shares)


def main() -> None:
    """Split the frames, write the table and print a summary."""
    args = parse_args()
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.datasets.splits.embargo import Embargo
    from mmseg_splashkd.datasets.splits.left_out import left_out_notes
    from mmseg_splashkd.datasets.splits.lists import read_lists
    from mmseg_splashkd.datasets.splits.plan import SplitPlan
    from mmseg_splashkd.datasets.splits.summary import print_split, save_split
    from mmseg_splashkd.report.split_picture import draw_split

    plan = SplitPlan(
        strategy=args.strategy,
        ratios=args.ratios,
        embargo=Embargo.parse(args.embargo) if args.embargo else None,
        folds=args.folds,
        seed=args.seed,
        test_share=args.test_share,
        lists=read_lists(args.lists) if args.lists else None,
        unlisted=args.unlisted,
        group=args.group,
        leave_out=args.leave_out,
        unlabelled=args.unlabelled,
    )
    frames = read_frames(args)
    plan.check_names(frames)
    frames = plan.apply(with_shares(frames, args))
    done = save_split(args.out, frames, args.force)
    print_split(frames, class_name=args.class_name)
    if args.leave_out is not None:
        print(*left_out_notes(frames, args.leave_out, args.group), sep="\n")
    print(f"{args.out}: {done}")
    if args.picture:
        print(draw_split(frames, args.picture, args.class_name))


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot split")

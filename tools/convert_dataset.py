"""Convert a foreign data set: ``python tools/convert_dataset.py camvid SRC DST``."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_splashkd.datasets.converters import CONVERTERS
from mmseg_splashkd.datasets.converters.video import count_frames
from mmseg_splashkd.datasets.converters.writer import ABOUT, write_items
from mmseg_splashkd.datasets.label_coding import load_label_coding


class Pairs(argparse.Action):
    """Words KEY=VALUE as a mapping."""

    word_allowed = False
    read = staticmethod(str)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Store them."""
        words = [str(word) for word in values] if isinstance(values, list) else []
        if self.word_allowed and len(words) == 1 and "=" not in words[0]:
            setattr(namespace, self.dest, words[0])
        elif all("=" in word for word in words):
            pairs = (word.split("=", 1) for word in words)
            setattr(namespace, self.dest, {k: self.read(v) for k, v in pairs})
        else:
            parser.error(f"{option_string}: expected {self.metavar}, got {words}")


class WordOrPairs(Pairs):
    """One word as it is, or words KEY=VALUE as a mapping."""

    word_allowed = True


class TimestampPattern(WordOrPairs):
    """Name of a pattern, or its arguments, some of which are whole numbers."""

    read = staticmethod(lambda text: int(text) if text.isdecimal() else text)


COMMON = ("name", "src", "dst", "force", "label_coding")


def add_wildscenes(parser: argparse.ArgumentParser) -> None:
    """Add the options of WildScenes."""
    parser.add_argument(
        "--recordings", nargs="+", metavar="V-01", help="by default all V-*"
    )
    parser.add_argument(
        "--ids", nargs="+", metavar="CSV", help="read only frames in their column 'id'"
    )


def add_camvid(parser: argparse.ArgumentParser) -> None:
    """Add the options of CamVid."""
    parser.add_argument(
        "--parts",
        choices=("official", "none"),
        help="keep the benchmark's parts (default), or leave the frames to be split",
    )
    add_fps(parser, "30")


def add_cityscapes(parser: argparse.ArgumentParser) -> None:
    """Add the options of Cityscapes."""
    parser.add_argument(
        "--splits",
        nargs="+",
        metavar="SPLIT",
        help="of train, val, test and train_extra; by default the first three",
    )
    for option, default in (
        ("--image-folder", "leftImg8bit"),
        ("--label-folder", "gtFine"),
        ("--image-suffix", "_leftImg8bit.png"),
        ("--label-suffix", "_gtFine_labelIds.png"),
    ):
        parser.add_argument(option, help=f"by default {default}")
    parser.add_argument(
        "--recording",
        choices=("sequence", "city"),
        help="what a recording is; city where frame numbers go on between sequences",
    )
    add_fps(parser, "17")


def add_coco(parser: argparse.ArgumentParser) -> None:
    """Add the options of COCO."""
    parser.add_argument(
        "--annotations",
        nargs="+",
        action=WordOrPairs,
        metavar="FILE | PART=FILE",
        help="in SRC, such as train=train.json val=val.json (by default train.json)",
    )
    parser.add_argument(
        "--categories",
        nargs="+",
        action=WordOrPairs,
        metavar="taco | id | CATEGORY=CLASS",
        help="how a category becomes a class: by its name (default), as TACO -> trash, "
        "category ids are gray values, or names that differ",
    )
    parser.add_argument(
        "--images",
        nargs="+",
        action=WordOrPairs,
        metavar="FOLDER | PART=FOLDER",
        help="folder in SRC that file_name is relative to, by default SRC",
    )
    parser.add_argument(
        "--start", type=int, help="UNIX seconds of frame number 0, where ids are time"
    )
    add_fps(parser, "1, where ids are time")


def add_masks(parser: argparse.ArgumentParser) -> None:
    """Add the options of masks."""
    parser.add_argument(
        "--timestamp",
        nargs="+",
        action=TimestampPattern,
        metavar="NAME | KEY=VALUE",
        help="how names tell the time: iso8601, or name=frame fps=30 and, where "
        "names hold more than that, stem=REGEX",
    )
    parser.add_argument(
        "--names",
        nargs="+",
        action=Pairs,
        metavar="FOREIGN=CLASS",
        help="classes whose names differ, or FOREIGN=ignore",
    )
    parser.add_argument("--images", help="folder of the pictures")
    parser.add_argument("--tasks", help="JSON export of Label Studio")
    parser.add_argument(
        "--without-mask",
        choices=("unlabelled", "background"),
        help="what a picture without a mask is, by default unlabelled",
    )


def add_video(parser: argparse.ArgumentParser) -> None:
    """Add the options of videos."""
    steps = parser.add_mutually_exclusive_group()
    steps.add_argument("--every", type=int, help="take every so many frames")
    steps.add_argument("--seconds-between", help="take a frame in so many seconds")
    parser.add_argument(
        "--start",
        nargs="+",
        action=WordOrPairs,
        metavar="TIME | RECORDING=TIME",
        help="of the first frame, as UNIX seconds or ISO 8601; by default as the file "
        "tells",
    )
    parser.add_argument(
        "--accept-damaged",
        action="store_true",
        default=argparse.SUPPRESS,
        help="leave damaged frames out",
    )


def add_fps(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the frame rate."""
    parser.add_argument("--fps", help=f"frames a second, by default {default}")


OPTIONS = {
    "wildscenes": add_wildscenes,
    "camvid": add_camvid,
    "cityscapes": add_cityscapes,
    "coco": add_coco,
    "masks": add_masks,
    "video": add_video,
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; options that are not given are not in the result."""
    parser = argparse.ArgumentParser(description="Convert a foreign data set.")
    formats = parser.add_subparsers(dest="name", metavar="NAME", required=True)
    for name, converter in CONVERTERS.items():
        sub = formats.add_parser(
            name,
            help=converter.help,
            description=f"{converter.help}.\n\n{converter.layout}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
        )
        sub.add_argument("src", help="folder of the foreign data set, or a video")
        sub.add_argument("dst", help="new or empty folder, made if missing")
        sub.add_argument(
            "--force",
            action="store_true",
            default=False,
            help="convert again, and remove what an earlier conversion wrote to DST",
        )
        sub.add_argument(
            "--label-coding",
            default=converter.label_coding,
            help="name of a label coding, or a YAML file (default: %(default)s)",
        )
        OPTIONS[name](sub)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Convert, and say what was converted."""
    args = parse_args(argv)
    converter, coding = CONVERTERS[args.name], load_label_coding(args.label_coding)
    options = {key: value for key, value in vars(args).items() if key not in COMMON}
    painting = {"coding": coding} if converter.paints else {}
    src, dst = Path(args.src).resolve(), Path(args.dst).resolve()
    if dst == src or src in dst.parents:
        raise ValueError(
            f"DST={args.dst} lies in SRC={args.src}: what is written there "
            f"would be read as its frames"
        )
    items = converter.read(Path(args.src), **painting, **options)
    about = {
        "converter": args.name,
        "source": args.src,
        "options": options,
        "label_coding": args.label_coding,
    }
    total = None
    if args.name == "video":  # listing decodes them
        total = count_frames(
            args.src, options.get("every"), options.get("seconds_between")
        )
    try:
        table = write_items(items, args.dst, coding, total, args.force, about=about)
    except KeyboardInterrupt:
        sys.exit("\nstopped; the same command goes on from here")
    counts = json.loads(table.with_name(ABOUT).read_text(encoding="utf-8"))["counts"]
    recordings = len(counts["recordings"])
    print(
        f"{counts['frames']} frames in {recordings} recordings, {counts['labels']} "
        f"labels\n{table}"
    )


if __name__ == "__main__":
    try:
        main()
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"cannot convert: {error}")

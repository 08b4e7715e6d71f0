"""Convert a foreign data set: ``python tools/convert_dataset.py camvid SRC DST``."""

import argparse
import json
import sys
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from converter_texts import converter_texts


class Pairs(argparse.Action):
    """Parses words KEY=VALUE as a mapping."""

    word_allowed = False
    read = staticmethod(str)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Store the mapping."""
        words = [str(word) for word in values] if isinstance(values, list) else []
        if self.word_allowed and len(words) == 1 and "=" not in words[0]:
            setattr(namespace, self.dest, words[0])
        elif all("=" in word for word in words):
            pairs = (word.split("=", 1) for word in words)
            setattr(namespace, self.dest, {k: self.read(v) for k, v in pairs})
        else:
            parser.error(f"{option_string}: expected {self.metavar}, got {words}")


class WordOrPairs(Pairs):
    """Parses a single word, or words KEY=VALUE as a mapping."""

    word_allowed = True


class TimestampPattern(WordOrPairs):
    """Parses the name of a pattern, or its arguments with integers converted."""

    read = staticmethod(lambda text: int(text) if text.isdecimal() else text)


TIMESTAMP: dict[str, Any] = {
    "nargs": "+",
    "action": TimestampPattern,
    "metavar": "NAME | KEY=VALUE",
    "help": "format of the time in file names: seconds-nanoseconds, seconds, iso8601, "
    "name=frame fps=30, or none for photos; stem=REGEX if names contain more than the "
    "time",
}
SKIP_BAD: dict[str, Any] = {
    "action": "store_true",
    "help": "leave out pictures and labels that cannot be read, named and counted in "
    "about.json; frames of such labels become unlabelled (default: an error)",
}
FOLLOW = "If they are yours, give --follow-links; else remove them"
COMMON = ("name", "src", "dst", "force", "label_coding", "follow_links")
# Options of each converter, as keyword arguments of ``add_argument``.
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "wildscenes": {
        "--recordings": {
            "nargs": "+",
            "metavar": "V-01",
            "help": "folders to read (default: all V-*)",
        },
        "--ids": {
            "nargs": "+",
            "metavar": "CSV",
            "help": "read only the frames in column 'id'",
        },
        "--timestamp": {
            **TIMESTAMP,
            "help": f"{TIMESTAMP['help']} (default: seconds-nanoseconds)",
        },
        "--skip-bad": SKIP_BAD,
    },
    "camvid": {
        "--parts": {
            "choices": ("official", "none"),
            "help": "official: keep the split of the benchmark; none: leave frames "
            "unsplit (default: official)",
        },
        "--fps": {"help": "frames per second (default: 30)"},
        "--timestamp": {
            **TIMESTAMP,
            "help": "for other data in this layout, instead of --fps: "
            f"{TIMESTAMP['help']} (default: CamVid's sequences and frame numbers)",
        },
        "--skip-bad": SKIP_BAD,
    },
    "cityscapes": {
        "--splits": {
            "nargs": "+",
            "metavar": "SPLIT",
            "help": "folders to read, of train, val, test and train_extra (default: "
            "those of the first three that exist)",
        },
        "--image-folder": {"help": "default: leftImg8bit"},
        "--label-folder": {"help": "default: gtFine"},
        "--image-suffix": {"help": "default: _leftImg8bit.png"},
        "--label-suffix": {"help": "default: _gtFine_labelIds.png"},
        "--recording": {
            "choices": ("sequence", "city"),
            "help": "unit of a recording; city if frame numbers continue across "
            "sequences (default: sequence)",
        },
        "--fps": {"help": "frames per second (default: 17)"},
        "--timestamp": {
            **TIMESTAMP,
            "help": f"instead of --recording and --fps, {TIMESTAMP['help']}",
        },
        "--skip-bad": SKIP_BAD,
    },
    "coco": {
        "--annotations": {
            "nargs": "+",
            "action": WordOrPairs,
            "metavar": "FILE | PART=FILE",
            "help": "files in SRC, such as train=train.json val=val.json (default: "
            "train.json)",
        },
        "--categories": {
            "nargs": "+",
            "action": WordOrPairs,
            "metavar": "taco | id | CATEGORY=CLASS",
            "help": "mapping of categories to classes: taco: TACO to trash; id: "
            "category ids are gray values; pairs: names that differ (default: by name)",
        },
        "--images": {
            "nargs": "+",
            "action": WordOrPairs,
            "metavar": "FOLDER | PART=FOLDER",
            "help": "folder in SRC that file_name is relative to (default: SRC)",
        },
        "--timestamp": {
            **TIMESTAMP,
            "help": f"{TIMESTAMP['help']}; date: date_captured; id: ids are frame "
            "numbers (default: what all names or dates tell; ids otherwise)",
        },
        "--skip-bad": SKIP_BAD,
        "--start": {
            "type": int,
            "help": "UNIX seconds of frame 0, if ids are frame numbers (default: 0)",
        },
        "--fps": {
            "help": "frames per second, if ids are frame numbers (default: 1)",
        },
    },
    "masks": {
        "--timestamp": {
            **TIMESTAMP,
            "help": f"{TIMESTAMP['help']} (default: seconds-nanoseconds)",
        },
        "--names": {
            "nargs": "+",
            "action": Pairs,
            "metavar": "FOREIGN=CLASS",
            "help": "class for each foreign name that differs; FOREIGN=ignore ignores "
            "it",
        },
        "--images": {"help": "folder of the pictures, if not in the export"},
        "--tasks": {
            "help": "JSON export of Label Studio (default: the only *.json in SRC)"
        },
        "--without-mask": {
            "choices": ("unlabelled", "background"),
            "help": "meaning of a picture without a mask (default: unlabelled)",
        },
        "--annotator": {
            "metavar": "WHO",
            "help": "Label Studio: only annotations of this id or e-mail",
        },
        "--annotation": {
            "choices": ("latest", "ground-truth"),
            "help": "Label Studio: which of several annotations of a task (default: "
            "several are an error)",
        },
        "--image-key": {
            "metavar": "KEY",
            "help": "Label Studio: field of the data with the picture, if several are",
        },
        "--skip-bad": SKIP_BAD,
    },
    "pairs": {
        "--timestamp": {
            **TIMESTAMP,
            "help": f"{TIMESTAMP['help']} (default: the one format of all names)",
        },
        "--recording": {
            "metavar": "NAME",
            "help": "recording of pictures in no folder of their own (default: name of "
            "SRC)",
        },
        "--images": {"help": "folder of the pictures, if names do not tell"},
        "--masks": {"help": "folder of the masks, if names do not tell"},
        "--mask-suffix": {
            "metavar": "_mask",
            "help": "end of the name of every mask, before .png",
        },
        "--mask-prefix": {"help": "start of the name of every mask"},
        "--unpaired": {
            "choices": ("refuse", "skip", "unlabelled"),
            "help": "pictures without a mask: an error, left out, or unlabelled "
            "(default: refuse)",
        },
        "--values": {
            "choices": ("gray", "train-ids", "binary", "colours"),
            "help": "what the masks hold (default: the only reading that fits)",
        },
        "--skip-bad": SKIP_BAD,
    },
    "video": {
        "--every": {"type": int, "help": "take every n-th frame (default: 1)"},
        "--seconds-between": {
            "help": "take one frame per so many seconds, instead of --every"
        },
        "--start": {
            "nargs": "+",
            "action": WordOrPairs,
            "metavar": "TIME | RECORDING=TIME",
            "help": "time of the first frame, as UNIX seconds or ISO 8601 (default: "
            "creation_time of the file)",
        },
        "--accept-damaged": {
            "action": "store_true",
            "default": argparse.SUPPRESS,
            "help": "skip damaged frames",
        },
    },
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; omitted options are absent from the result."""
    parser = argparse.ArgumentParser(
        description="Convert a data set to frames, gray labels and a table."
    )
    formats = parser.add_subparsers(dest="name", metavar="NAME", required=True)
    for name, converter in converter_texts().items():
        sub = formats.add_parser(
            name,
            help=converter.help,
            description=f"{converter.help}.\n\n{converter.layout}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
        )
        sub.add_argument("src", help="folder of the data set, or a video")
        sub.add_argument("dst", help="new or empty folder")
        sub.add_argument(
            "--force",
            action="store_true",
            default=False,
            help="convert again; removes the files of an earlier conversion from DST",
        )
        sub.add_argument(
            "--follow-links",
            action="store_true",
            default=False,
            help="read through links in SRC to folders, and to files outside of it; "
            "DST gets copies of what they lead to",
        )
        sub.add_argument(
            "--label-coding",
            default=converter.label_coding,
            help="name or YAML file of the label coding (default: %(default)s)",
        )
        for option, keywords in OPTIONS[name].items():
            sub.add_argument(option, **keywords)
    return parser.parse_args(argv)


def _folders(src: str, options: dict[str, Any]) -> list[Path]:
    """The source, and the folders of pictures or masks outside of it."""
    named = [options.get("images"), options.get("masks")]
    inner = [
        list(each.values()) if isinstance(each, dict) else [each] for each in named
    ]
    paths = [Path(src, each) for values in inner for each in values if each]
    return [Path(src), *(path for path in paths if path.is_dir())]


def main(argv: Sequence[str] | None = None) -> None:
    """Convert a data set and print the numbers of frames and labels."""
    args = parse_args(argv)
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.datasets.converters import CONVERTERS
    from mmseg_splashkd.datasets.converters.video import count_frames
    from mmseg_splashkd.datasets.converters.writer import ABOUT, write_items
    from mmseg_splashkd.datasets.label_coding import load_label_coding
    from mmseg_splashkd.foreign.links import check_links

    converter, coding = CONVERTERS[args.name], load_label_coding(args.label_coding)
    options = {key: value for key, value in vars(args).items() if key not in COMMON}
    painting = {"coding": coding} if converter.paints else {}
    src, dst = Path(args.src).resolve(), Path(args.dst).resolve()
    if dst == src or src in dst.parents:
        raise ValueError(
            f"DST={args.dst} lies in SRC={args.src}: files written there would be "
            f"read as its frames; choose a folder outside of SRC"
        )
    if not args.follow_links:
        for folder in _folders(args.src, options):
            check_links(folder, FOLLOW)
    takes = signature(converter.read).parameters
    reading = {k: v for k, v in options.items() if k in takes or k != "skip_bad"}
    items = converter.read(Path(args.src), **painting, **reading)
    about = {
        "converter": args.name,
        "source": args.src,
        "options": options,
        "label_coding": args.label_coding,
    }
    total = None
    if args.name == "video":  # listing decodes all frames
        total = count_frames(
            args.src, options.get("every"), options.get("seconds_between")
        )
    try:
        table = write_items(
            items,
            args.dst,
            coding,
            total,
            args.force,
            about=about,
            skip_bad=options.get("skip_bad", False),
        )
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; run the same command again to continue")
    counts = json.loads(table.with_name(ABOUT).read_text(encoding="utf-8"))["counts"]
    recordings = len(counts["recordings"])
    print(
        f"{counts['frames']} frames in {recordings} recordings, {counts['labels']} "
        f"labels\n{table}"
    )


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot convert")

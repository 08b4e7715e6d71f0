"""Begin on your own data: ``python tools/new_project.py DATA --out my_farm``.

Looks at pictures and masks in any folder, and writes a split table, a label coding, a
plan and three configs (teacher, plain and distilled student). Nothing is copied.
docs/getting_started.md goes through it.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmseg_splashkd.project.new import Found, Wishes

# Those of the package, whose import takes seconds: tests compare them.
SPLITS = ("time", "per-recording", "random", "grouped")
FORMATS = (
    *("seconds-nanoseconds", "seconds", "iso8601", "frame", "day-hour-minute"),
    "none",
)
TEACHERS = tuple(f"segformer_b{n}" for n in range(1, 6))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    reader = argparse.ArgumentParser(
        description="Write split table, label coding, plan and configs for your data."
    )
    reader.add_argument("data", help="folder with pictures and masks, in any layout")
    reader.add_argument("--out", required=True, help="folder of the project, new")
    data = reader.add_argument_group("data")
    data.add_argument(
        *("--classes", "-c"), nargs="+", default=(), metavar="NAME",
        help="names of the classes in ascending order of their values in the masks",
    )  # fmt: skip
    data.add_argument(
        *("--label-values",), nargs="+", default=(), metavar="VALUE=NAME",
        help="class of each value of the masks, such as 0=background 128-255=splash "
        "7=ignore",
    )  # fmt: skip
    data.add_argument(
        "--timestamp", choices=FORMATS, help="format of time stamps in names, or none"
    )
    data.add_argument("--timestamp-stem", help="regular expression of the whole stem")
    data.add_argument("--fps", help="frames per second, for --timestamp frame")
    data.add_argument("--start", type=int, default=0, help="UNIX time of frame 0")
    data.add_argument("--year", type=int, help="for --timestamp day-hour-minute")
    data.add_argument("--split", choices=SPLITS, help="how parts are separated")
    data.add_argument("--ratios", nargs=3, type=float, help="of train, val and test")
    data.add_argument("--embargo", help="distance between parts, 5 (frames) or 30s")
    data.add_argument("--group", metavar="REGEX", help="names of groups kept whole")
    data.add_argument("--seed", type=int, default=0, help="of the split, default: 0")
    training = reader.add_argument_group("training, chosen if not given")
    training.add_argument(
        "--size", nargs=2, type=int, metavar=("W", "H"),
        help="of the network's input; one number for a square",
    )  # fmt: skip
    training.add_argument("--iterations", type=int, help="number of training steps")
    training.add_argument("--batch-size", type=int, help="frames per step")
    training.add_argument("--teacher", choices=TEACHERS, help="model of the teacher")
    training.add_argument(
        "--pretrained", action="store_true", help="start from downloaded weights"
    )
    return reader


def wishes_of(args: argparse.Namespace) -> Wishes:
    """What the command line says."""
    from mmseg_splashkd.project.new import Wishes

    stamp = {"stem": args.timestamp_stem, "fps": args.fps, "year": args.year}
    given = {key: value for key, value in stamp.items() if value is not None}
    given |= {"start": args.start} if args.start else {}
    if given and args.timestamp is None:
        raise ValueError(f"--{next(iter(given))} has no effect without --timestamp")
    return Wishes(
        classes=args.classes,
        label_values=args.label_values,
        timestamp=args.timestamp,
        timestamp_options=given,
        size=args.size,
        iterations=args.iterations,
        batch_size=args.batch_size,
        split=args.split,
        ratios=args.ratios,
        embargo=args.embargo,
        group=args.group,
        seed=args.seed,
        teacher=args.teacher,
        pretrained=args.pretrained,
    )


def ask(found: Found, reader: argparse.ArgumentParser, words: list[str]) -> Wishes:
    """Complete the command line by questions, on a terminal only."""
    from mmseg_splashkd.project.new import missing_facts

    while True:
        wishes = wishes_of(reader.parse_args(with_both_sides(words)))
        facts = missing_facts(found, wishes)
        if not facts or not sys.stdin.isatty():
            return wishes
        print(facts[0])
        words = [*words, *shlex.split(input("options to add: "))]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    return parser().parse_args(with_both_sides(sys.argv[1:]))


def with_both_sides(words: Sequence[str]) -> list[str]:
    """The words of a command line with W and H where --size has one number.

    With ``nargs="+"``, argparse would take the folder behind a size for a number.
    """
    whole: list[str] = []
    for index, word in enumerate(words):
        name, equals, side = word.partition("=")
        if name == "--size" and equals:  # argparse takes two numbers without it only
            whole += ["--size", side, side]
            continue
        whole.append(word)
        before, after = words[max(index - 1, 0)], words[index + 1 : index + 2]
        if before == "--size" and word.isdecimal():
            whole += [] if after and after[0].isdecimal() else [word]
    return whole


def main() -> None:
    """Look at the data, ask what is missing, write the project, and print why."""
    reader = parser()
    words = sys.argv[1:]
    args = parse_args()
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.datasets.split_table import read_table
    from mmseg_splashkd.datasets.splits.summary import print_split
    from mmseg_splashkd.project.choices import this_machine
    from mmseg_splashkd.project.files import commands
    from mmseg_splashkd.project.new import look_at, new_project

    wishes_of(args)
    found = look_at(args.data)
    print("\n".join(["Found:", *(f"  {line}" for line in found.lines)]))
    wishes = ask(found, reader, words)
    plan = new_project(found, wishes, args.out, this_machine())
    print("Chosen:")
    for name, why in plan.reasons.items():
        value = getattr(plan, name, None)
        said = "" if value is None or name == "classes" else f"{value}: "
        print(f"  {name:<14}{said}{why}")
    frames = read_table(f"{args.out}/{plan.split_table}")
    print_split(frames, class_name=plan.classes[-1], option="--split")
    print(f"Wrote {args.out}. Next:\n{commands(args.out)}", end="")


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot plan")

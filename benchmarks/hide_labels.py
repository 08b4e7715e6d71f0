"""Remove most labels of the training part of a split table.

    python benchmarks/hide_labels.py data/farm/split.csv --out data/farm/few.csv

Of the training frames in time order, every ``--every``-th keeps its label. With
``--near N``, frames without one stay in the training part only where they are among the
N frames before or after a labelled one of their recording; the others get the part
``embargo``, which nothing reads.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import read_table, write_table


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", help="split table with one part per frame")
    parser.add_argument(
        "--every", type=int, default=8, help="one label in so many is kept (default: 8)"
    )
    parser.add_argument(
        "--near",
        type=int,
        help="keep so many unlabelled frames on each side of a label",
    )
    parser.add_argument("--out", required=True, help="table to write")
    args = parser.parse_args(argv)
    if args.near is not None and args.near < 1:
        parser.error(f"--near must be at least 1, got {args.near}")
    return args


def without_far(frames: Iterable[Frame], near: int) -> list[Frame]:
    """Frames of which training frames far from a labelled one are in no part.

    Args:
        frames: Frames in time order.
        near: Number of training frames of a recording on each side of a labelled one
            that stay.
    """
    frames = list(frames)
    recordings: dict[str, list[int]] = defaultdict(list)
    for number, frame in enumerate(frames):
        if frame.split == "train":
            recordings[frame.recording].append(number)
    for numbers in recordings.values():
        labelled = [place for place, n in enumerate(numbers) if frames[n].label]
        for place, number in enumerate(numbers):
            if not any(abs(place - each) <= near for each in labelled):
                frames[number] = replace(frames[number], split="embargo")
    return frames


def main(argv: Sequence[str] | None = None) -> None:
    """Read the table, remove labels, write the table."""
    args = parse_args(argv)
    frames, labelled, kept = [], 0, 0
    for frame in in_time_order(read_table(args.table)):
        hide = frame.split == "train" and labelled % args.every > 0
        labelled += frame.split == "train"
        kept += frame.split == "train" and not hide
        frames.append(replace(frame, label="", splash_share=None) if hide else frame)
    if args.near:
        frames = without_far(frames, args.near)
    write_table(args.out, frames)
    print(f"{args.out}: {kept} of {labelled} training frames keep their label")
    if args.near:
        unlabelled = sum(f.split == "train" and not f.label for f in frames)
        print(f"{unlabelled} unlabelled ones are near them")


if __name__ == "__main__":
    main()

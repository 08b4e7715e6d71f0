"""Remove most labels of the training part of a split table.

    python benchmarks/hide_labels.py data/farm/split.csv --out data/farm/few.csv

Of the training frames in time order, every ``--every``-th keeps its label.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from mmseg_splashkd.datasets.frames import in_time_order
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
    parser.add_argument("--out", required=True, help="table to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Read the table, remove labels, write the table."""
    args = parse_args(argv)
    frames, labelled, kept = [], 0, 0
    for frame in in_time_order(read_table(args.table)):
        hide = frame.split == "train" and labelled % args.every > 0
        labelled += frame.split == "train"
        kept += frame.split == "train" and not hide
        frames.append(replace(frame, label="", splash_share=None) if hide else frame)
    write_table(args.out, frames)
    print(f"{args.out}: {kept} of {labelled} training frames keep their label")


if __name__ == "__main__":
    main()

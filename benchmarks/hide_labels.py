"""Hide most labels of the training part of a split table: what few labels cost.

    python benchmarks/hide_labels.py data/farm/split.csv --out data/farm/few.csv

Of the training frames in the order of time, each ``--every``-th keeps its label.
"""

import argparse
from dataclasses import replace

from mmseg_splashkd.datasets.frames import in_time_order
from mmseg_splashkd.datasets.split_table import read_table, write_table


def main() -> None:
    """Read, hide, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", help="a split table with a part a frame")
    parser.add_argument("--every", type=int, default=8, help="that keeps its label")
    parser.add_argument("--out", required=True, help="table to write")
    args = parser.parse_args()
    frames, seen, kept = [], 0, 0
    for frame in in_time_order(read_table(args.table)):
        hide = frame.split == "train" and seen % args.every > 0
        seen += frame.split == "train"
        kept += frame.split == "train" and not hide
        frames.append(replace(frame, label="", splash_share=None) if hide else frame)
    write_table(args.out, frames)
    print(f"{args.out}: {kept} of {seen} training frames keep their label")


if __name__ == "__main__":
    main()

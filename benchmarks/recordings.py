"""Keep some recordings of a split table, as the frames of one camera or weather.

    python benchmarks/recordings.py data/ponds/split.csv "A_.*" --out data/ponds/A.csv

Frames keep their part.
"""

import argparse
import re
from collections.abc import Sequence

from mmseg_splashkd.datasets.split_table import read_table, write_table


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", help="split table")
    parser.add_argument("recordings", help="regular expression of whole names")
    parser.add_argument("--out", required=True, help="table to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Read the table, write the rows of the recordings."""
    args = parse_args(argv)
    frames = read_table(args.table)
    kept = [f for f in frames if re.fullmatch(args.recordings, f.recording)]
    if not kept:
        known = ", ".join(sorted({frame.recording for frame in frames}))
        raise SystemExit(f"{args.recordings!r} fits no recording of {known}")
    write_table(args.out, kept)
    print(f"{args.out}: {len(kept)} of {len(frames)} frames")


if __name__ == "__main__":
    main()

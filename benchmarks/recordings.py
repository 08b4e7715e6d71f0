"""Keep some recordings of a split table, as the frames of one camera or weather.

    python benchmarks/recordings.py data/ponds/split.csv "A_.*" --out data/ponds/A.csv

Frames keep their part. With ``--rest FILE``, the second half of the training frames of
each recording and the test part are written there instead.
"""

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.split_table import read_table, write_table


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", help="split table")
    parser.add_argument("recordings", help="regular expression of whole names")
    parser.add_argument("--out", required=True, help="table to write")
    parser.add_argument("--rest", help="table of later training frames and the test")
    return parser.parse_args(argv)


def halves(frames: Iterable[Frame]) -> Iterator[tuple[Frame, bool]]:
    """Frames of two tables, and whether the second one has them.

    It has the second half in time of the training frames of each recording, and the
    test part; the first one has the others.
    """
    ordered = sorted(frames, key=lambda frame: (frame.recording, frame.timestamp))
    train = [frame for frame in ordered if frame.split == "train"]
    for _, group in groupby(train, key=lambda frame: frame.recording):
        own = list(group)
        for number, frame in enumerate(own):
            yield frame, number >= len(own) / 2
    for frame in ordered:
        if frame.split in ("val", "test"):
            yield frame, frame.split == "test"


def main(argv: Sequence[str] | None = None) -> None:
    """Read the table, write the rows of the recordings."""
    args = parse_args(argv)
    frames = read_table(args.table)
    kept = [f for f in frames if re.fullmatch(args.recordings, f.recording)]
    if not kept:
        known = ", ".join(sorted({frame.recording for frame in frames}))
        raise SystemExit(f"{args.recordings!r} fits no recording of {known}")
    tables = {args.out: kept}
    if args.rest:
        parts = list(halves(kept))
        for table, second in ((args.out, False), (args.rest, True)):
            tables[table] = [frame for frame, other in parts if other == second]
    for table, rows in tables.items():
        write_table(table, rows)
        print(f"{table}: {len(rows)} of {len(frames)} frames")


if __name__ == "__main__":
    main()

r"""Draw six recordings for one model: two farms, each in three weathers.

    python benchmarks/ponds.py data/ponds
    python tools/split_dataset.py data/ponds --strategy per-recording \
        --ratios .5 .2 .3 --embargo 10s --out data/ponds/split.csv

Each has its folder in ``images`` and ``labels``. By default all start at the same time,
so that comparisons of runs take them for six cameras on the same events.
"""

import argparse
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from mmseg_splashkd.datasets.synthetic import draw_pond

SIZE = (192, 320)
START = 1_683_000_000
WEATHERS = {"clear": {}, "rain": {"weather": "rain"}}
WEATHERS["rainy_night"] = {"weather": "rain", "night": True}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out_dir", type=Path, help="new folder")
    parser.add_argument(
        "--frames", type=int, default=100, help="frames of each (default: 100)"
    )
    parser.add_argument(
        "--interval", type=int, default=3, help="seconds between frames (default: 3)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first one (default: 1)"
    )
    parser.add_argument(
        "--apart",
        type=int,
        default=0,
        help="seconds between the starts of two (default: 0)",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw the recordings."""
    args = parse_args(argv)
    for part in ("images", "labels"):
        (args.out_dir / part).mkdir(parents=True)
    for number, (farm, weather) in enumerate(product("AB", WEATHERS)):
        name = f"{farm}_{weather}"
        with tempfile.TemporaryDirectory(dir=args.out_dir) as folder:
            drawn = Path(folder, name)
            draw_pond(
                drawn,
                frames=args.frames,
                size=SIZE,
                seed=args.seed + number,
                recording=name,
                start=START + number * args.apart,
                farm=farm,
                interval_seconds=args.interval,
                **WEATHERS[weather],
            )
            for part in ("images", "labels"):
                (drawn / part).rename(args.out_dir / part / name)
    print(f"{args.out_dir}: {2 * len(WEATHERS)} recordings of {args.frames} frames")


if __name__ == "__main__":
    main()

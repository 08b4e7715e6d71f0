r"""Draw six recordings for one model: two farms, each in three weathers.

    python benchmarks/ponds.py data/ponds
    python tools/split_dataset.py data/ponds --strategy per-recording \
        --ratios .5 .2 .3 --embargo 10s --out data/ponds/split.csv

Each has its folder in ``images`` and ``labels``.
"""

import argparse
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from mmseg_splashkd.datasets.synthetic import draw_pond

SIZE = (192, 320)
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
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw the recordings."""
    args = parse_args(argv)
    for part in ("images", "labels"):
        (args.out_dir / part).mkdir(parents=True)
    for seed, (farm, weather) in enumerate(product("AB", WEATHERS), start=1):
        name = f"{farm}_{weather}"
        with tempfile.TemporaryDirectory(dir=args.out_dir) as folder:
            drawn = Path(folder, name)
            draw_pond(
                drawn,
                frames=args.frames,
                size=SIZE,
                seed=seed,
                recording=name,
                farm=farm,
                interval_seconds=args.interval,
                **WEATHERS[weather],
            )
            for part in ("images", "labels"):
                (drawn / part).rename(args.out_dir / part / name)
    print(f"{args.out_dir}: {2 * len(WEATHERS)} recordings of {args.frames} frames")


if __name__ == "__main__":
    main()

"""Draw the demo data: a video of a net pen at feeding time, with labels."""

import argparse
import csv

from mmseg_splashkd.datasets.synthetic import draw_pond


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out_dir", help="new or empty folder, made if missing")
    parser.add_argument("--frames", type=int, default=160, help="at least 20")
    parser.add_argument("--height", type=int, default=192, help="pixels")
    parser.add_argument("--width", type=int, default=256, help="pixels")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """Draw the video and say what was drawn."""
    args = parse_args()
    size = (args.height, args.width)
    table = draw_pond(args.out_dir, frames=args.frames, size=size, seed=args.seed)
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    share = sum(float(row["splash_share"]) for row in rows) / len(rows)
    bursts = {row["burst"] for row in rows} - {""}
    calm = sum(not row["burst"] for row in rows)
    print(
        f"{len(rows)} frames of {args.height} x {args.width} pixels, {calm} without "
        f"splash; {len(bursts)} bursts, {share:.2%} of all pixels\n{table}"
    )


if __name__ == "__main__":
    main()

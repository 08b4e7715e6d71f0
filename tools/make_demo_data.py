"""Draw demo data: a synthetic video of a net pen at feeding time, with labels."""

import argparse
import csv
from pathlib import Path

FARMS = ("A", "B")
WEATHERS = ("clear", "rain")


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out_dir", help="new or empty folder")
    parser.add_argument(
        "--frames", type=int, default=160, help="number of frames, at least 20"
    )
    parser.add_argument("--height", type=int, default=192, help="pixels, at least 48")
    parser.add_argument("--width", type=int, default=256, help="pixels, at least 48")
    parser.add_argument("--seed", type=int, default=0, help="at least 0")
    parser.add_argument("--recording", default="pond", help="name of the recording")
    parser.add_argument("--farm", choices=FARMS, default="A")
    parser.add_argument("--weather", choices=WEATHERS, default="clear")
    parser.add_argument("--night", action="store_true", help="night, with lamps on")
    parser.add_argument(
        "--label-noise",
        type=float,
        default=0.0,
        help="share of labels with an error, in [0, 1]",
    )
    parser.add_argument(
        "--unlabelled",
        type=float,
        default=0.0,
        help="share of frames without a label, in [0, 1]",
    )
    return parser.parse_args()


def main() -> None:
    """Draw the video and print its amounts."""
    args = parse_args()
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.datasets.synthetic import draw_pond

    table = draw_pond(
        args.out_dir,
        frames=args.frames,
        size=(args.height, args.width),
        seed=args.seed,
        recording=args.recording,
        farm=args.farm,
        weather=args.weather,
        night=args.night,
        label_noise=args.label_noise,
        unlabelled=args.unlabelled,
    )
    rows, events = read_rows(table), read_rows(table.with_name("events.csv"))
    splash = sum(int(e["frames"]) * float(e["mean_share"]) for e in events)
    calm = sum(not row["burst"] for row in rows)
    print(
        f"{len(rows)} frames of {args.height} x {args.width} pixels, {calm} without "
        f"splash; {len(events)} splash events, {splash / len(rows):.2%} of all pixels"
    )
    if args.unlabelled:
        print(f"{sum(not row['label'] for row in rows)} frames without a label")
    if args.label_noise:
        errors = read_rows(table.with_name("label_errors.csv"))
        print(f"{len(errors)} labels with an error")
    print(table)


def read_rows(table: Path) -> list[dict[str, str]]:
    """Rows of a CSV file by column name."""
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot draw")

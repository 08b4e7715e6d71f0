"""Command-line arguments of all that compares runs."""

import argparse

from mmseg_splashkd.report.comparison.runs import WEIGHTS


def add_comparison_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--weights``, ``--block``, ``--worth``, ``--allow``, ``--operating-point``.

    Args:
        parser: Changed in place.
    """
    parser.add_argument("--weights", choices=WEIGHTS, default="last")
    parser.add_argument("--block", help="length in time: 10 (frames) or 30s")
    parser.add_argument(
        "--worth", type=float, default=1.0, help="a difference worth having, in points"
    )
    parser.add_argument(
        "--allow",
        dest="allowed",
        nargs="+",
        default=(),
        choices=["table", "weights"],
        help="what runs may differ in",
    )
    parser.add_argument(
        "--operating-point",
        action="store_true",
        help="decide each run at a threshold chosen on other frames, not by argmax",
    )

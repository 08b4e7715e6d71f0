"""Command-line arguments shared by tools/compare.py and tools/report.py."""

import argparse


def add_comparison_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a comparison to a parser.

    Args:
        parser: Parser to which ``--weights``, ``--block``, ``--worth``, ``--allow`` and
            ``--operating-point`` are added.
    """
    parser.add_argument(
        "--weights",
        choices=["last", "best"],
        default="last",
        help="weights whose scores are compared (default: last)",
    )
    parser.add_argument(
        "--block",
        help="block length in time: 10 (frames) or 30s (default: 1.3 sqrt(N) frames)",
    )
    parser.add_argument(
        "--worth",
        type=float,
        default=1.0,
        help="smallest relevant difference in points (default: 1)",
    )
    parser.add_argument(
        "--allow",
        dest="allowed",
        nargs="+",
        default=(),
        choices=["table", "weights"],
        help="allow runs to differ in split table or kind of weights",
    )
    parser.add_argument(
        "--operating-point",
        action=argparse.BooleanOptionalAction,
        help="use a threshold chosen on other frames instead of argmax (default: where "
        "an arm hardly finds the focus class by argmax)",
    )

"""Who is better, and how sure is that: ``python tools/compare.py RUN_A RUN_B``.

docs/significance.md says what figures mean. Exits with 2 if runs cannot be compared.
"""

import argparse
import sys

from mmseg_splashkd.report.comparison import compare_runs
from mmseg_splashkd.report.comparison.arguments import add_comparison_arguments


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Compare runs on the same frames with the first of them.",
        epilog="Runs whose names agree but for _fold and _seed are one arm; quote a "
        "pattern that fits them, such as 'work_dirs/sweep/plain_1125_fold*_seed*'.",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="work directory, folder of a test, scores file (.npz), or quoted pattern",
    )
    parser.add_argument("--part", choices=["test", "val"], help="test, if there is one")
    parser.add_argument(
        "--metrics",
        nargs="+",
        default=(),
        metavar="NAME",
        help="mIoU mDice IoU.CLASS Dice.CLASS; by default mIoU and Dice of splash",
    )
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="of the resamples")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument(
        "--json", dest="json_file", metavar="FILE", help="write all figures there too"
    )
    add_comparison_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    try:
        compare_runs(**vars(parse_args()))
    except (OSError, ValueError) as error:
        print(f"cannot compare: {error}", file=sys.stderr)
        sys.exit(2)

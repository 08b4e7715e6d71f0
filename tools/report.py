"""Runs on one page: ``python tools/report.py work_dirs/SWEEP``.

docs/report.md says what is on it. Exits with 2 if there is nothing to report on.
"""

import argparse
import sys

from mmseg_splashkd.report.comparison.arguments import add_comparison_arguments
from mmseg_splashkd.report.experiments import command_line, report_experiments


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Compare runs and write a page about them.",
        epilog="Runs whose names agree but for _fold and _seed are one arm.",
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="WORK_DIRS",
        help="work directories, folders with a records.jsonl, or patterns of them",
    )
    parser.add_argument("--out", help="page; report.html beside the records")
    parser.add_argument(
        "--markdown", metavar="FILE", help="write the table of arms there, too"
    )
    parser.add_argument(
        "--baseline", metavar="NAME", help="arm to compare with; the plain student"
    )
    parser.add_argument("--part", choices=["val", "test"], default="val")
    parser.add_argument("--title", help="of the page")
    add_comparison_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    try:
        report_experiments(**vars(parse_args()), command=command_line(sys.argv[1:]))
    except (ImportError, OSError, ValueError) as error:
        print(f"cannot report: {error}", file=sys.stderr)
        sys.exit(2)

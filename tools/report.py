"""Write a page about runs: ``python tools/report.py work_dirs/SWEEP``.

docs/report.md describes the page. Exit status: 2 if there is nothing to report on.
"""

import argparse
import sys

from comparison_arguments import add_comparison_arguments


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Compare runs and write an HTML page about them.",
        epilog="Runs with the same config and options, except fold and seed, form one "
        "arm.",
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="WORK_DIRS",
        help="work directories, folders of them, scores files (.npz), or patterns",
    )
    parser.add_argument(
        "--out", help="HTML file (default: report.html in the folder of the runs)"
    )
    parser.add_argument(
        "--markdown", metavar="FILE", help="also write the table of arms to this file"
    )
    parser.add_argument(
        "--baseline",
        metavar="NAME",
        help="baseline: title or config of an arm, or a pattern of its run names "
        "(default: the plain student)",
    )
    parser.add_argument(
        "--part",
        choices=["val", "test"],
        default="val",
        help="part whose scores are compared (default: val)",
    )
    parser.add_argument("--title", help="title of the page")
    add_comparison_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Write the report."""
    args = parse_args()
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.report.experiments import command_line, report_experiments

    report_experiments(**vars(args), command=command_line(sys.argv[1:]))


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot report", 2)

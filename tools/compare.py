"""Test whether runs differ: ``python tools/compare.py RUN_A RUN_B``.

docs/significance.md explains the figures. Exit status: 2 if runs cannot be compared.
"""

import argparse

from comparison_arguments import add_comparison_arguments


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Compare runs on the same frames with the first of them.",
        epilog="Runs with the same config and options, except fold and seed, form one "
        "arm. Quote a pattern that names its runs, such as "
        "'work_dirs/sweep/segformer_b0_kd_*'.",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="work directory, folder of work directories, folder of a test, scores "
        "file (.npz), or quoted pattern",
    )
    parser.add_argument(
        "--part",
        choices=["test", "val"],
        help="part whose scores are compared (default: test where a run has it)",
    )
    parser.add_argument(
        "--metrics",
        nargs="+",
        default=(),
        metavar="NAME",
        help="mIoU mDice IoU.CLASS Dice.CLASS (default: mIoU and Dice of the focus "
        "class)",
    )
    parser.add_argument(
        "--resamples",
        type=int,
        default=2000,
        help="bootstrap resamples, at least 100 (default: 2000)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the bootstrap (default: 0)"
    )
    parser.add_argument(
        "--equivalent",
        type=float,
        metavar="POINTS",
        help="also answer whether each run is as good as the first: shown to be within "
        "so many points of it, such as 0.5",
    )
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument(
        "--json",
        dest="json_file",
        metavar="FILE",
        help="also write all figures to this file",
    )
    add_comparison_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Compare the runs."""
    args = parse_args()
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.report.compare import compare_runs

    compare_runs(**vars(args))


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot compare", 2)

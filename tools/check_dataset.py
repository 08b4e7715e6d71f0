"""Check a data set before training: ``python tools/check_dataset.py CONFIG``.

Exit status: 1 if the data would invalidate a run, 2 if they could not be checked.
"""

import argparse

from config_arguments import add_cfg_options


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Check a data set before training.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("config", nargs="?", help="config whose data are checked")
    source.add_argument("--table", help="split table (CSV)")
    source.add_argument(
        "--data-root", help="folder of images and labels, split 7:2:1 in time"
    )
    parser.add_argument(
        "--label-coding",
        default="splash",
        help="name or YAML file, for --table and --data-root (default: splash)",
    )
    parser.add_argument(
        "--class", dest="class_name", metavar="CLASS", help="focus class (splash)"
    )
    parser.add_argument("--fold", type=int, help="fold of --table (default: all folds)")
    parser.add_argument("--fast", action="store_true", help="read no pixels")
    parser.add_argument(
        "--out", help="HTML file (default: work_dirs/checks/<name>.html)"
    )
    parser.add_argument(
        "--allow",
        dest="allowed",
        nargs="+",
        default=(),
        metavar="CODE",
        help="codes of errors to report as warnings, such as overlap",
    )
    parser.add_argument(
        "--embargo-seconds",
        type=float,
        help="required distance between training and evaluated frames in seconds",
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> int:
    """Check the data set; return the exit status."""
    options = vars(parse_args())
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.config.arguments import parse_options
    from mmseg_splashkd.report.dataset.check import check_dataset

    options["cfg_options"] = parse_options(options["cfg_options"])
    return int(check_dataset(**options).spoiled)


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot check", 2)

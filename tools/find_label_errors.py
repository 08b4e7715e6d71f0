"""Find label errors: ``python tools/find_label_errors.py RUN [RUN ...]``.

The runs are the work directories of one arm, one per fold. docs/label_errors.md.
"""

import argparse

WEIGHTS = ("last", "best")


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Rank frames and regions whose label is probably wrong."
    )
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="work directories, one per fold"
    )
    parser.add_argument(
        "--out",
        default="label_errors.html",
        help="HTML page; a table of the same name with .csv is written beside it",
    )
    parser.add_argument(
        "--config", help="config file to read instead of the recorded configs"
    )
    parser.add_argument(
        "--weights", choices=WEIGHTS, default="last", help="default: last"
    )
    parser.add_argument(
        "--class",
        dest="class_name",
        metavar="CLASS",
        help="focus class, default: the last",
    )
    parser.add_argument(
        "--shown",
        type=int,
        default=40,
        help="number of frames on the page, default: 40",
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="override config keys, such as val_dataloader.batch_size=4",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="let the recorded configs name code of any module",
    )
    return parser.parse_args()


def main(options: dict) -> None:
    """Write the page."""
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.config.arguments import parse_options
    from mmseg_splashkd.report.label_errors import search_label_errors

    options["cfg_options"] = parse_options(options["cfg_options"])
    search_label_errors(**options)


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(lambda: main(vars(parse_args())), "cannot find label errors")

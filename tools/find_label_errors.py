"""Find label errors: ``python tools/find_label_errors.py RUN [RUN ...]``.

The runs are the work directories of one arm, one per fold. docs/label_errors.md.
"""

import argparse
import sys

from mmengine.config import DictAction

from mmseg_splashkd.label_errors.held_out import WEIGHTS
from mmseg_splashkd.report.label_errors import search_label_errors


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
        action=DictAction,
        metavar="KEY=VALUE",
        help="override config keys, such as val_dataloader.batch_size=4",
    )
    return parser.parse_args()


if __name__ == "__main__":
    try:
        search_label_errors(**vars(parse_args()))
    except (OSError, ValueError) as error:
        sys.exit(f"cannot find label errors: {error}")

"""Look for wrong labels: ``python tools/find_label_errors.py RUN [RUN ...]``.

The runs are the work directories of one arm, one a fold. docs/label_errors.md.
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
        "runs", nargs="+", metavar="RUN", help="work directories, one a fold"
    )
    parser.add_argument(
        "--out",
        default="label_errors.html",
        help="page; the table lies beside it, as .csv",
    )
    parser.add_argument("--config", help="config to read instead of the recorded ones")
    parser.add_argument(
        "--weights", choices=WEIGHTS, default="last", help="of each run: last"
    )
    parser.add_argument(
        "--class", dest="class_name", metavar="CLASS", help="looked at: the last"
    )
    parser.add_argument("--shown", type=int, default=40, help="frames on the page")
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
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"cannot look for wrong labels: {error}")

"""Examine a data set: ``python tools/check_dataset.py CONFIG``.

Exits with 1 if the data would spoil a run, with 2 if they could not be examined.
"""

import argparse
import sys

from mmengine.config import DictAction

from mmseg_splashkd.report.dataset.check import check_dataset


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Examine a data set before training.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("config", nargs="?", help="config whose data to examine")
    source.add_argument("--table", help="split table (CSV)")
    source.add_argument("--data-root", help="folder of images and labels, cut 7:2:1")
    parser.add_argument("--label-coding", default="splash", help="name or YAML file")
    parser.add_argument(
        "--class", dest="class_name", metavar="CLASS", help="looked for: splash"
    )
    parser.add_argument("--fold", type=int, help="of --table; by default each")
    parser.add_argument("--fast", action="store_true", help="without reading pixels")
    parser.add_argument("--out", help="page; work_dirs/checks/<name>.html")
    parser.add_argument(
        "--allow",
        dest="allowed",
        nargs="+",
        default=(),
        metavar="CODE",
        help="errors that are meant, such as overlap: only warn of them",
    )
    parser.add_argument(
        "--embargo-seconds",
        type=float,
        help="how far apart training and evaluated frames shall be",
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="KEY=VALUE",
        help="override config keys, such as data_root=data/farm",
    )
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(check_dataset(**vars(parse_args())).spoiled)
    except (ImportError, OSError, ValueError) as error:
        print(f"cannot examine: {error}", file=sys.stderr)
        sys.exit(2)

"""Command-line arguments shared by the tools that read the data of a config."""

import argparse


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``, a list of texts KEY=VALUE, empty by default.

    Args:
        parser: Parser to which it is added.
    """
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="config keys to override, such as data_root=data/farm",
    )

"""Options of the tools that score arms beside each other."""

import argparse


def add_arm_names(parser: argparse.ArgumentParser) -> None:
    """Add ``--name``."""
    parser.add_argument(
        "--name",
        dest="names",
        nargs="+",
        default=(),
        metavar="NAME",
        help="names of the arms (default: those of their files)",
    )


def add_arm_output(parser: argparse.ArgumentParser) -> None:
    """Add ``--markdown`` and ``--json``."""
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument(
        "--json",
        dest="json_file",
        metavar="FILE",
        help="also write all figures to this file",
    )

"""Command-line arguments that training and testing share."""

import argparse

from mmengine.config import DictAction

LAUNCHERS = ("none", "pytorch", "slurm", "mpi")


def add_run_arguments(parser: argparse.ArgumentParser, example: str) -> None:
    """Add ``--work-dir``, ``--launcher`` and ``--cfg-options``.

    Args:
        parser: Changed in place.
        example: A ``KEY=VALUE`` for the help text.
    """
    parser.add_argument("--work-dir", help="where the run writes; work_dirs/<its name>")
    parser.add_argument("--launcher", choices=LAUNCHERS, default="none")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="KEY=VALUE",
        help=f"override config keys, such as {example}; data_root moves all data",
    )

"""Is distilling likely to pay here? ``python tools/advise.py CONFIG``.

Trains a short plain student, tests the teacher, reads the labels, times a step, and
looks for cells of docs/when_it_pays.md that are alike. It does not extrapolate.
"""

import argparse

from config_arguments import add_cfg_options


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Say whether distilling is likely to pay."
    )
    parser.add_argument("config", help="config of the distillation that is thought of")
    parser.add_argument(
        "--length",
        type=int,
        help="iterations (or epochs) of the plain run (default: half of the config's)",
    )
    parser.add_argument(
        "--work-dir",
        metavar="FOLDER",
        help="folder of plain runs (default: work_dirs/advice/<config>)",
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Look, and print the advice."""
    args = parse_args()
    # Imported here, because --help does not need torch, which takes seconds to import.
    from pathlib import Path

    from mmseg_splashkd.advice import advise
    from mmseg_splashkd.config.arguments import parse_options

    folder = args.work_dir or Path("work_dirs", "advice", Path(args.config).stem)
    options = parse_options(args.cfg_options)
    print(advise(args.config, Path(folder), args.length, options))


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot advise")

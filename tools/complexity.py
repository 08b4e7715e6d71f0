"""Measure what networks cost: ``python tools/complexity.py CONFIG...``.

docs/zoo.md explains the figures, which this tool writes. Exit status: 1 if a figure in
a metafile is not the counted one.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
MEASURING = {"size": [512, 512], "rounds": 15, "threads": None, "device": "cpu"}


def positive(text: str) -> int:
    """A number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} must be at least 1")
    return number


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Measure parameters, multiply-accumulates, peak memory and, in "
        "turn, times of networks, as ratios to SegFormer-B0."
    )
    parser.add_argument(
        "configs",
        nargs="*",
        type=Path,
        metavar="CONFIG",
        help="configs (default: all that are shipped); of a distillation, the student "
        "is measured",
    )
    parser.add_argument(
        "--size",
        nargs=2,
        type=positive,
        metavar=("W", "H"),
        help="width and height of the frame in pixels (default: 512 512)",
    )
    parser.add_argument(
        "--rounds", type=positive, metavar="N", help="timed rounds (default: 15)"
    )
    parser.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="threads of torch on the CPU (default: as torch chooses)",
    )
    parser.add_argument("--device", help="cpu or cuda (default: cpu)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the page here")
    only = parser.add_mutually_exclusive_group()
    only.add_argument(
        "--check",
        action="store_true",
        help="only compare parameters and multiply-accumulates at 512x512 with the "
        "metafiles beside the configs",
    )
    only.add_argument(
        "--fill", action="store_true", help="only write these into the metafiles"
    )
    args = parser.parse_args(argv)
    given = [key for key in (*MEASURING, "out") if getattr(args, key) is not None]
    if given and (args.check or args.fill):
        mode = "--check" if args.check else "--fill"
        parser.error(f"--{given[0]} has no effect with {mode}, which measures nothing")
    for key, value in MEASURING.items():
        if getattr(args, key) is None:
            setattr(args, key, value)
    return args


def main() -> int | None:
    """Measure, check or fill."""
    args = parse_args()
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.report.zoo import (
        Settings,
        check_metafiles,
        fill_metafiles,
        write_zoo,
    )

    here = Path.cwd()
    folder = CONFIGS.relative_to(here) if CONFIGS.is_relative_to(here) else CONFIGS
    configs = args.configs or sorted(folder.glob("[!_]*/*.py"))
    if not args.check and not args.fill:
        width, height = args.size
        settings = Settings((height, width), args.rounds, args.device, args.threads)
        command = shlex.join(["python", "tools/complexity.py", *sys.argv[1:]])
        write_zoo(configs, folder, settings, args.out, command)
        return None
    if args.fill:
        changed, left_out = fill_metafiles(configs)
        lines = [f"Filled {path}" for path in changed]
    else:
        lines, left_out = check_metafiles(configs)
    for each in left_out:
        print(f"Left out {each.config}: {each.reason}")
    nothing = "Metafiles agree" if args.check else "No metafile was changed"
    print(*(lines or [nothing]), sep="\n")
    return 1 if args.check and lines else None


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot measure")

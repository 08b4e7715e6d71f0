"""Cache a teacher's logits: ``python tools/cache_teacher.py CONFIG``."""

import argparse
from collections.abc import Sequence

from config_arguments import add_cfg_options


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Run the teacher of a config once on every view that training will "
        "draw, and store its logits; training then costs no more than the student "
        "alone. Stored views are kept: repeat the command after an interruption."
    )
    parser.add_argument("config", help="config with teacher_cache = dict(dir, views)")
    parser.add_argument(
        "--batch-size", type=int, default=8, help="views per forward pass (default: 8)"
    )
    parser.add_argument(
        "--device", help="cpu or cuda (default: cuda if there is a GPU)"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only print the size of the cache and the expected time",
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def main(options: dict) -> None:
    """Build the cache."""
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.config.arguments import parse_options
    from mmseg_splashkd.teacher_cache import build_teacher_cache

    options["cfg_options"] = parse_options(options["cfg_options"])
    folder = build_teacher_cache(**options)
    print(f"Teacher cache: {folder}")


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(lambda: main(vars(parse_args())), "cannot cache the teacher")

"""Cache a teacher's answers: ``python tools/cache_teacher.py CONFIG``."""

import argparse

from mmengine.config import DictAction

from mmseg_splashkd.teacher_cache import build_teacher_cache


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Let the teacher of a config answer, once, every view that "
        "training will draw; training then costs no more than the student alone. What "
        "is already there is kept: call it again after an interruption."
    )
    parser.add_argument("config", help="config with teacher_cache = dict(dir, views)")
    parser.add_argument("--batch-size", type=int, default=8, help="views at once")
    parser.add_argument("--device", help="cpu or cuda; a GPU if there is one")
    parser.add_argument(
        "--dry-run", action="store_true", help="only say how large it is and how long"
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="KEY=VALUE",
        help="override config keys, such as teacher_cache.views=16",
    )
    return parser.parse_args()


if __name__ == "__main__":
    folder = build_teacher_cache(**vars(parse_args()))
    print(f"Teacher cache: {folder}")

"""Repeat a recorded run: ``python tools/rerun.py work_dirs/records.jsonl --run NAME``.

Exits with 0 if the weights came out bit-equal, with 1 if not, with 2 if the run could
not be repeated.
"""

import argparse
import sys

from mmseg_splashkd.runs.rerun import rerun, tell
from mmseg_splashkd.runs.train import Terminated, stop_on_sigterm


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Train again what a line of the records tells, and compare."
    )
    parser.add_argument("record", help="records.jsonl, or a file with one line of it")
    parser.add_argument("--run", metavar="NAME_OR_ID", help="which, if there are more")
    parser.add_argument("--work-dir", help="by default <run>_rerun beside the records")
    parser.add_argument(
        "--allow-changes",
        action="store_true",
        help="train though frames, labels or teacher are not what they were",
    )
    return parser.parse_args()


def main() -> bool:
    """Repeat; return whether the weights are not the same."""
    stop_on_sigterm()
    result = rerun(**vars(parse_args()))
    tell(result)
    return not result.is_equal


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt as stopped:
        sys.exit(143 if isinstance(stopped, Terminated) else 130)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        print(f"cannot repeat: {error}", file=sys.stderr)
        sys.exit(2)

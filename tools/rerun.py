"""Repeat a recorded run: ``python tools/rerun.py work_dirs/plain_seed0``.

The exit status is 0 if the weights are bit-equal, 1 if not, and 2 if the run could not
be repeated; after a signal it is that of tools/train.py.
"""

import argparse


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Train a recorded run again, and compare the weights."
    )
    parser.add_argument(
        "record", help="folder of a run or of several, or an old records.jsonl"
    )
    parser.add_argument(
        "--run", metavar="NAME_OR_ID", help="the run, where there are several"
    )
    parser.add_argument("--work-dir", help="<run>_rerun beside the run by default")
    parser.add_argument(
        "--allow-changes",
        action="store_true",
        help="train although frames, labels or teacher have changed",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="let the recorded config name code of any module",
    )
    return parser.parse_args()


def main(options: dict) -> int:
    """Repeat; return the exit status."""
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.hooks.stop_request import Terminated
    from mmseg_splashkd.runs.rerun import print_rerun, rerun

    try:
        result = rerun(**options)
    except Terminated as stopped:  # train has said how to go on
        return stopped.exit_code
    print_rerun(result)
    return 0 if result.is_equal else 1


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(lambda: main(vars(parse_args())), "cannot repeat", 2)

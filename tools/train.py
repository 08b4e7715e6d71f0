"""Train a model: ``python tools/train.py configs/kd/segformer_b0_kd_pe001.py``.

Every run leaves a line beside its work directory: docs/records.md. Exits with 130 or
143 if it was stopped, by Ctrl-C or SIGTERM.
"""

import argparse
import sys

from mmseg_splashkd.config.arguments import add_run_arguments
from mmseg_splashkd.runs.train import Terminated, stop_on_sigterm, train


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train a model.")
    parser.add_argument("config", help="config file")
    parser.add_argument("--resume", action="store_true", help="continue this run")
    parser.add_argument("--amp", action="store_true", help="mixed precision, GPU only")
    parser.add_argument("--name", help="of the run; by default config, day and share")
    add_run_arguments(parser, "model.distill_loss.teacher_ratio=0.25")
    return parser.parse_args()


def main() -> None:
    """Train, and say where it is."""
    stop_on_sigterm()
    work_dir = train(**vars(parse_args()))
    print(f"Checkpoints, weights and log: {work_dir}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt as stopped:
        print("stopped; --resume goes on from the last checkpoint", file=sys.stderr)
        sys.exit(143 if isinstance(stopped, Terminated) else 130)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"cannot train: {error}")

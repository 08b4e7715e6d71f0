"""Train a model: ``python tools/train.py configs/kd/segformer_b0_kd_pe001.py``."""

import argparse

from mmseg_splashkd.engine.arguments import add_run_arguments
from mmseg_splashkd.engine.training import train


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train a model.")
    parser.add_argument("config", help="config file")
    parser.add_argument("--resume", action="store_true", help="continue this run")
    parser.add_argument("--amp", action="store_true", help="mixed precision, GPU only")
    add_run_arguments(parser, "model.distill_loss.teacher_ratio=0.25")
    return parser.parse_args()


if __name__ == "__main__":
    work_dir = train(**vars(parse_args()))
    print(f"Checkpoints, weights and log: {work_dir}")

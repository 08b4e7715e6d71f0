"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT --show-dir pictures``."""

import argparse

from mmseg_splashkd.engine.arguments import add_run_arguments
from mmseg_splashkd.engine.testing import evaluate
from mmseg_splashkd.evaluation.dice_metric import CODINGS


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Test a checkpoint.")
    parser.add_argument("config", help="config of the run or of its student")
    parser.add_argument("checkpoint", help=".safetensors or .pth file, * allowed")
    parser.add_argument("--show-dir", help="write frames, truth and prediction painted")
    parser.add_argument("--out", help="write predictions, a PNG a frame")
    parser.add_argument(
        "--out-coding",
        choices=CODINGS,
        default="train_ids",
        help="what they hold: trainIds, the data set's own gray values, or colours",
    )
    parser.add_argument("--scores", help="write each frame's counts here (.npz)")
    parser.add_argument("--tta", action="store_true", help="average over the flip too")
    add_run_arguments(parser, "test_dataloader.batch_size=4")
    return parser.parse_args()


if __name__ == "__main__":
    evaluate(**vars(parse_args()))

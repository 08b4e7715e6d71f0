"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT --show-dir pictures``."""

import argparse
import os
import sys

from mmseg_splashkd.config.arguments import add_run_arguments
from mmseg_splashkd.evaluation.dice_metric import CODINGS
from mmseg_splashkd.report.operating_point import check_curve_path, write_curve_of
from mmseg_splashkd.runs.test import evaluate, scores_file


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
    parser.add_argument(
        "--threshold",
        metavar="P",
        help="decide for splash where its probability is at least P; 'stored': at "
        "least what was chosen on the validation part. docs/operating_point.md",
    )
    parser.add_argument(
        "--curve", metavar="FILE", help="draw scores over thresholds (.svg or .png)"
    )
    add_run_arguments(parser, "test_dataloader.batch_size=4")
    args = parser.parse_args()
    if args.tta and args.curve:
        parser.error("--curve needs probabilities, which --tta does not leave")
    return args


def main() -> None:
    """Test, then draw what is asked for."""
    options = vars(parse_args())
    curve = options.pop("curve")
    if curve is not None:
        check_curve_path(curve)
    evaluate(**options)
    # The processes have parted by now, and only the first one wrote the scores.
    if curve is not None and os.environ.get("RANK", "0") == "0":
        names = ("config", "work_dir", "scores")
        write_curve_of(scores_file(**{name: options[name] for name in names}), curve)


if __name__ == "__main__":
    try:
        main()
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"cannot test: {error}")

"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT --show-dir pictures``."""

import argparse
import os
from typing import Any

LAUNCHERS = ("none", "pytorch", "slurm", "mpi")
CODINGS = ("train_ids", "gray", "colour")


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Test a checkpoint.")
    parser.add_argument("config", help="config of the run or of its student")
    parser.add_argument(
        "checkpoint",
        help=".safetensors or .pth file, * allowed; or a file of tools/export.py",
    )
    parser.add_argument(
        "--engine",
        help="engine of an exported file: onnxruntime (default), openvino or "
        "openvino_bf16. docs/deploy.md",
    )
    parser.add_argument(
        "--show-dir",
        help="folder for images of frame, label and prediction, <recording>/<stem>.png",
    )
    parser.add_argument("--out", help="folder for predictions, <recording>/<stem>.png")
    parser.add_argument(
        "--out-coding",
        choices=CODINGS,
        default="train_ids",
        help="pixel values of predictions: trainIds, gray values of the data set, or "
        "colours",
    )
    parser.add_argument(
        "--scores",
        help="file for the counts of every frame (.npz), refused if of another test",
    )
    parser.add_argument(
        "--tta", action="store_true", help="average over the horizontal flip"
    )
    parser.add_argument(
        "--threshold",
        metavar="P",
        help="predict the focus class (the last, or that of FrameScoresHook) where "
        "its probability is at least P; 'stored' uses the "
        "threshold chosen on the validation part. docs/operating_point.md",
    )
    parser.add_argument(
        "--curve", metavar="FILE", help="draw metrics over thresholds (.svg or .png)"
    )
    parser.add_argument("--work-dir", help="folder for logs and scores")
    parser.add_argument("--launcher", choices=LAUNCHERS, default="none")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="override config keys, such as test_dataloader.batch_size=4; data_root "
        "applies to all data",
    )
    args = parser.parse_args()
    if args.tta and args.curve:
        parser.error("--curve needs probabilities, which --tta does not yield")
    return args


def tested_by(engine: str | None, options: dict) -> Any:
    """The metrics of weights, or of an exported file by an engine."""
    from mmseg_splashkd.deploy.deployed_file import is_deployed

    if is_deployed(options["checkpoint"]):
        from mmseg_splashkd.deploy.testing import evaluate_file

        return evaluate_file(file=options.pop("checkpoint"), engine=engine, **options)
    if engine is not None:
        raise ValueError(
            f"--engine {engine} runs exported files, and {options['checkpoint']} is "
            f"none: tools/export.py writes one"
        )
    from mmseg_splashkd.runs.test import evaluate

    return evaluate(**options)


def main(options: dict) -> None:
    """Test, then draw the curve if there is one to draw."""
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.config.arguments import parse_options
    from mmseg_splashkd.evaluation.frame_scores import load_scores
    from mmseg_splashkd.report.operating_point import check_curve_path, write_curve

    curve, engine = options.pop("curve"), options.pop("engine")
    if curve is not None:
        check_curve_path(curve)
    options["cfg_options"] = parse_options(options["cfg_options"])
    tested = tested_by(engine, options)
    # Only the first process writes the scores.
    if curve is not None and os.environ.get("RANK", "0") == "0":
        write_curve(load_scores(tested.scores), curve)


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(lambda: main(vars(parse_args())), "cannot test")

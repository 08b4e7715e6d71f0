"""Adapt a model to another camera: ``python tools/adapt.py CONFIG CHECKPOINT``.

Frames of the target need no labels. It says what it does, and which signs speak for or
against the result; what they are worth: docs/adaptation.md.
"""

import argparse

from config_arguments import add_cfg_options


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Train a model further for a camera whose frames have no labels."
    )
    parser.add_argument("config", help="config of the model")
    parser.add_argument("checkpoint", help="its weights, or a pattern that fits one")
    parser.add_argument(
        "--target",
        required=True,
        metavar="FOLDER",
        help="frames of the other camera: FOLDER/images, or pictures in FOLDER",
    )
    parser.add_argument(
        "--method",
        help="adabn, minent, minent-prior, minent-range, adaptsegnet, adaptsegnet-bce, "
        "advent, minent-advent, proda, proda-2, proda-3, mean-teacher, "
        "mean-teacher-rare or mean-teacher-masked (default: what has been shown to "
        "help)",
    )
    parser.add_argument(
        "--length",
        type=int,
        help="iterations, or epochs, of a method (default: half of the config's)",
    )
    parser.add_argument(
        "--student",
        metavar="CONFIG",
        help="config of a small model that the adapted one teaches on the frames of "
        "both cameras",
    )
    parser.add_argument(
        "--work-dir",
        metavar="FOLDER",
        help="folder of configs and runs (default: work_dirs/adapt/<config>_<target>)",
    )
    parser.add_argument(
        "--score",
        action="store_true",
        help="test before and after on the frames that have a label in FOLDER/labels",
    )
    parser.add_argument(
        "--stop-on-labels",
        action="store_true",
        help="keep those of up to eight weights that are best on the frames with a "
        "label in FOLDER/labels, which are then not trained on",
    )
    add_cfg_options(parser)
    parser.add_argument(
        "--student-options",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="the same, of the student's config",
    )
    args = parser.parse_args()
    if args.student_options and not args.student:
        parser.error("--student-options has no effect without --student")
    return args


def main() -> None:
    """Adapt, and print what can be said."""
    args = parse_args()
    # Imported here, because --help does not need torch, which takes seconds to import.
    from pathlib import Path

    from mmseg_splashkd.adaptation.command import adapt_and_tell
    from mmseg_splashkd.config.arguments import parse_options

    target = Path(args.target)
    name = f"{Path(args.config).stem}_{target.resolve().name}"
    adapt_and_tell(
        args.config,
        args.checkpoint,
        target,
        Path(args.work_dir or Path("work_dirs", "adapt", name)),
        method=args.method,
        length=args.length,
        scored=args.score,
        cfg_options=parse_options(args.cfg_options),
        student=args.student,
        stops=args.stop_on_labels,
        student_options=parse_options(args.student_options),
    )


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot adapt")

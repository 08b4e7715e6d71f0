"""Predict pictures: ``python tools/predict.py MODEL PICTURES --out FOLDER``.

MODEL is a file of tools/export.py, or weights. docs/deploy.md. The exit status is 1 if
some pictures could not be read, and 2 if nothing could be predicted.
"""

import argparse

from model_arguments import add_model_options

CODINGS = ("train_ids", "gray", "colour")


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Predict pictures, and write masks and what else is asked for. A "
        "second call predicts only what is not there yet."
    )
    parser.add_argument("model", help="file of export.py or quantize.py, or weights")
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="PICTURES",
        help="pictures, and folders, whose pictures at any depth are taken",
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="FOLDER",
        help="folder for masks/<folder>/<stem>.png",
    )
    add_model_options(parser)
    parser.add_argument(
        "--coding",
        choices=CODINGS,
        default="train_ids",
        help="pixel values of masks: trainIds (default), gray values of the data set, "
        "or colours",
    )
    parser.add_argument(
        "--overlays", action="store_true", help="write overlays/<folder>/<stem>.png"
    )
    parser.add_argument(
        "--table", metavar="FILE", help="a row for each picture (.csv or .parquet)"
    )
    parser.add_argument(
        "--label-studio", metavar="FILE", help="tasks with predictions (.json)"
    )
    parser.add_argument(
        "--picture-url",
        metavar="URL",
        help="what precedes the path of a picture in these tasks (default: that of "
        "local files, /data/local-files/?d=)",
    )
    parser.add_argument(
        "--cvat", metavar="FILE", help="annotations, 'CVAT for images 1.1' (.xml)"
    )
    args = parser.parse_args()
    if args.picture_url is not None and args.label_studio is None:
        parser.error("--picture-url has no effect without --label-studio")
    return args


def main(options: dict) -> int:
    """Predict; return the exit status."""
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.deploy.predict.command import predict_and_tell

    return predict_and_tell(**options)


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(lambda: main(vars(parse_args())), "cannot predict", 2)

"""Write trained weights as one ONNX file: ``python tools/export.py CONFIG CHECKPOINT``.

The file takes frames as they come from a camera, and returns probabilities and classes.
docs/deploy.md says what is in it.
"""

import argparse

from config_arguments import add_cfg_options


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Export a segmentor, with its preprocessing and its threshold."
    )
    parser.add_argument(
        "config", help="config; of a distillation, the student is exported"
    )
    parser.add_argument("checkpoint", help="its weights, or a pattern that fits one")
    parser.add_argument("out", metavar="OUT.onnx", help="file to write")
    parser.add_argument(
        "--frames",
        type=int,
        default=16,
        help="frames of the validation part on which the file is compared with PyTorch "
        "(default: 16)",
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Export, and say how far the file is from PyTorch."""
    args = parse_args()
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.config.arguments import parse_options
    from mmseg_splashkd.deploy.command import export_and_tell

    export_and_tell(
        args.config,
        args.checkpoint,
        args.out,
        cfg_options=parse_options(args.cfg_options),
        frames=args.frames,
    )


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot export")

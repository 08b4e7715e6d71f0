"""Make an exported file small: ``python tools/quantize.py CONFIG IN.onnx OUT.xml``.

Its layers compute in 8 bits, where the validation part allows it. docs/deploy.md.
"""

import argparse

from config_arguments import add_cfg_options


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Quantise an exported file to 8 bits, for OpenVINO."
    )
    parser.add_argument("config", help="config with which it was exported")
    parser.add_argument("file", metavar="IN.onnx", help="file of tools/export.py")
    parser.add_argument("out", metavar="OUT.xml", help="file to write, with a .bin")
    parser.add_argument(
        "--frames",
        type=int,
        default=100,
        help="frames of the training part from which ranges are taken (default: 100)",
    )
    parser.add_argument(
        "--max-drop",
        type=float,
        default=0.25,
        metavar="POINTS",
        help="points that the score of the validation part may drop; layers are left "
        "in float until it does not drop more (default: 0.25)",
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Quantise, and say what it cost."""
    options = vars(parse_args())
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.config.arguments import parse_options
    from mmseg_splashkd.deploy.command import quantise_and_tell

    options["cfg_options"] = parse_options(options["cfg_options"])
    quantise_and_tell(**options)


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot quantise")

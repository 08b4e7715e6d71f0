"""Is an exported file as good as its weights, and how fast? ``python tools/verify.py``.

Tests the weights and every file in every engine on the same frames. docs/deploy.md
explains the table. Exit status: 2 if they cannot be tested.
"""

import argparse

from config_arguments import add_cfg_options


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Test files that were made of weights, with a verdict on each."
    )
    parser.add_argument("config", help="config of the weights, with a test part")
    parser.add_argument("checkpoint", help="the weights, or a pattern that fits one")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="files of export.py and quantize.py"
    )
    parser.add_argument(
        "--engines",
        nargs="+",
        default=(),
        metavar="NAME",
        help="torch torch_compile onnxruntime openvino openvino_bf16 (default: all "
        "that are installed, without torch_compile)",
    )
    parser.add_argument(
        "--margin",
        type=float,
        default=0.5,
        help="points within which a score counts as equal (default: 0.5)",
    )
    parser.add_argument(
        "--threads", type=int, help="threads of the engines (default: their own choice)"
    )
    parser.add_argument(
        "--rounds", type=int, default=20, help="timed rounds (default: 20)"
    )
    parser.add_argument(
        "--work-dir", help="folder of the scores (default: work_dirs/<config>_verify)"
    )
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument(
        "--json",
        dest="json_file",
        metavar="FILE",
        help="also write the table to this file",
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Verify, and print the table."""
    options = vars(parse_args())
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.config.arguments import parse_options
    from mmseg_splashkd.deploy.verdicts import tell
    from mmseg_splashkd.deploy.verify import verify

    markdown, json_file = options.pop("markdown"), options.pop("json_file")
    options["cfg_options"] = parse_options(options["cfg_options"])
    tell(verify(**options), markdown, json_file)


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(main, "cannot verify", 2)

"""Options of the tools that predict by an exported file or by weights."""

import argparse


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``, ``--engine`` and ``--threads``.

    Args:
        parser: Parser to which they are added.
    """
    parser.add_argument(
        "--config", help="config of weights (default: the one in their record)"
    )
    parser.add_argument(
        "--engine",
        help="onnxruntime (default), openvino or openvino_bf16; auto: the fastest here "
        "that predicts the same; of weights torch or torch_compile",
    )
    parser.add_argument("--threads", type=int, help="default: one for each core")

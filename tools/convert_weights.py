"""Write weights for transformers: ``tools/convert_weights.py CONFIG WEIGHTS``."""

import argparse
from collections.abc import Sequence

from config_arguments import add_cfg_options

PARTS = ("model", "encoder")


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Write trained weights as a folder that from_pretrained of "
        "transformers reads, and that can be uploaded to the Hugging Face Hub: "
        "config.json, model.safetensors, preprocessor_config.json. "
        "PretrainedWeights and TransformersSegmentor read it back."
    )
    parser.add_argument(
        "config", help="config of the model; of a distillation, the student is written"
    )
    parser.add_argument("checkpoint", help="weights, or a pattern that fits one file")
    parser.add_argument("--out", required=True, help="folder to write")
    parser.add_argument(
        "--part",
        choices=PARTS,
        default="model",
        help="the whole TransformersSegmentor (default), or the SegFormer encoder of "
        "any model",
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def main(options: dict) -> None:
    """Write the folder."""
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.config.arguments import parse_options
    from mmseg_splashkd.runs.write_folder import write_trained

    options["cfg_options"] = parse_options(options["cfg_options"])
    print(f"Folder of transformers: {write_trained(**options)}")


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(lambda: main(vars(parse_args())), "cannot convert the weights")

"""Writes a segmentor as one self-describing ONNX file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.deploy.deployed import Deployed
from mmseg_splashkd.deploy.early_fusion import with_early_fusion
from mmseg_splashkd.deploy.exportable import check_exportable
from mmseg_splashkd.deploy.of_config import deployed_of
from mmseg_splashkd.deploy.onnx_file import check_model, onnx
from mmseg_splashkd.deploy.parity import Parity, compare_with_torch
from mmseg_splashkd.deploy.quiet import quiet
from mmseg_splashkd.deploy.spread_frames import spread_frames
from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.files import check_writable, whole_file
from mmseg_splashkd.foreign import one_line
from mmseg_splashkd.models.segmentors.heads import decode_heads

OPSET = 20
FRAMES, OUTPUTS = "frames", ("probabilities", "classes")
LOGGERS = ("onnxscript", "onnx_ir", "torch.onnx")
LARGEST = 2**14  # pixels of a side, and frames of a batch


def export_onnx(
    config: str | Path,
    checkpoint: str | Path,
    out: str | Path,
    cfg_options: dict[str, Any] | None = None,
    frames: int = 16,
) -> Parity:
    """Export a segmentor, and compare the file with PyTorch before it is written.

    The file takes uint8 RGB frames (N, H, W, 3) of any number and size, and returns
    probabilities (N, C, H, W) and classes (N, H, W); see ``Deployed``.

    Args:
        config: Config file; of a distillation, the student is exported.
        checkpoint: Its weights.
        out: ONNX file to write.
        cfg_options: Dotted config keys to override.
        frames: Number of frames of the validation part that are compared, from 1.

    Returns:
        How far ONNX Runtime is from PyTorch.

    Raises:
        FileNotFoundError: Config, weights or frames are missing.
        ImportError: The extra ``deploy`` is not installed.
        ValueError: The config cannot be exported, the file differs from PyTorch, or
            ``out`` does not end in ``.onnx``.
    """
    if Path(out).suffix.lower() != ".onnx":
        raise ValueError(f"OUT={out} must end in .onnx: it is written anew")
    check_writable(Path(out).parent, "OUT")
    for module in ("onnx", "onnxscript", "onnxruntime"):
        import_extra(module, "exports", "deploy")
    cfg = read_config(str(config), cfg_options or {})
    check_exportable(cfg)
    drawn = spread_frames(cfg, "val_dataloader", frames)
    deployed, meta = deployed_of(cfg, checkpoint)
    model = traced(deployed)
    parity = compare_with_torch(model.SerializeToString(), deployed, drawn)
    parity.check()
    meta = replace(meta, parity=parity.figures)
    onnx().helper.set_model_props(model, meta.entries())
    check_model(model, out)
    with whole_file(out) as partial:
        onnx().save(model, str(partial))
    return parity


def traced(deployed: Deployed, early_fusion: bool = True) -> Any:
    """The ONNX model of a deployed function.

    Args:
        deployed: The function, in the mode of tests.
        early_fusion: Whether a ``SegformerHead`` is exchanged, see ``EarlyFusionHead``.

    Raises:
        ValueError: A part of the network cannot be traced, or has an operator that ONNX
            lacks.
    """
    height, width = deployed.size
    example = torch.zeros(2, height + 3, width + 5, 3, dtype=torch.uint8)
    with torch.no_grad(), quiet(*LOGGERS):
        deployed(example)  # heads keep their embedding: in a trace it is no number
        try:
            function = with_early_fusion(deployed) if early_fusion else deployed
            return _onnx_of(function, example)
        except Exception as error:  # of any kind: by any module of the network
            raise ValueError(
                f"{_parts(deployed.network)} cannot be exported to ONNX: "
                f"{one_line(str(error))}. Choose a backbone and a head of the table in "
                f"docs/deploy.md, or run the weights in PyTorch"
            ) from error


def _onnx_of(deployed: Deployed, example: torch.Tensor) -> Any:
    dims = {
        axis: torch.export.Dim(name, min=1, max=LARGEST)
        for axis, name in enumerate(("frames", "height", "width"))
    }
    # Traced here: where this fails, torch.onnx tries others, which may fix the sizes.
    traced = torch.export.export(deployed, (example,), dynamic_shapes=(dims,))
    program = torch.onnx.export(
        traced,
        dynamo=True,
        input_names=[FRAMES],
        output_names=list(OUTPUTS),
        opset_version=OPSET,
        verbose=False,
    )
    assert program is not None, "of dynamo=True"
    return program.model_proto


def _parts(network: Any) -> str:
    parts = [network.backbone, *decode_heads(network)]
    names = ", ".join(type(part).__name__ for part in parts)
    return f"{type(network).__name__} of {names}"

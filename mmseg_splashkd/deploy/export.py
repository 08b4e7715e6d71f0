"""Writes a segmentor as one self-describing ONNX file."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.deploy.deployed import Deployed
from mmseg_splashkd.deploy.of_config import deployed_of
from mmseg_splashkd.deploy.onnx_file import check_model, onnx
from mmseg_splashkd.deploy.parity import Parity, compare_with_torch
from mmseg_splashkd.deploy.spread_frames import spread_frames
from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.files import whole_file

OPSET = 20
FRAMES, OUTPUTS = "frames", ("probabilities", "classes")
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
        ValueError: The config cannot be exported, or the file differs from PyTorch.
    """
    for module in ("onnx", "onnxscript", "onnxruntime"):
        import_extra(module, "exports", "deploy")
    cfg = read_config(str(config), cfg_options or {})
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


def traced(deployed: Deployed) -> Any:
    """The ONNX model of a deployed function.

    Args:
        deployed: The function, in the mode of tests.
    """
    height, width = deployed.size
    example = torch.zeros(2, height + 3, width + 5, 3, dtype=torch.uint8)
    dims = {
        axis: torch.export.Dim(name, min=1, max=LARGEST)
        for axis, name in enumerate(("frames", "height", "width"))
    }
    with torch.no_grad(), _quiet():
        deployed(example)  # heads keep their embedding: in a trace it is no number
        program = torch.onnx.export(
            deployed,
            (example,),
            dynamo=True,
            dynamic_shapes=(dims,),
            input_names=[FRAMES],
            output_names=list(OUTPUTS),
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None, "of dynamo=True"
    return program.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the words of the exporter on itself."""
    loggers = [logging.getLogger(name) for name in ("onnxscript", "torch.onnx")]
    levels = [each.level for each in loggers]
    try:
        for each in loggers:
            each.setLevel(logging.ERROR)
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)

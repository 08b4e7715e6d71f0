"""Writes a segmentor as one self-describing ONNX file."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint, tensors_sha256
from mmseg_splashkd.config.data_check import coding_of
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_text, text_sha256
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.deploy.deployed import Deployed
from mmseg_splashkd.deploy.metadata import DeployedMeta
from mmseg_splashkd.deploy.onnx_file import check_model, onnx
from mmseg_splashkd.deploy.parity import Parity, compare_with_torch, validation_frames
from mmseg_splashkd.deploy.pipeline import check_preprocessor, trained_size
from mmseg_splashkd.evaluation.operating_point.stored import OPERATING_POINT
from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.files import whole_file
from mmseg_splashkd.models.teacher.renormalise import normalisation
from mmseg_splashkd.runs.open_network import open_network
from mmseg_splashkd.version import __version__

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
    weights = find_checkpoint(str(checkpoint))
    meta = _meta(cfg, weights)
    drawn = validation_frames(cfg, frames)
    size = trained_size(cfg) or drawn[0].shape[:2]
    deployed = _deployed(cfg, weights, meta, size)
    model = traced(deployed)
    parity = compare_with_torch(model.SerializeToString(), deployed, drawn)
    parity.check()
    applied = normalisation(deployed.network)
    meta = replace(
        meta,
        size=size,
        mean=applied["mean"] and tuple(applied["mean"]),
        std=applied["std"] and tuple(applied["std"]),
        parity=parity.figures,
    )
    onnx().helper.set_model_props(model, meta.entries())
    check_model(model, out)
    with whole_file(out) as partial:
        onnx().save(model, str(partial))
    return parity


def _meta(cfg: Config, weights: Path) -> DeployedMeta:
    """Entries of a config and its weights; size and parity follow."""
    stored = read_checkpoint(weights)
    about, coding = stored["meta"], coding_of(cfg)
    point = about.get(OPERATING_POINT) or {}
    thresholds = {}
    if point and len(coding.classes) == 2:
        thresholds = {point["class"]: point["threshold"]}
    packages = ("torch", "onnx", "onnxscript", "onnxruntime")
    found = {name: import_extra(name, "exports", "deploy") for name in packages}
    versions = {name: str(module.__version__) for name, module in found.items()}
    return DeployedMeta(
        classes=tuple(coding.classes),
        palette=tuple(tuple(map(int, colour)) for colour in coding.palette),
        gray_to_train_id=dict(coding.gray_to_train_id),
        size=(0, 0),
        mean=None,
        std=None,
        thresholds=thresholds,
        config_sha256=text_sha256(config_text(cfg)),
        weights_sha256=tensors_sha256(stored["state_dict"]),
        run=str(about.get("run") or ""),
        versions={"mmseg_splashkd": __version__, **versions},
        parity={},
    )


def _deployed(
    cfg: Config, weights: Path, meta: DeployedMeta, size: tuple[int, int]
) -> Deployed:
    mode = (plain_model(cfg.model).get("test_cfg") or {}).get("mode", "whole")
    if mode != "whole":
        raise ValueError(
            f"model.test_cfg.mode={mode!r} cannot be exported: only 'whole' can"
        )
    network = open_network(cfg, weights)
    check_preprocessor(network)
    ((name, threshold),) = meta.thresholds.items() or ((None, 0.5),)
    class_id = None if name is None else meta.classes.index(name)
    return Deployed(network, size, class_id, threshold).eval()


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
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # those of the exporter on itself
        yield

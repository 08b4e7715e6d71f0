"""The networks of benchmarks/inference.py, and the files that are made of them."""

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.deploy import ir_file
from mmseg_splashkd.deploy.deployed import Deployed
from mmseg_splashkd.deploy.export import traced
from mmseg_splashkd.deploy.metadata import DeployedMeta
from mmseg_splashkd.deploy.onnx_file import onnx
from mmseg_splashkd.deploy.quantise import NO_REPORTS, folded
from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.models.segmentors.heads import last_head
from mmseg_splashkd.runs.open_network import open_network

PURPOSE = "the ways of benchmarks/inference.py"
CALIBRATION = 3  # frames; the speed does not depend on the ranges


def deployed_of_args(args: Namespace, side: int) -> Deployed:
    """The deployed function of the command line, for frames of side x side.

    Args:
        args: ``config``, and ``checkpoint``, without which weights are random.
        side: Height and width to which frames are resized, in px.
    """
    cfg = read_config(str(args.config), {})
    init_default_scope("mmseg")
    torch.manual_seed(0)
    if args.checkpoint:
        network = open_network(cfg, args.checkpoint)
    else:
        network = MODELS.build(plain_model(cfg.model)).eval()
    deployed = Deployed(network, (side, side), 1).eval()
    if not args.checkpoint:
        _spread(deployed)
    return deployed


def _spread(deployed: Deployed) -> None:
    """Scale the last layer: probabilities of random weights are all alike."""
    head: Any = last_head(deployed.network)
    layer: nn.Conv2d = head.conv_seg
    frames = torch.from_numpy(random_frames(1, *deployed.size))
    with torch.no_grad():
        deviation = deployed(frames)[0][:, 1].logit().std()
        layer.weight /= deviation


def random_frames(number: int, height: int, width: int) -> np.ndarray:
    """Frames (N, H, W, 3) uint8: blocks of colour with some noise, as pictures have."""
    draw = np.random.default_rng(0)
    blocks = draw.integers(0, 224, (number, height // 16 + 1, width // 16 + 1, 3))
    large = blocks.repeat(16, 1).repeat(16, 2)[:, :height, :width]
    return (large + draw.integers(0, 32, large.shape)).astype(np.uint8)


def onnx_of(folder: Path, side: int, late: bool = False) -> Path:
    """The exported file of a size; ``late``: with the fusion as in training."""
    return folder / f"{'late' if late else 'student'}_{side}.onnx"


def quantised_of(folder: Path, side: int) -> Path:
    """The file in 8 bits of a size."""
    return folder / f"student_{side}.xml"


def write_files(args: Namespace, side: int, folder: Path) -> None:
    """Export and quantise the network of the command line.

    Args:
        args: See ``deployed_of_args``; and ``sizes``, of the smallest of which the file
            with the late fusion is written, too.
        side: Height and width to which frames are resized, in px.
        folder: Where the files are written.
    """
    deployed = deployed_of_args(args, side)
    meta = meta_of(deployed)
    for late in (False, True) if side == min(args.sizes) else (False,):
        model = traced(deployed, early_fusion=not late)
        onnx().helper.set_model_props(model, meta.entries())
        onnx().save(model, str(onnx_of(folder, side, late)))
    os.environ.setdefault(NO_REPORTS, "1")
    nncf: Any = import_extra("nncf", PURPOSE, "deploy")
    openvino: Any = import_extra("openvino", PURPOSE, "deploy")
    exported = openvino.Core().read_model(str(onnx_of(folder, side)))
    frames = random_frames(CALIBRATION, side, side)
    quantised = nncf.quantize(
        folded(exported),
        nncf.Dataset([each[None] for each in frames], lambda x: {"frames": x}),
        subset_size=CALIBRATION,
        model_type=nncf.ModelType.TRANSFORMER,
    )
    ir_file.write(quantised, meta, quantised_of(folder, side))


def meta_of(deployed: Deployed) -> DeployedMeta:
    """What a file of a function says of itself, as far as engines need it."""
    classes = tuple(f"class {each}" for each in range(deployed.network.num_classes))
    return DeployedMeta(
        classes=classes,
        palette=((0, 0, 0),) * len(classes),
        gray_to_train_id=dict(enumerate(range(len(classes)))),
        train_id_to_gray={},
        size=deployed.size,
        mean=None,
        std=None,
        thresholds={},
        config_sha256="",
        weights_sha256="",
        run="",
        versions={},
        parity={},
    )

"""The ways of benchmarks/inference.py from a decoded frame to a label map."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import torch
from inference_networks import PURPOSE, deployed_of_args, meta_of, onnx_of, quantised_of
from mmengine.config import Config
from mmseg.apis import inference_model

from mmseg_splashkd.deploy.engines import installed, open_engine
from mmseg_splashkd.deploy.engines.pytorch import PyTorchEngine
from mmseg_splashkd.extras import import_extra

Way = Callable[[np.ndarray], np.ndarray]  # (H, W, 3) uint8 RGB -> (H, W) classes
EAGER, HOST, PEER, COMPILED = "torch", "mmseg", "transformers", "torch_compile"
INT8 = "INT8"


def names_of_ways(skip: tuple[str, ...] = ()) -> list[str]:
    """Names of all ways that this machine has, PyTorch first.

    Args:
        skip: Names to leave out.
    """
    compiled = [COMPILED] if which("g++") or which("clang++") else []
    engines = installed()
    quantised = [f"{each} {INT8}" for each in engines if each.startswith("openvino")]
    names = [EAGER, HOST, PEER, *compiled, *engines, *quantised]
    return [each for each in names if each not in skip]


def way_of(name: str, args: Namespace, side: int, threads: int, folder: Path) -> Way:
    """Open a way.

    Args:
        name: One of ``names_of_ways``.
        args: See ``deployed_of_args``.
        side: Height and width to which frames are resized, in px.
        threads: Number of threads.
        folder: Where ``write_files`` has written.
    """
    if name == PEER:
        return _transformers(side)
    if name == HOST:
        return _host(args, side)
    engine: Any
    if name in (EAGER, COMPILED):
        deployed = deployed_of_args(args, side)
        engine = PyTorchEngine(deployed, meta_of(deployed), name)
    else:
        kind, _, quantised = name.partition(" ")
        file = quantised_of if quantised else onnx_of
        engine = open_engine(kind, file(folder, side), threads)
    return lambda frame: engine.run(frame[None])[1][0]


def _host(args: Namespace, side: int) -> Way:
    """``inference_model`` of MMSegmentation."""
    network = deployed_of_args(args, side).network
    steps = [
        {"type": "LoadImageFromNDArray"},
        {"type": "Resize", "scale": (side, side), "keep_ratio": False},
        {"type": "PackSegInputs"},
    ]
    network.cfg = Config({"test_pipeline": steps})

    def run(frame: np.ndarray) -> np.ndarray:
        found: Any = inference_model(network, np.ascontiguousarray(frame[..., ::-1]))
        return found.pred_sem_seg.data[0].numpy()

    return run


def _transformers(side: int) -> Way:
    """SegFormer-B0 of transformers, as its documentation shows."""
    torch.manual_seed(0)
    library: Any = import_extra("transformers", PURPOSE, "transformers")
    config = library.SegformerConfig(num_labels=2)
    network = library.SegformerForSemanticSegmentation(config).eval()
    size = {"height": side, "width": side}
    processor = library.SegformerImageProcessor(size=size)

    def run(frame: np.ndarray) -> np.ndarray:
        inputs = processor(images=frame, return_tensors="pt")
        with torch.no_grad():
            outputs = network(**inputs)
        sizes = [frame.shape[:2]]
        found = processor.post_process_semantic_segmentation(outputs, sizes)
        return found[0].numpy()

    return run

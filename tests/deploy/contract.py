"""What every exported network keeps: it computes what a test of MMSegmentation does."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_splashkd.deploy.deployed import Deployed
from mmseg_splashkd.deploy.engines import installed, open_engine
from mmseg_splashkd.deploy.export import traced
from mmseg_splashkd.deploy.metadata import DeployedMeta
from mmseg_splashkd.deploy.onnx_file import onnx, read_meta
from mmseg_splashkd.models.segmentors.heads import last_head

SIZE = (48, 80)  # no multiple of 32
SHAPES = ((2, 45, 67), (1, 33, 50), (3, *SIZE))  # odd sizes, and that without a resize
Outputs = tuple[np.ndarray, np.ndarray]


def build(model: ConfigDict) -> Deployed:
    """A deployed function with random weights whose outputs differ from pixel to pixel.

    Args:
        model: Config of a plain model, small.
    """
    torch.manual_seed(0)
    network: Any = MODELS.build(model)
    _spread(network)
    two = network.num_classes == 2
    return Deployed(network.eval(), SIZE, 1 if two else None, 0.4).eval()


def _spread(network: Any) -> None:
    """Normalise what layers see, and logits: those of random weights are all alike."""
    frames = torch.from_numpy(random_frames((2, *SIZE))).permute(0, 3, 1, 2)
    inputs = {
        "inputs": list(frames),
        "data_samples": [SegDataSample(), SegDataSample()],
    }
    images = network.data_preprocessor(inputs)["inputs"]
    network.train()
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.train()  # also what norm_eval keeps
            module.momentum = None
    with torch.no_grad():
        network._forward(images)
        network.eval()
        shape = [dict.fromkeys(("img_shape", "pad_shape", "ori_shape"), SIZE)]
        deviation = network.encode_decode(images, shape).std()
        for weight in last_head(network).conv_seg.parameters():
            weight /= deviation


def random_frames(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Frames (N, H, W, 3) of noise."""
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def check_host(deployed: Deployed) -> None:
    """Compare with the host's own test of a frame that has the trained size."""
    (frame,) = random_frames((1, *SIZE), seed=1)
    probabilities, _ = _outputs(deployed, frame[None])
    expected = host_probabilities(deployed.network, frame[..., ::-1])
    assert expected.std() > 0.02, "the test compares constants"
    np.testing.assert_allclose(probabilities[0], expected, atol=1e-5)


def host_probabilities(network: Any, bgr: np.ndarray) -> np.ndarray:
    """Probabilities (C, H, W) by the host's own test of a frame as it is."""
    shape = dict.fromkeys(("ori_shape", "img_shape"), bgr.shape[:2])
    image = torch.from_numpy(bgr.copy()).permute(2, 0, 1)
    sample = SegDataSample(metainfo=shape)
    with torch.no_grad():
        (found,) = network.test_step({"inputs": [image], "data_samples": [sample]})
    logits = found.seg_logits.data
    if len(logits) == 1:  # of which the host has taken the sigmoid
        return torch.cat([1 - logits, logits]).numpy()
    return logits.softmax(0).numpy()


def check_export(deployed: Deployed, folder: Path) -> None:
    """Export, and compare with PyTorch in every engine that is installed.

    Args:
        deployed: The function.
        folder: Where the file is written.
    """
    file = folder / "network.onnx"
    model = traced(deployed)
    onnx().helper.set_model_props(model, _meta(deployed).entries())
    onnx().save(model, str(file))
    read_meta(file)  # runs the checker of ONNX
    for name in installed():
        if name.endswith("bf16"):
            continue
        engine = open_engine(name, file, threads=1)
        for shape in SHAPES:
            frames = random_frames(shape, seed=2)
            found, expected = engine.run(frames), _outputs(deployed, frames)
            _check_outputs(deployed, found, shape)
            _check_parity(found, expected, resized=shape[1:] != SIZE)


def _check_outputs(deployed: Deployed, found: Outputs, shape: tuple[int, ...]) -> None:
    probabilities, classes = found
    number = deployed.network.num_classes
    assert (probabilities.dtype, classes.dtype) == (np.float32, np.uint8)
    assert probabilities.shape == (shape[0], number, *shape[1:])
    assert classes.shape == shape
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    decided = probabilities.argmax(1)
    if deployed.class_id is not None:
        decided = probabilities[:, 1] >= np.float32(deployed.threshold)
    np.testing.assert_array_equal(classes, decided)


def _check_parity(found: Outputs, expected: Outputs, resized: bool) -> None:
    """Compare; where frames are resized, halves of a gray level round either way."""
    difference = np.abs(found[0] - expected[0])
    changed = (found[1] != expected[1]).mean()
    if resized:
        assert difference.mean() < 1e-2
        assert changed < 0.02
    else:
        assert difference.max() < 1e-3
        assert changed < 2e-3


def _outputs(deployed: Deployed, frames: np.ndarray) -> Outputs:
    with torch.no_grad():
        probabilities, classes = deployed(torch.from_numpy(frames))
    return probabilities.numpy(), classes.numpy()


def _meta(deployed: Deployed) -> DeployedMeta:
    number = deployed.network.num_classes
    return DeployedMeta(
        classes=tuple(f"class {index}" for index in range(number)),
        palette=((0, 0, 0),) * number,
        gray_to_train_id={0: 0},
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

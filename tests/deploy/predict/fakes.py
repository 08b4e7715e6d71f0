"""A model without a network: red is splash."""

from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.label_coding import SPLASH
from mmseg_splashkd.deploy import SplashModel
from mmseg_splashkd.deploy.metadata import DeployedMeta

META = DeployedMeta(
    classes=tuple(SPLASH.classes),
    palette=tuple(map(tuple, SPLASH.palette)),
    gray_to_train_id=SPLASH.gray_to_train_id,
    train_id_to_gray=SPLASH.train_id_to_gray,
    size=(8, 8),
    mean=None,
    std=None,
    thresholds={},
    config_sha256="c",
    weights_sha256="w",
    run="red",
    versions={},
    parity={},
)


class RedEngine:
    """The probability of splash is the red channel; counts the frames."""

    name = "red"
    meta = META
    frames = 0

    def run(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Engine``."""
        self.frames += len(frames)
        red = frames[..., 0].astype(np.float32) / 255
        return np.stack([1 - red, red], 1), (red >= 0.5).astype(np.uint8)


def red_model() -> SplashModel:
    return SplashModel(RedEngine())


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    shape = (height, width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def write(path: Path, pixels: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path

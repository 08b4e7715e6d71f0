"""PyTorch, from which a file was exported."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.deploy.deployed import Deployed
from mmseg_splashkd.deploy.engines.engine import checked_frames
from mmseg_splashkd.deploy.metadata import DeployedMeta
from mmseg_splashkd.deploy.of_config import deployed_of

PYTORCH = ("torch", "torch_compile")  # of weights


class PyTorchEngine:
    """The deployed function in PyTorch, with as many threads as PyTorch has.

    Args:
        deployed: The function.
        meta: What a file of it would say.
        name: One of ``PYTORCH``; ``'torch_compile'`` compiles it at the first frame of
            each size, which needs a C++ compiler.
    """

    def __init__(
        self, deployed: Deployed, meta: DeployedMeta, name: str = "torch"
    ) -> None:
        self.name = name
        self.meta = meta
        compiled = name == "torch_compile"
        self._run: Any = torch.compile(deployed) if compiled else deployed

    def run(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Engine``."""
        with torch.inference_mode():
            found = self._run(torch.from_numpy(checked_frames(frames)))
        probabilities, classes = (each.numpy() for each in found)
        return probabilities, classes


def open_pytorch(
    config: str | Path,
    checkpoint: str | Path,
    cfg_options: dict[str, Any] | None = None,
    name: str = "torch",
) -> PyTorchEngine:
    """The deployed function of weights, without a file.

    Args:
        config: Config file; of a distillation, the student is opened.
        checkpoint: Its weights.
        cfg_options: Dotted config keys to override.
        name: One of ``PYTORCH``, see ``PyTorchEngine``.

    Raises:
        FileNotFoundError: Config, weights or, where the config resizes no frame, frames
            are missing.
        ValueError: The config cannot be deployed, or ``name`` is none of ``PYTORCH``.
    """
    if name not in PYTORCH:
        raise ValueError(f"engine {name!r} is none of {', '.join(PYTORCH)}")
    cfg = read_config(str(config), cfg_options or {})
    deployed, meta = deployed_of(cfg, checkpoint)
    return PyTorchEngine(deployed, meta, name)

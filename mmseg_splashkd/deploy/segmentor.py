"""A deployed file as a model, so that a test runs it like any other."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmseg.registry import MODELS

from mmseg_splashkd.datasets.image_file import read_as_training
from mmseg_splashkd.deploy.engines import (
    PYTORCH,
    Engine,
    default_engine,
    open_engine,
    open_pytorch,
)
from mmseg_splashkd.files import file_sha256

SMALLEST = 1e-12  # the logarithm of 0 is no logit


@MODELS.register_module()
class DeployedSegmentor(BaseModel):
    """Predicts the frames of a data set by a deployed file, from the pictures on.

    The pipeline of the data set gives names and labels of frames. What it does to
    their pixels is not used: the file has its own resize and normalisation.

    Args:
        exported: ONNX file, or OpenVINO's ``.xml``; of an engine of PyTorch, weights.
        engine: Name of an engine, see ``open_engine`` and ``open_pytorch``; None: that
            of ``default_engine``.
        threads: Number of threads; None: one for each core, or those of PyTorch.
        config: Config of the weights.
        cfg_options: Dotted config keys to override.

    Raises:
        FileNotFoundError, ImportError, ValueError: See ``open_engine``.
    """

    def __init__(
        self,
        exported: str | Path,
        engine: str | None = None,
        threads: int | None = None,
        config: str | Path = "",
        cfg_options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.engine: Engine
        if engine in PYTORCH:
            self.engine = open_pytorch(config, exported, cfg_options, engine)
        else:
            name = engine or default_engine(exported)
            self.engine = open_engine(name, exported, threads)
        # What identifies its scores, see ``FrameScoresHook``.
        self.about = {
            "run": self.engine.meta.run or None,
            "checkpoint": str(exported),
            "checkpoint_sha256": file_sha256(exported),
            "engine": self.engine.name,
            "threshold": next(iter(self.engine.meta.thresholds.values()), None),
        }

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = "") -> Any:
        """Not used: it has no weights that could be trained.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("a deployed file predicts whole frames: test_step")

    def test_step(self, data: Any) -> list[Any]:
        """Predict the frames of a batch, each from its file.

        Args:
            data: ``data_samples``: B samples with ``img_path``.

        Returns:
            The samples with ``pred_sem_seg`` (1, H, W), decided as in the file, and
            ``seg_logits`` (C, H, W), logarithms of probabilities.
        """
        return [self._predicted(each) for each in data["data_samples"]]

    def val_step(self, data: Any) -> list[Any]:
        """As ``test_step``."""
        return self.test_step(data)

    def _predicted(self, sample: Any) -> Any:
        frame = read_as_training(sample.img_path)
        probabilities, classes = self.engine.run(frame[None])
        logits = np.log(np.maximum(probabilities[0], SMALLEST))
        sample.seg_logits = PixelData(data=torch.from_numpy(logits))
        found = torch.from_numpy(classes.astype(np.int64))
        sample.pred_sem_seg = PixelData(data=found)
        return sample

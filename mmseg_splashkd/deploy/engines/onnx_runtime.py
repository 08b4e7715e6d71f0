"""ONNX Runtime on the CPU."""

from pathlib import Path
from typing import Any

import numpy as np

from mmseg_splashkd.deploy.engines.engine import checked_frames
from mmseg_splashkd.deploy.metadata import DeployedMeta
from mmseg_splashkd.extras import import_extra


class OnnxRuntimeEngine:
    """A deployed file in ONNX Runtime; threads may share it.

    Args:
        content: File, or its bytes.
        meta: What it says of itself.
        threads: Threads of an operator, from 1; None: one for each core.

    Raises:
        ImportError: ONNX Runtime is not installed.
    """

    name = "onnxruntime"

    def __init__(
        self, content: bytes | Path, meta: DeployedMeta, threads: int | None = None
    ) -> None:
        runtime: Any = import_extra("onnxruntime", "deployed files", "deploy")
        options = runtime.SessionOptions()
        options.log_severity_level = 3  # its warnings are about its own graph passes
        options.intra_op_num_threads = threads or 0
        self.meta = meta
        self._session = runtime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )

    def run(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Engine``."""
        probabilities, classes = self._session.run(
            None, {"frames": checked_frames(frames)}
        )
        return probabilities, classes

"""OpenVINO on the CPU."""

from pathlib import Path
from typing import Any

import numpy as np

from mmseg_splashkd.deploy.engines.engine import checked_frames
from mmseg_splashkd.deploy.metadata import DeployedMeta
from mmseg_splashkd.extras import import_extra

PRECISIONS = {"openvino": "f32", "openvino_bf16": "bf16"}


class OpenVinoEngine:
    """A deployed file in OpenVINO; threads may share it.

    Args:
        file: The file.
        meta: What it says of itself.
        threads: Number of threads, from 1; None: one for each core.
        name: ``'openvino'`` computes in float32, ``'openvino_bf16'`` in bfloat16. Both
            compute in integers where the file is quantised.

    Raises:
        ImportError: OpenVINO is not installed.
        ValueError: This CPU has no bfloat16.
    """

    def __init__(
        self,
        file: Path,
        meta: DeployedMeta,
        threads: int | None = None,
        name: str = "openvino",
    ) -> None:
        openvino: Any = import_extra("openvino", "this engine and INT8", "deploy")
        core = openvino.Core()
        if name == "openvino_bf16" and not has_bf16(core):
            raise ValueError(
                "engine 'openvino_bf16': this CPU has no bfloat16; take 'openvino'"
            )
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": PRECISIONS[name],
            "PERFORMANCE_HINT": "LATENCY",
        }
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        self.name = name
        self.meta = meta
        self._compiled = core.compile_model(str(file), "CPU", settings)

    def run(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Engine``."""
        request = self._compiled.create_infer_request()
        found = request.infer({"frames": checked_frames(frames)})
        # Of the request's own memory, which the next one may take.
        return found["probabilities"].copy(), found["classes"].copy()


def has_bf16(core: Any) -> bool:
    """Whether this CPU computes in bfloat16."""
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")

"""OpenVINO on the CPU."""

import threading
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_splashkd.deploy.engines.engine import checked_frames
from mmseg_splashkd.deploy.engines.fixed_shape import of_shape
from mmseg_splashkd.deploy.engines.open_vino_core import open_vino_core
from mmseg_splashkd.deploy.metadata import DeployedMeta

PRECISIONS = {"openvino": "f32", "openvino_bf16": "bf16"}
SHAPES = 2  # of frames, each with a network of its own
Shape = tuple[int, ...]


class OpenVinoEngine:
    """A deployed file in OpenVINO; threads may share it.

    The network is compiled for the shape of the first frames, and for that of the
    second shape that comes. Frames of all others share one for any shape, which is
    slower.

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
        core = open_vino_core()
        if name == "openvino_bf16" and not has_bf16():
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
        self._core, self._settings = core, settings
        self._model = core.read_model(str(file))
        self._compiled: dict[Shape | None, Any] = {}  # None: any shape
        self._lock = threading.Lock()

    def run(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Engine``."""
        checked = checked_frames(frames)
        request = self._network(checked.shape).create_infer_request()
        found = request.infer({"frames": checked})
        # Of the request's own memory, which the next one may take.
        return found["probabilities"].copy(), found["classes"].copy()

    def _network(self, shape: Shape) -> Any:
        """The compiled network for frames of a shape."""
        with self._lock:
            fixed = shape in self._compiled or len(self._compiled) < SHAPES
            key = shape if fixed else None
            if key not in self._compiled:
                model = of_shape(self._model, shape) if fixed else self._model
                compiled = self._core.compile_model(model, "CPU", self._settings)
                self._compiled[key] = compiled
            return self._compiled[key]


def has_bf16() -> bool:
    """Whether this CPU computes in bfloat16."""
    core = open_vino_core()
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")

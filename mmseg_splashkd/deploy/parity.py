"""How far a deployed file is from PyTorch, on real frames."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from mmseg_splashkd.extras import import_extra

# Rounding to gray levels after the resize may fall to the other side of one half.
PROBABILITY, CHANGED = 0.01, 0.01


@dataclass(frozen=True)
class Parity:
    """Differences between a file in ONNX Runtime and PyTorch.

    Args:
        frames: Number of frames.
        probability: Largest difference of a probability.
        changed: Share of the pixels whose class differs, in [0, 1].
    """

    frames: int
    probability: float
    changed: float

    @property
    def figures(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)

    def check(self) -> None:
        """Refuse a file that is not what PyTorch computes.

        Raises:
            ValueError: A figure lies above its bound.
        """
        # Not the reverse: NaN lies within no bound.
        if not (self.probability <= PROBABILITY and self.changed <= CHANGED):
            raise ValueError(
                f"on {self.frames} frames the file differs from PyTorch: a probability "
                f"by {self.probability:.2g} (at most {PROBABILITY}), the class of "
                f"{self.changed:.2%} of the pixels (at most {CHANGED:.1%}). Nothing "
                f"was written; the operators of this network are not exported well"
            )


def compare_with_torch(
    content: bytes, deployed: torch.nn.Module, frames: Sequence[np.ndarray]
) -> Parity:
    """Run frames by ONNX Runtime and by PyTorch.

    Args:
        content: The ONNX file.
        deployed: The module that it was made of.
        frames: Frames (H, W, 3), or batches of them (N, H, W, 3), uint8, RGB.
    """
    runtime: Any = import_extra("onnxruntime", "exports", "deploy")
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    worst, changed, pixels, count = 0.0, 0, 0, 0
    for frame in frames:
        batch = np.ascontiguousarray(frame[None] if frame.ndim == 3 else frame)
        own = session.run(None, {"frames": batch})
        with torch.no_grad():
            its = [each.numpy() for each in deployed(torch.from_numpy(batch))]
        worst = float(np.maximum(worst, np.abs(own[0] - its[0]).max()))  # keeps NaN
        changed += int((own[1] != its[1]).sum())
        pixels += own[1].size
        count += len(batch)
    return Parity(count, worst, changed / pixels)

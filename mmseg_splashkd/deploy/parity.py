"""How far a deployed file is from PyTorch, on real frames."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from mmseg_splashkd.config.frames import listed_frames
from mmseg_splashkd.datasets.image_file import read_as_training
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


def validation_frames(cfg: Config, count: int) -> list[np.ndarray]:
    """Frames (H, W, 3) of the validation part, spread evenly over it, as RGB.

    Args:
        cfg: Resolved config.
        count: Their number, from 1; fewer where there are not so many.

    Raises:
        ValueError: ``count`` is below 1, or the part lists no frames.
    """
    if count < 1:
        raise ValueError(f"frames={count} must be at least 1")
    listed = listed_frames(cfg, "val_dataloader")
    if not listed:
        raise ValueError(
            "val_dataloader lists no frames on which the file could be compared"
        )
    chosen = np.unique(np.linspace(0, len(listed) - 1, count).round().astype(int))
    return [read_as_training(listed[index].image) for index in chosen]


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

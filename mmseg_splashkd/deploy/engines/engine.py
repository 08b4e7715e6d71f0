"""What all engines have in common."""

from typing import Any, Protocol

import numpy as np

from mmseg_splashkd.deploy.metadata import DeployedMeta


class Engine(Protocol):
    """Runs the deployed function, see ``Deployed``.

    Attributes:
        name: Name of the engine, such as ``'openvino'``.
        meta: What the file says of itself.
    """

    name: str
    meta: DeployedMeta

    def run(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict frames.

        Args:
            frames: (N, H, W, 3) uint8, RGB.

        Returns:
            Probabilities (N, C, H, W) float32 in [0, 1], and classes (N, H, W) uint8.

        Raises:
            ValueError: The frames are something else.
        """
        ...


def checked_frames(frames: Any) -> np.ndarray:
    """Frames as engines read them.

    Args:
        frames: (N, H, W, 3) uint8, RGB.

    Returns:
        The same, contiguous.

    Raises:
        TypeError: It is no array of uint8.
        ValueError: Its shape is another one, or empty.
    """
    if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8:
        kind = getattr(frames, "dtype", type(frames).__name__)
        raise TypeError(
            f"frames are {kind}, and must be an array of uint8: of 16 bits, keep the "
            f"upper 8; multiply values in [0, 1] by 255"
        )
    if frames.ndim != 4 or frames.shape[-1] != 3:
        raise ValueError(
            f"frames have shape {frames.shape}, and must be (N, H, W, 3), RGB: repeat "
            f"a gray channel three times, and leave out alpha"
        )
    if not frames.size:
        raise ValueError(f"frames are empty: shape {frames.shape}")
    return np.ascontiguousarray(frames)

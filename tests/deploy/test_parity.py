"""A file that computes something else, or nothing at all, is refused."""

import math

import numpy as np
import pytest
import torch

from mmseg_splashkd.deploy import parity
from mmseg_splashkd.deploy.parity import Parity, compare_with_torch


@pytest.mark.parametrize(
    ("probability", "changed"), [(0.02, 0), (0, 0.02), (math.nan, 0)]
)
def test_a_figure_above_its_bound_is_refused(probability: float, changed: float):
    Parity(3, 0.01, 0.01).check()
    with pytest.raises(ValueError, match="on 3 frames the file differs from PyTorch"):
        Parity(3, probability, changed).check()


def test_the_worst_of_all_frames_counts_also_if_it_is_no_number(monkeypatch):
    def network(frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return frames[..., 0].float()[:, None] / 255, (frames[..., 0] > 99).byte()

    class Session:
        """Adds 0.5 to a probability, makes one NaN, and changes a class."""

        def __init__(self, content: bytes, providers: list[str]) -> None:
            pass

        def run(self, _: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
            """Outputs of the frames."""
            own = [each.numpy() for each in network(torch.from_numpy(given["frames"]))]
            own[0][0, 0, 0, 0] = math.nan if (given["frames"] == 7).all() else 0.5
            own[1][0, 0, 0] = 1
            return own

    class Runtime:
        InferenceSession = Session

    monkeypatch.setattr(parity, "import_extra", lambda *given: Runtime)
    frames = [np.full((2, 5, 3), value, np.uint8) for value in (0, 7, 0)]
    found = compare_with_torch(b"", network, frames[::2])  # type: ignore[arg-type]
    assert found == Parity(2, 0.5, 0.1)
    found = compare_with_torch(b"", network, frames)  # type: ignore[arg-type]
    assert math.isnan(found.probability)

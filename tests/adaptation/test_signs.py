"""Signs on frames without labels, from probabilities that are given."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData

from mmseg_splashkd.adaptation.signs import signs_of


class Given:
    """A network whose probabilities of class 1 are given, frame by frame."""

    def __init__(
        self, *frames: list, sigmoid: bool = False, threshold: float = 0.5
    ) -> None:
        self.frames = [torch.tensor([frame]) for frame in frames]
        self.sigmoid, self.threshold = sigmoid, threshold

    def test_step(self, batch: dict) -> list[Any]:
        """One frame for each number of the batch."""
        return [self._sample(i) for i in batch["inputs"]]

    def _sample(self, i: int) -> Any:
        p = self.frames[i][None]
        data = p if self.sigmoid else torch.cat([1 - p, p]).log()
        return SimpleNamespace(
            seg_logits=PixelData(data=data),
            pred_sem_seg=PixelData(data=(p > self.threshold).long()),
            img_path=f"{i}.png",
        )


BATCHES = [{"inputs": [0, 1]}, {"inputs": [2]}]
OWN = [0.5, 0.99, 0.2], [0.1, 0.1, 0.1], [0.9, 0.9, 0.97]
OTHER = [0.6, 0.9, 0.2], [0.1, 0.9, 0.1], [0.1, 0.9, 0.9]


def h(p: float) -> float:
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))


@pytest.mark.parametrize("sigmoid", [False, True])
def test_signs_by_hand(sigmoid):
    signs = signs_of(Given(*OWN, sigmoid=sigmoid), Given(*OTHER), BATCHES)
    assert signs.frames == ("0.png", "1.png", "2.png")
    np.testing.assert_allclose(signs.shares[:, 1], [1 / 3, 0, 1], atol=1e-6)
    np.testing.assert_allclose(signs.shares.sum(1), 1)
    expected = [np.mean([h(p) for p in frame]) for frame in OWN]
    np.testing.assert_allclose(signs.entropy, expected, rtol=1e-5)
    np.testing.assert_allclose(signs.sure, [1 / 3, 0, 1 / 3], atol=1e-6)
    # Class 1 in both: 0.99 | (0.9, 0.97); own alone: 0.9; the other alone: 0.5, 0.1
    assert signs.pixels.tolist() == [[3, 1], [2, 3]]
    np.testing.assert_allclose(signs.agreement, [3 / 6, 3 / 6])


def test_classes_are_those_that_the_network_predicts():
    low = Given([0.4, 0.2, 0.1], sigmoid=True, threshold=0.3)
    signs = signs_of(low, Given([0.4, 0.2, 0.1]), [{"inputs": [0]}])
    np.testing.assert_allclose(signs.shares[0], [2 / 3, 1 / 3])
    assert signs.pixels.tolist() == [[2, 1], [0, 0]]


def test_a_class_of_neither_has_no_agreement():
    never = Given([0.1, 0.2])
    signs = signs_of(never, never, [{"inputs": [0]}])
    assert signs.agreement[0] == 1
    assert np.isnan(signs.agreement[1])


def test_no_frames_are_an_error():
    with pytest.raises(ValueError, match="the target has no frames"):
        signs_of(Given(), Given(), [])


def test_each_network_may_read_frames_in_its_own_way():
    swapped = [{"inputs": [2]}, {"inputs": [1]}, {"inputs": [0]}]
    alone = [{"inputs": [i]} for i in range(3)]
    again = [dict(batch) for batch in alone]
    signs = signs_of(Given(*OWN), Given(*OTHER), alone, again)
    assert signs.pixels.tolist() == [[3, 1], [2, 3]]
    with pytest.raises(ValueError, match=r"read different frames: 0.png and 2.png"):
        signs_of(Given(*OWN), Given(*OTHER), alone, swapped)
    with pytest.raises(ValueError, match="shorter"):
        signs_of(Given(*OWN), Given(*OTHER), alone, again[:2])

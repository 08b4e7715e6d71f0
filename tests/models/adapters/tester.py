"""The contract of segmentors that hold a network of another library."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from tests.models.builders import build
from tests.models.segmentors.tester import SegmentorTester, equal_weights


class AdapterTester(SegmentorTester):
    """A segmentor like the others, whose predictions are those of the library.

    Attributes:
        divisible: (H, W) that the library's own network takes.
    """

    divisible: ClassVar[tuple[int, int]] = (64, 64)

    def network(self) -> Any:
        """The library's own network, with random weights, in eval mode."""
        raise NotImplementedError

    def predictions(self, network: Any, images: Tensor) -> Tensor:
        """Logits (B, C, H, W) of it."""
        raise NotImplementedError

    def test_predictions_are_those_of_the_library(self):
        torch.manual_seed(5)
        network = self.network().eval()
        model = build(self.config()).eval()
        model.load_state_dict(network.state_dict(), strict=True)
        images = torch.randn(2, 3, *self.divisible)
        with torch.no_grad():
            ours = model.encode_decode(images, [{"img_shape": self.divisible}] * 2)
            theirs = self.predictions(network, images)
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
        assert theirs.std() > 1e-4

    def test_own_weights_load_under_their_own_names(self):
        model, twin = build(self.config(), 1), build(self.config(), 2)
        twin.load_state_dict(model.state_dict(), strict=True)
        assert equal_weights(twin.state_dict(), model.state_dict())

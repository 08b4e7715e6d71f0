"""What a method of adaptation is given in a step, and what it returns."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mmengine.model import BaseModule
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor

from mmseg_splashkd.models.losses.functional import resize_logits
from mmseg_splashkd.models.segmentors.heads import last_head
from mmseg_splashkd.models.segmentors.outputs import SegOutputs, forward_outputs


@dataclass(frozen=True)
class Step:
    """One training step, after the losses of the source are computed.

    Args:
        network: The segmentor that is trained.
        images: (B, 3, H, W) normalised images of the source.
        samples: B samples of the source, with ``gt_sem_seg``.
        labels: (B, H, W) class indices of the source.
        source: Outputs of the network for them.
        targets: (B, 3, H', W') normalised images of the target.
        iteration: Number of the step, from 0.
    """

    network: EncoderDecoder
    images: Tensor
    samples: Sequence[Any]
    labels: Tensor
    source: SegOutputs
    targets: Tensor
    iteration: int

    @property
    def ignore_index(self) -> int:
        """Label of pixels that do not count."""
        return last_head(self.network).ignore_index

    def logits(self, outputs: SegOutputs, images: Tensor) -> Tensor:
        """Logits (B, C, H, W) of outputs, at the size of their images."""
        corners = self.network.align_corners
        return resize_logits(outputs.logits, images.shape[-2:], corners)

    @cached_property
    def target(self) -> SegOutputs:
        """Outputs of the network for the images of the target, computed once."""
        return forward_outputs(self.network, self.targets)

    def target_logits(self) -> Tensor:
        """Logits (B, C, H', W') of the network for the images of the target."""
        return self.logits(self.target, self.targets)


class AdaptationMethod(BaseModule):
    """Base of the methods; discriminators, moving averages and so on are its modules.

    State that a resumed run needs is a buffer or a module, so that it is stored in
    checkpoints. A trial batch before the first step must leave no trace: buffers are
    restored after it, and weights are not.
    """

    def bind(self, network: EncoderDecoder) -> None:
        """Build what depends on the network; here nothing.

        Args:
            network: The segmentor that is trained.
        """

    @abstractmethod
    def forward(self, step: Step) -> dict[str, Tensor]:
        """Losses of a step beside those of the source, and figures for the log.

        Only what has ``loss`` in its name is added to the total.
        """

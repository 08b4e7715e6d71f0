"""Loss that asks for agreement between neighbouring frames of a fixed camera."""

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_splashkd.models.losses.arguments import check_not_negative
from mmseg_splashkd.models.losses.functional.temporal import temporal_disagreement
from mmseg_splashkd.models.losses.schedule import schedule_of
from mmseg_splashkd.models.losses.term import Weight


@MODELS.register_module()
class TemporalConsistencyLoss(nn.Module):
    """Mean of ``functional.temporal.temporal_disagreement`` over the pairs of a batch.

    Args:
        weight: Factor >= 0 of the loss, a number or a ``Schedule``; default 1.
        alpha: Sharpness >= 0 of the mask of unchanged pixels; default 1.

    Raises:
        ValueError: ``weight`` is neither a number >= 0 nor a schedule, or ``alpha`` is
            not a number >= 0.
    """

    def __init__(self, weight: Weight = 1.0, alpha: float = 1.0) -> None:
        super().__init__()
        self.weight = schedule_of(weight, "temporal_loss.weight")
        self.alpha = check_not_negative(alpha, "temporal_loss.alpha")

    def uses_neighbours(self, iteration: int) -> bool:
        """Whether the loss has a weight at an iteration, counted from 0."""
        return self.weight(iteration) > 0

    def forward(
        self,
        logits: Tensor,
        neighbour_logits: Tensor,
        images: Tensor,
        neighbour_images: Tensor,
        paired: Tensor,
        iteration: int = 0,
    ) -> dict[str, Tensor]:
        """Loss of B frames and their neighbours.

        Args:
            logits: (B, C, h, w) of the frames.
            neighbour_logits: (B, C, h, w) of the neighbours.
            images: (B, K, H, W) normalised images of the frames.
            neighbour_images: (B, K, H, W) normalised images of the neighbours.
            paired: (B,) bool, False for a frame without a neighbour: it adds nothing.
            iteration: Iteration of the run, from 0, for a scheduled weight.

        Returns:
            ``loss_temporal``, weighted; ``temporal``, unweighted, the mean over frames
            with a neighbour, 0 if there are none; and ``paired``, their share of the
            batch in percent.
        """
        each = temporal_disagreement(
            logits, neighbour_logits, images, neighbour_images, self.alpha
        )
        # Not a selection: the graph is that of all frames in every process.
        each = torch.where(paired, each, 0)
        mean = each.sum() / paired.sum().clamp_min(1)
        return {
            "loss_temporal": self.weight(iteration) * mean,
            "temporal": mean.detach(),
            "paired": 100 * paired.float().mean(),
        }

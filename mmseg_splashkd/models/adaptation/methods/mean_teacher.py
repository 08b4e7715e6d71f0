"""A mean teacher with class mixing."""

from typing import Any, ClassVar

import torch
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.adaptation.methods.copies import CopyingMethod, follow
from mmseg_splashkd.models.adaptation.methods.method import Step
from mmseg_splashkd.models.adaptation.mixing import (
    hidden,
    pasted,
    pseudo_labels,
    teacher_decay,
)
from mmseg_splashkd.models.adaptation.strong_view import strong_view
from mmseg_splashkd.models.losses.functional import resize_logits
from mmseg_splashkd.models.losses.functional.precision import at_least_single
from mmseg_splashkd.models.segmentors.outputs import forward_outputs


@MODELS.register_module()
class MeanTeacher(CopyingMethod):
    """Learn a moving average's labels of target frames, with objects pasted in.

    Half of the classes of a source image are pasted, with their labels, into the
    target image, which the network learns with the teacher's labels elsewhere (DACS,
    WACV 2021; DAFormer, CVPR 2022). Optionally it also learns the teacher's labels of
    target images with hidden patches (MIC, CVPR 2023). Source and target crops need one
    size. What is pasted and hidden is drawn by torch's random state.

    Args:
        alpha: Largest weight of the former teacher, in [0, 1); 0.999 in DAFormer.
        threshold: Probability in [0, 1] from which a pixel is sure; a target image
            counts by its share of sure pixels. 0.968 in DAFormer.
        weight: Factor > 0 of the loss on mixed images; 1 in DAFormer.
        masked_weight: Factor >= 0 of the loss on images with hidden patches; 1 in MIC.
            Default 0: no such images.
        patch: Side of a hidden patch in pixels; 64 in MIC.
        ratio: Probability in (0, 1) that a patch is hidden; 0.7 in MIC.
        strength: Strength >= 0 of another light and colour of mixed images, and blur of
            half of them, see ``strong_view``; 0.2 in DAFormer. None: images as they
            are.

    Raises:
        ValueError: An argument is out of range, or the images of source and target
            differ in size.
    """

    teacher: Any
    side: ClassVar[int] = 64
    share: ClassVar[float] = 0.7

    def __init__(
        self,
        alpha: float = 0.999,
        threshold: float = 0.968,
        weight: float = 1.0,
        masked_weight: float = 0.0,
        patch: int | None = None,
        ratio: float | None = None,
        strength: float | None = 0.2,
    ) -> None:
        super().__init__()
        for name, value, fits, wanted in (
            ("alpha", alpha, 0 <= alpha < 1, "lie in [0, 1)"),
            ("threshold", threshold, 0 <= threshold <= 1, "lie in [0, 1]"),
            ("weight", weight, weight > 0, "be above 0"),
            ("masked_weight", masked_weight, masked_weight >= 0, "be at least 0"),
            ("patch", patch, patch is None or patch >= 1, "be at least 1 pixel"),
            ("ratio", ratio, ratio is None or 0 < ratio < 1, "lie in (0, 1)"),
            ("strength", strength, strength is None or strength >= 0, "be at least 0"),
        ):
            if not fits:
                raise ValueError(f"{name}={value} must {wanted}")
        self.alpha, self.threshold, self.weight = alpha, threshold, weight
        if not masked_weight and (patch, ratio) != (None, None):
            raise ValueError(
                f"patch={patch} and ratio={ratio} have no effect without masked_weight"
            )
        self.masked_weight, self.strength = masked_weight, strength
        self.patch = self.side if patch is None else patch
        self.ratio = self.share if ratio is None else ratio

    def forward(self, step: Step) -> dict[str, Tensor]:
        """``loss_mixed``, ``loss_masked``, and the share of sure pixels in percent."""
        if step.images.shape != step.targets.shape:
            raise ValueError(
                f"MeanTeacher pastes source images of {tuple(step.images.shape[-2:])} "
                f"pixels (H, W) into target images of "
                f"{tuple(step.targets.shape[-2:])}: crop or resize both to one size"
            )
        decay = teacher_decay(step.iteration, self.alpha)
        follow(self.teacher, step.network, decay)
        with torch.no_grad():
            outputs = forward_outputs(self.teacher, step.targets)
            logits = step.logits(outputs, step.targets)
            labels, sure = pseudo_labels(logits, self.threshold)
        weights = sure[:, None, None].expand(labels.shape)
        mask = pasted(step.labels, ignore_index=step.ignore_index)
        mixed = torch.where(mask[:, None], step.images, step.targets)
        if self.strength is not None:
            mixed = strong_view(mixed, self.strength)
        loss = _weighted(
            step,
            mixed,
            torch.where(mask, step.labels, labels),
            torch.where(mask, 1.0, weights),
        )
        losses = {"loss_mixed": self.weight * loss, "sure": 100 * sure.mean()}
        if self.masked_weight:
            shown = hidden(step.targets, self.patch, self.ratio)
            loss = _weighted(step, shown, labels, weights)
            losses["loss_masked"] = self.masked_weight * loss
        return losses


def _weighted(step: Step, images: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean over all pixels of the weighted cross-entropy."""
    logits = forward_outputs(step.network, images).logits
    logits = resize_logits(logits, labels.shape[-2:], step.network.align_corners)
    loss = F.cross_entropy(
        at_least_single(logits),
        labels,
        reduction="none",
        ignore_index=step.ignore_index,
    )
    return (weights * loss).mean()

"""The distillation loss of the record: 0520 to 0627."""

from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_splashkd.models.losses import functional
from mmseg_splashkd.models.losses.softmax_focal_loss import check_gamma

MODULATE = ("none", "kd", "both")


@MODELS.register_module()
class FocalModulatedKDLoss(nn.Module):
    """Label term and teacher term, balanced by r and modulated by m.

    With L_orig the focal (or cross-entropy) loss against the labels, L_dist the KL
    against the teacher, r = ``teacher_ratio`` and m the mean over valid pixels of
    (1 - pt)^gamma, which a hard frame raises and an easy one lowers:

    ========== ==================================
    modulate   total
    ========== ==================================
    ``'none'`` (1 - r) L_orig + r L_dist
    ``'kd'``   (1 - r) L_orig + r m L_dist
    ``'both'`` m ((1 - r) L_orig + r L_dist)
    ========== ==================================

    L_orig and m are taken on logits upsampled to the labels' size, L_dist at the
    student's resolution.

    Args:
        teacher_ratio: r in [0, 1].
        label_loss: ``'focal'`` or ``'ce'``.
        gamma: Focal exponent >= 0, of L_orig and of m.
        temperature: T > 0 of L_dist.
        modulate: ``'none'``, ``'kd'`` or ``'both'``.
        detach_modulation: Let no gradient through m. The record let it through.
        class_weight: One weight a class, for L_orig.
        ignore_index: Label of pixels that L_orig and m leave out.

    Raises:
        ValueError: An argument is out of its range.
    """

    class_weight: Tensor | None

    def __init__(
        self,
        teacher_ratio: float = 0.5,
        label_loss: str = "focal",
        gamma: float = 2.0,
        temperature: float = 1.0,
        modulate: str = "kd",
        detach_modulation: bool = False,
        class_weight: Sequence[float] | None = None,
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        if not 0 <= teacher_ratio <= 1:
            raise ValueError(
                f"teacher_ratio must lie in [0, 1], got {teacher_ratio}; 0 learns from "
                f"labels alone, 1 from the teacher alone"
            )
        if label_loss not in ("focal", "ce"):
            raise ValueError(f"label_loss must be 'focal' or 'ce', got {label_loss!r}")
        if modulate not in MODULATE:
            raise ValueError(f"modulate must be one of {MODULATE}, got {modulate!r}")
        if temperature <= 0:
            raise ValueError(f"temperature must be > 0, got {temperature}")
        self.teacher_ratio = teacher_ratio
        self.label_loss = label_loss
        self.gamma = check_gamma(gamma)
        self.temperature = temperature
        self.modulate = modulate
        self.detach_modulation = detach_modulation
        self.ignore_index = ignore_index
        weight = None if class_weight is None else torch.tensor(class_weight).float()
        self.register_buffer("class_weight", weight, persistent=False)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        labels: Tensor,
        align_corners: bool = False,
    ) -> dict[str, Tensor]:
        """Compare the student with labels and teacher.

        Args:
            student: (B, C, h, w) logits.
            teacher: (B, C, h, w) logits.
            labels: (B, H, W) in [0, C) or ``ignore_index``.
            align_corners: Of the upsampling to H x W.

        Returns:
            ``loss_label`` and ``loss_distill``, which sum to the total of the table,
            and, for the log only, ``label`` (L_orig), ``distill`` (L_dist) and
            ``modulation`` (m).
        """
        logits = functional.resize_logits(student, labels.shape[-2:], align_corners)
        label = functional.softmax_focal_loss(
            logits,
            labels,
            self.gamma if self.label_loss == "focal" else 0.0,
            self.class_weight,
            self.ignore_index,
        )
        distill = functional.kl_divergence(student, teacher, self.temperature)
        m = functional.focal_modulation(logits, labels, self.gamma, self.ignore_index)
        if self.detach_modulation:
            m = m.detach()
        label_factor = m if self.modulate == "both" else 1.0
        distill_factor = 1.0 if self.modulate == "none" else m
        return {
            "loss_label": (1 - self.teacher_ratio) * label_factor * label,
            "loss_distill": self.teacher_ratio * distill_factor * distill,
            "label": label.detach(),
            "distill": distill.detach(),
            "modulation": m.detach(),
        }

"""Losses as pure functions of tensors, without registry, config or state."""

from mmseg_splashkd.models.losses.functional.features import (
    attention_transfer,
    cross_image_relation,
    feature_cosine,
    feature_mse,
    intra_class_variation,
    pairwise_similarity,
)
from mmseg_splashkd.models.losses.functional.labels import (
    focal_loss_and_modulation,
    focal_modulation,
    resize_logits,
    softmax_focal_loss,
)
from mmseg_splashkd.models.losses.functional.logits import (
    channel_wise_divergence,
    dist_class_relation,
    dist_pixel_relation,
    hard_label_cross_entropy,
    kl_divergence,
    logit_mse,
    margin_kl_divergence,
)
from mmseg_splashkd.models.losses.functional.rare_classes import (
    rarity_weights,
    student_error,
)
from mmseg_splashkd.models.losses.functional.temporal import temporal_disagreement

__all__ = [
    "attention_transfer",
    "channel_wise_divergence",
    "cross_image_relation",
    "dist_class_relation",
    "dist_pixel_relation",
    "feature_cosine",
    "feature_mse",
    "focal_loss_and_modulation",
    "focal_modulation",
    "hard_label_cross_entropy",
    "intra_class_variation",
    "kl_divergence",
    "logit_mse",
    "margin_kl_divergence",
    "pairwise_similarity",
    "rarity_weights",
    "resize_logits",
    "softmax_focal_loss",
    "student_error",
    "temporal_disagreement",
]

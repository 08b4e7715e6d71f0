"""Disagreement of a student with itself between two frames of a fixed camera."""

from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import at_least_single


def temporal_disagreement(
    logits: Tensor,
    neighbour_logits: Tensor,
    images: Tensor,
    neighbour_images: Tensor,
    alpha: float = 1.0,
) -> Tensor:
    """Mean over pixels of V * ||p - q||^2, of each frame with its neighbour.

    p and q are the probabilities (softmax over classes) of the two frames, and V =
    exp(-alpha * sum over channels of |I - J|) of their images I and J is near 1 where
    the images agree, and near 0 where something moved.

    The temporal loss of Liu et al., "Efficient Semantic Video Segmentation with
    Per-frame Inference", ECCV 2020, section 3.1. There, optical flow warps the
    neighbour onto the frame; here the camera is fixed, and nothing is warped. There,
    V = exp(-|I - J|), computed at the size of the images, and their code compares
    logits, and adds the channels before the absolute value, so that they may cancel.
    Here the images are averaged over the area of each pixel of the logits.

    Args:
        logits: (B, C, h, w) of the frames.
        neighbour_logits: (B, C, h, w) of their neighbours, in the same view.
        images: (B, K, H, W) images of the frames as the student sees them, normalised.
        neighbour_images: (B, K, H, W) images of the neighbours, likewise.
        alpha: Sharpness of V, >= 0, per standard deviation of the normalisation; 0 is
            agreement everywhere.

    Returns:
        (B,), each in [0, 2]; exactly 0 for equal logits.
    """
    p = F.softmax(at_least_single(logits), 1)
    q = F.softmax(at_least_single(neighbour_logits), 1)
    change = at_least_single(images) - at_least_single(neighbour_images)
    change = F.interpolate(change, logits.shape[-2:], mode="area")
    unchanged = (-alpha * change.abs().sum(1)).exp()
    return (unchanged * (p - q).square().sum(1)).mean((1, 2))

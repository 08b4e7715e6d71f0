"""Losses between features of student and teacher, of one height and width.

Losses that compare relations within a network allow different channel counts. All
computations are in float32 (float64 for float64 inputs), matrix products under autocast
included.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from mmseg_splashkd.models.losses.functional.precision import (
    at_least_single,
    without_autocast,
)

# Shorter vectors have cosines and gradients of 0; the gradient would be unbounded.
MIN_LENGTH = 1e-6


def _inverse_length(
    vectors: Tensor, dim: int | tuple[int, ...] = 1, shortest: float = MIN_LENGTH
) -> Tensor:
    """1 / L2 norm along a dimension, which is kept; 0 for norms up to ``shortest``."""
    length = torch.linalg.vector_norm(vectors, dim=dim, keepdim=True)
    long = length > shortest
    # The inner torch.where avoids 1 / 0 in the gradient.
    return torch.where(long, 1 / torch.where(long, length, 1), 0)


def _pooled(features: Tensor, size: int) -> Tensor:
    """Averages over equal patches, at most ``size`` x ``size`` patches.

    Unlike adaptive pooling, it has a deterministic gradient on CUDA.
    """
    h, w = features.shape[-2:]
    patch = (math.ceil(h / size), math.ceil(w / size))
    return features if patch == (1, 1) else F.avg_pool2d(features, patch, None, 0, True)


def _unit_nodes(features: Tensor, size: int) -> Tensor:
    """(B, n, C) unit vectors of n <= size^2 patches."""
    nodes = _pooled(at_least_single(features), size)
    return (nodes * _inverse_length(nodes)).flatten(2).transpose(1, 2)


def pairwise_similarity(student: Tensor, teacher: Tensor, nodes: int = 16) -> Tensor:
    """Mean over images and pairs of nodes of (cos_s - cos_t)^2.

    The pair-wise distillation of Liu et al., "Structured Knowledge Distillation for
    Semantic Segmentation", CVPR 2019, section 3.1: a node is the average of the
    features of a patch, and is paired with all nodes. Their code takes a patch's
    maximum.

    Args:
        student: (B, C_s, h, w) features.
        teacher: (B, C_t, h, w) features.
        nodes: Largest number of patches along a side; (nodes^2)^2 cosines per image.

    Returns:
        Scalar in [0, 4], exactly 0 for equal features.
    """
    with without_autocast(student):
        s, t = _unit_nodes(student, nodes), _unit_nodes(teacher, nodes)
        return F.mse_loss(s @ s.transpose(1, 2), t @ t.transpose(1, 2))


def _resize_nearest(labels: Tensor, size: torch.Size) -> Tensor:
    """(B, H, W) -> (B, h, w), pixel i from floor(i H / h); exact for all integers."""
    rows, columns = (
        torch.arange(new, device=labels.device) * old // new
        for old, new in zip(labels.shape[-2:], size, strict=True)
    )
    return labels[:, rows[:, None], columns]


def _membership(labels: Tensor, ignore_index: int) -> Tensor:
    """(B, K, h w): whether a pixel has class k < K; False for ignored pixels."""
    labels = labels.flatten(1)
    valid = labels != ignore_index
    largest = int(torch.where(valid, labels, 0).max())
    classes = torch.arange(largest + 1, device=labels.device)
    return (labels[:, None] == classes[:, None]) & valid[:, None]


def _cosine_to_own_mean(features: Tensor, members: Tensor) -> Tensor:
    """(B, h w) cosines of pixels to the mean of their class; 0 for ignored pixels."""
    features = at_least_single(features).flatten(2)
    members = members.to(features.dtype)
    sums = (members @ features.transpose(1, 2)).sum(0)  # (K, C), parallel to the means
    # Cosines to all means, then select one: gathering a mean per pixel would need as
    # much memory as the features. Not by @, which would copy the features to fold the
    # images into one matrix.
    directions = (sums * _inverse_length(sums)).expand(len(features), -1, -1)
    products = torch.bmm(directions, features)
    return (products * members).sum(1) * _inverse_length(features).squeeze(1)


def intra_class_variation(
    student: Tensor, teacher: Tensor, labels: Tensor, ignore_index: int = 255
) -> Tensor:
    """Mean over valid pixels of (cos_s - cos_t)^2 between a pixel and its class mean.

    Wang et al., "Intra-class Feature Variation Distillation for Semantic Segmentation",
    ECCV 2020. A class mean is taken over the valid pixels of the batch.

    Args:
        student: (B, C_s, h, w) features.
        teacher: (B, C_t, h, w) features.
        labels: (B, H, W) >= 0 or ``ignore_index``, resized by nearest neighbour.
        ignore_index: Label of pixels that are excluded.

    Returns:
        Scalar in [0, 4], exactly 0 for equal features; 0 (with a gradient of 0) if no
        pixel is valid.
    """
    labels = _resize_nearest(labels, student.shape[-2:])
    members = _membership(labels, ignore_index)
    with without_autocast(student):
        cos_s = _cosine_to_own_mean(student, members)
        cos_t = _cosine_to_own_mean(teacher, members)
    return (cos_s - cos_t).square().sum() / members.sum().clamp_min(1)


def _log_relations(rows: Tensor, nodes: Tensor, temperature: float) -> Tensor:
    """(R, B, n) logarithms: each row's softmax over the n nodes of each image.

    Args:
        rows: (R, C) unit vectors, some of the nodes.
        nodes: (B, n, C) unit vectors.
        temperature: T > 0.
    """
    similarity = (rows @ nodes.flatten(0, 1).T).unflatten(1, nodes.shape[:2])
    return F.log_softmax(similarity / temperature, dim=2)


class _DivergenceInChunks(torch.autograd.Function):
    """Sum over rows and images of KL(teacher || student), a chunk of rows at a time.

    Args of ``apply``:
        s: (B, n, C_s) unit vectors of the student.
        t: (B, n, C_t) unit vectors of the teacher, constant.
        temperature: T > 0.
        rows: Number of rows in a chunk, >= 1.

    The gradient by a cosine is (q - p) / T, so that it is summed up with the value:
    nothing of a chunk is kept, or computed again. It has no second derivative.
    """

    @staticmethod
    def forward(ctx: Any, s: Tensor, t: Tensor, temperature: float, rows: int):
        nodes = s.flatten(0, 1)
        total, slope = nodes.new_zeros(()), torch.zeros_like(nodes)
        chunks = (each.split(rows) for each in (nodes, t.flatten(0, 1), slope))
        for rows_s, rows_t, slope_of_rows in zip(*chunks, strict=True):
            log_q = _log_relations(rows_s, s, temperature)
            log_p = _log_relations(rows_t, t, temperature)
            total += F.kl_div(log_q, log_p, reduction="sum", log_target=True)
            by_cosine = log_q.exp_().sub_(log_p.exp_()).flatten(1)
            # Of a cosine, one vector is of the rows and one of all nodes.
            slope_of_rows.addmm_(by_cosine, nodes)
            slope.addmm_(by_cosine.T, rows_s)
        ctx.save_for_backward(slope.div_(temperature).view_as(s))
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, pull: Tensor):  # type: ignore[override]
        (slope,) = ctx.saved_tensors
        return pull * slope, None, None, None


def cross_image_relation(
    student: Tensor,
    teacher: Tensor,
    temperature: float = 0.1,
    size: int = 16,
    at_once: int = 2**23,
) -> Tensor:
    """Mean over pairs of images and rows of KL(softmax(S_t / T) || softmax(S_s / T)).

    S holds the cosines of the pixels of one image with those of another, or of itself.
    The mini-batch-based pixel-to-pixel distillation of Yang et al., "Cross-Image
    Relational Knowledge Distillation for Semantic Segmentation", CVPR 2022; as in their
    code, without a factor T^2.

    S has (B size^2)^2 numbers. If they are too many, S is computed in chunks of rows,
    so that the memory does not grow with it; the teacher then has no gradient.

    Args:
        student: (B, C_s, h, w) features.
        teacher: (B, C_t, h, w) features.
        temperature: T > 0.
        size: Features are first averaged to at most size x size patches.
        at_once: Largest number of cosines in a chunk, of which a few copies are in
            memory; at least one row is. By default, in float32, these are of 32 MiB:
            smaller ones would fragment the memory of glibc.

    Returns:
        Scalar >= 0, exactly 0 for equal features.
    """
    with without_autocast(student):
        s, t = _unit_nodes(student, size), _unit_nodes(teacher, size)
        B, n, _ = s.shape
        rows = max(at_once // (B * n), 1)
        if rows < B * n:
            total = _DivergenceInChunks.apply(s, t, temperature, rows)
        else:
            log_q = _log_relations(s.flatten(0, 1), s, temperature)
            log_p = _log_relations(t.flatten(0, 1), t, temperature)
            total = F.kl_div(log_q, log_p, reduction="sum", log_target=True)
    return total / (B * n * B)


def feature_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over all elements of (s - t)^2.

    Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015, eq. 3, without the
    factor 1/2.

    Args:
        student: (B, C, h, w) features.
        teacher: (B, C, h, w) features.

    Returns:
        Scalar >= 0.
    """
    return F.mse_loss(at_least_single(student), at_least_single(teacher))


def feature_cosine(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over pixels of 1 - cos(s, t) over channels, independent of their norms.

    Args:
        student: (B, C, h, w) features.
        teacher: (B, C, h, w) features.

    Returns:
        Scalar in [0, 2]; pixels where either feature is zero add 0.
    """
    student, teacher = at_least_single(student), at_least_single(teacher)
    inverse = _inverse_length(student) * _inverse_length(teacher)
    cosine = (student * teacher).sum(1, keepdim=True) * inverse
    return torch.where(inverse > 0, 1 - cosine, 0).mean()


def _attention(features: Tensor) -> Tensor:
    """(B, h, w) maps of unit length."""
    # The norm avoids storing the squares of all features. The division by C of the mean
    # cancels in the normalisation.
    energy = torch.linalg.vector_norm(at_least_single(features), dim=1).square()
    return energy * _inverse_length(energy, dim=(1, 2), shortest=MIN_LENGTH**2)


def attention_transfer(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over images and pixels of (Q_s - Q_t)^2.

    Zagoruyko and Komodakis, "Paying More Attention to Attention", ICLR 2017, eq. 2. Q
    is the map of the mean of the squared channels, divided by its L2 norm over the h w
    pixels of its image, so that its squares sum to 1. The mean follows their code; the
    paper uses the norm of the difference.

    Args:
        student: (B, C_s, h, w) features.
        teacher: (B, C_t, h, w) features.

    Returns:
        Scalar in [0, 2 / (h w)], exactly 0 for equal features.
    """
    return F.mse_loss(_attention(student), _attention(teacher))

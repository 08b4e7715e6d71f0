"""Expected calibration error and temperature scaling.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from mmengine.dist import all_reduce
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.evaluation.areas import valid_pixels

BINS = 15
LOWEST, HIGHEST = 1 / 20, 20.0  # temperatures
STEPS = 32  # of bisection: ln(HIGHEST / LOWEST) = 6 is halved to 1.4e-9
CHUNK = 2**18  # pixels that are converted to float64 at once

Reduce = Callable[[Tensor], object]


class CalibrationBins:
    """Pixels in equal bins (m / M, (m + 1) / M] of their confidence in (0, 1].

    The confidence is the largest softmax probability. The bins store counts and sums,
    which are additive over frames and processes.

    Args:
        bins: Number of bins, M.
        ignore_index: Label of ignored pixels.
    """

    def __init__(self, bins: int = BINS, ignore_index: int = 255) -> None:
        self.ignore_index = ignore_index
        # float64: counts are exact up to 2^53.
        self.sums = torch.zeros(3, bins, dtype=torch.float64)

    @property
    def count(self) -> float:
        """Total weight of the pixels so far; their number without weights."""
        return self.sums[0].sum().item()

    def add(self, logits: Tensor, labels: Tensor, weights: Tensor | None = None):
        """Add pixels to the bins.

        Args:
            logits: (B, C, H, W), or (N, C) of single pixels, any float dtype; the
                softmax is computed in float32 or float64.
            labels: (B, H, W), or (N,), in [0, C) or ``ignore_index``, any dtype.
            weights: Number of pixels that each pixel represents, of the shape of
                ``labels``; by default 1.

        Raises:
            ValueError: The shapes differ or a label is not a class.
        """
        labels = labels.long()
        size = logits[:, 0].shape
        valid = valid_pixels(labels, size, logits.shape[1], self.ignore_index)
        dtype = torch.promote_types(logits.dtype, torch.float32)
        confidence, predicted = logits.to(dtype).softmax(1).max(1)
        correct = (predicted == labels)[valid].cpu().double()
        confidence = confidence[valid].cpu().double()  # not every device has float64
        weight = torch.ones_like(correct) if weights is None else weights[valid.cpu()]
        bins = self.sums.shape[1]
        inner = torch.linspace(0, 1, bins + 1, dtype=torch.float64)[1:-1]
        index = torch.bucketize(confidence, inner)
        rows = (weight, weight * confidence, weight * correct)
        self.sums += torch.stack([torch.bincount(index, row, bins) for row in rows])

    def merge(self, other: "CalibrationBins") -> None:
        """Add the pixels of ``other``."""
        self.sums += other.sums

    def reduce(self, reduce: Reduce = all_reduce) -> None:
        """Add the pixels of all processes.

        Args:
            reduce: Function that sums a tensor over the processes in place.
        """
        reduce(self.sums)

    def expected_calibration_error(self) -> float:
        """ECE = sum_m |B_m| / n * |acc(B_m) - conf(B_m)| (Guo et al., eq. 3).

        Returns:
            A fraction in [0, 1]; NaN without valid pixels.
        """
        count, confidence, correct = self.sums
        return ((correct - confidence).abs().sum() / count.sum()).item()


class PixelSample(NamedTuple):
    """A sample of the valid pixels of one or several frames.

    Attributes:
        logits: (N, C) float32.
        labels: (N,) int64 in [0, C).
        weights: (N,) float64, number of valid pixels of its frame that each represents.
    """

    logits: Tensor
    labels: Tensor
    weights: Tensor


def sample_pixels(
    logits: Tensor, label: Tensor, limit: int, seed: int = 0, ignore_index: int = 255
) -> PixelSample:
    """Draw at most ``limit`` valid pixels of a frame by stratified sampling.

    One random pixel from each of ``limit`` intervals of equal length: a fixed stride
    could select the same few columns in every row.

    Args:
        logits: (C, H, W).
        label: (H, W) in [0, C) or ``ignore_index``, any dtype.
        limit: Number of pixels to draw; with fewer valid pixels, all are taken.
        seed: Seed of the draw; the global random state is not used.
        ignore_index: Label of ignored pixels.

    Returns:
        The sample, on the CPU.

    Raises:
        ValueError: The sizes differ or a label is not a class.
    """
    label = label.long()
    valid = valid_pixels(label, logits.shape[1:], len(logits), ignore_index)
    places = valid.flatten().nonzero().squeeze(1)
    count = len(places)
    drawn = min(limit, count)
    edges = torch.arange(drawn + 1) * count // max(drawn, 1)
    generator = torch.Generator().manual_seed(seed)
    share = torch.rand(drawn, dtype=torch.float64, generator=generator)
    picks = edges[:-1] + (share * edges.diff()).long()
    places = places[picks.to(places.device)]
    return PixelSample(
        logits.flatten(1)[:, places].T.float().cpu(),
        label.flatten()[places].cpu(),
        torch.full((drawn,), count / max(drawn, 1), dtype=torch.float64),
    )


def join_samples(samples: list[PixelSample], num_classes: int) -> PixelSample:
    """Concatenate samples.

    Args:
        samples: Samples of frames with C classes, possibly none.
        num_classes: Number of classes, C.
    """
    nothing = PixelSample(
        torch.zeros(0, num_classes),
        torch.zeros(0, dtype=torch.long),
        torch.zeros(0, dtype=torch.float64),
    )
    return PixelSample(*map(torch.cat, zip(nothing, *samples, strict=True)))


def fit_temperature(
    logits: Tensor,
    labels: Tensor,
    weights: Tensor | None = None,
    reduce: Reduce = all_reduce,
) -> float:
    """The T that minimises the mean negative log-likelihood of softmax(z / T).

    Guo et al., section 4.2. In beta = 1 / T the negative log-likelihood is convex with
    the slope ``mean(sum_c p_c z_c - z_y)``, whose zero is found by bisection of log
    beta, in float64.

    T is an end of [``LOWEST``, ``HIGHEST``] if the slope has no zero between them; see
    ``is_at_end``. A model without errors on these pixels has no optimum, since any
    smaller T is better; the result is ``LOWEST``. If the logits of all classes are
    equal at every pixel, all T are equivalent and the result is 1.

    Args:
        logits: (N, C) logits of the pixels of this process.
        labels: (N,) in [0, C).
        weights: (N,) float64, number of pixels that each represents; by default 1.
        reduce: Function that sums a tensor over the processes in place. Processes may
            have different numbers of pixels, or none, and all get the same T.

    Returns:
        T in [1/20, 20], with a relative error of at most 1e-8.

    Raises:
        ValueError: No process has a pixel, or a logit is not finite.
    """
    if weights is None:
        weights = torch.ones(len(labels), dtype=torch.float64)
    total_weight = weights.sum(dtype=torch.float64)
    reduce(total_weight)
    if not total_weight:
        raise ValueError(
            "labels hold no valid pixel, so no temperature can be fitted: give the "
            "validation part labelled frames"
        )

    def slope(log_beta: float) -> float:
        total = _slope(math.exp(log_beta), logits, labels, weights)
        reduce(total)
        if not total.isfinite():
            raise ValueError("logits hold values that are not finite: check the model")
        return total.item()

    low, high = -math.log(HIGHEST), -math.log(LOWEST)
    falls, rises = slope(low) < 0, slope(high) > 0
    if not (falls and rises):
        return LOWEST if falls else HIGHEST if rises else 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if slope(middle) < 0:
            low = middle
        else:
            high = middle
    return math.exp(-(low + high) / 2)


def is_at_end(temperature: float) -> bool:
    """Whether a fitted temperature is an end of the interval, not an optimum."""
    return temperature in (LOWEST, HIGHEST)


def _slope(beta: float, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    total = torch.zeros((), dtype=torch.float64)
    parts = (tensor.split(CHUNK) for tensor in (logits, labels, weights))
    for some, truth, weight in zip(*parts, strict=True):
        some = some.double()
        # Relative to the true class: same softmax, and equal logits give exactly 0.
        margin = some - some.gather(1, truth[:, None])
        pixels = (F.softmax(beta * margin, 1) * margin).sum(1)
        total += weight @ pixels
    return total

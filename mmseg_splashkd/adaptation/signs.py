"""What a network says of frames without labels, and how two networks agree."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import tee
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmseg_splashkd.evaluation.areas import frame_confusion
from mmseg_splashkd.models.adaptation.entropy import self_information
from mmseg_splashkd.models.adaptation.mixing import pseudo_labels


@dataclass(frozen=True, eq=False)
class Signs:
    """Predictions on N frames, in the order of the data set.

    Args:
        frames: N paths.
        shares: (N, C) share of the pixels predicted as each class, in [0, 1].
        entropy: (N,) mean entropy over pixels, divided by log C: in [0, 1].
        sure: (N,) share of the pixels whose class has a probability of 0.968 or more.
        pixels: (C, C) int64, pixels by the class of another network (row) and of this
            one (column).
    """

    frames: tuple[str, ...]
    shares: np.ndarray
    entropy: np.ndarray
    sure: np.ndarray
    pixels: np.ndarray

    @property
    def agreement(self) -> np.ndarray:
        """(C,) IoU of the two networks' predictions; NaN where neither has a class."""
        both = np.diag(self.pixels).astype(float)
        either = self.pixels.sum(0) + self.pixels.sum(1) - both
        return np.divide(both, either, out=np.full(len(both), np.nan), where=either > 0)


@torch.no_grad()
def signs_of(
    network: Any,
    other: Any,
    batches: Iterable[dict],
    others: Iterable[dict] | None = None,
) -> Signs:
    """Predict frames with two networks.

    Args:
        network: Segmentor of C > 1 classes, in the mode of tests.
        other: Segmentor of the same classes, such as the network before it was adapted.
        batches: Batches of a data loader of whole frames; labels are not read.
        others: The same frames as the other network reads them; default: as this one.

    Raises:
        ValueError: There are no batches.
    """
    rows = list(_rows(pairs_of(network, other, batches, others)))
    if not rows:
        raise ValueError("batches is empty: the target has no frames")
    frames, shares, entropy, sure, pixels = zip(*rows, strict=True)
    return Signs(
        tuple(frames),
        np.array(shares),
        np.array(entropy),
        np.array(sure),
        np.sum(pixels, axis=0),
    )


def pairs_of(
    network: Any, other: Any, batches: Iterable[dict], others: Iterable[dict] | None
) -> Iterator[tuple[Any, Any]]:
    """Predictions of each frame by two networks; arguments as of ``signs_of``.

    Raises:
        ValueError: ``others`` are not the same frames.
    """
    own, its = tee(batches) if others is None else (batches, others)
    for batch, same in zip(own, its, strict=True):
        for pair in zip(network.test_step(batch), other.test_step(same), strict=True):
            if pair[0].img_path != pair[1].img_path:
                paths = " and ".join(each.img_path for each in pair)
                raise ValueError(f"networks read different frames: {paths}")
            yield pair


def _rows(pairs: Iterable[tuple[Any, Any]]) -> Iterator[tuple]:
    for own, its in pairs:
        logits = _logits(own)
        # Those of the network, whose threshold of one logit is its own.
        labels, before = (each.pred_sem_seg.data[0] for each in (own, its))
        classes = logits.shape[1]
        counted = torch.bincount(labels.flatten(), minlength=classes)
        yield (
            own.img_path,
            (counted / counted.sum()).cpu().numpy(),
            float(self_information(logits).sum(1).mean()),
            float(pseudo_labels(logits)[1]),
            frame_confusion(labels, before, classes).cpu().numpy(),
        )


def _logits(sample: Any) -> Tensor:
    """Logits (1, C, H, W) of a prediction, of one sigmoid as well."""
    logits = sample.seg_logits.data.float()
    if len(logits) == 1:  # a probability: the host has applied the sigmoid
        logits = torch.cat([1 - logits, logits]).clamp_min(1e-12).log()
    return logits[None]

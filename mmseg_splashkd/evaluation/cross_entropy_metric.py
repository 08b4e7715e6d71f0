"""Unweighted cross-entropy of the validation part, independent of the training loss."""

from collections.abc import Sequence

import torch
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS
from torch import Tensor
from torch.nn import functional as F

from mmseg_splashkd.evaluation.areas import stack_frames, valid_pixels


def frame_cross_entropy(
    logits: Tensor, label: Tensor, ignore_index: int = 255
) -> Tensor:
    """Sum of -log softmax(logits)[label] over the valid pixels, and their number.

    Args:
        logits: (C, H, W), any float dtype; the softmax is computed in float32.
        label: (H, W) class ids in [0, C) or ``ignore_index``, any dtype.
        ignore_index: Label of ignored pixels.

    Returns:
        (2,) float64: sum in nats, count in pixels.

    Raises:
        ValueError: The sizes differ or a label is not a class.
    """
    label = label.long()
    valid = valid_pixels(label, logits.shape[1:], len(logits), ignore_index)
    nats = F.cross_entropy(
        logits.float()[None], label[None], ignore_index=ignore_index, reduction="none"
    )
    return torch.stack([nats.sum(dtype=torch.float64), valid.sum().double()])


# The largest float32 below 1: beyond it, the host's sigmoid rounds to 1.
BELOW_ONE = 1 - 2**-24


def frame_binary_cross_entropy(
    probability: Tensor, label: Tensor, ignore_index: int = 255
) -> Tensor:
    """Sum of the binary cross-entropy over the valid pixels, and their number.

    -log p where the label is 1 and -log(1 - p) where it is 0. MMSegmentation stores the
    sigmoid of the one logit in float32, which is 1 for logits above 17: the
    cross-entropy of a pixel of class 0 is at most 24 log 2 = 16.6 nats.

    Args:
        probability: (H, W) probability p of class 1, any float dtype.
        label: (H, W) class ids in {0, 1} or ``ignore_index``, any dtype.
        ignore_index: Label of ignored pixels.

    Returns:
        (2,) float64: sum in nats, count in pixels.

    Raises:
        ValueError: The sizes differ, a label is not a class, or ``probability`` lies
            outside [0, 1].
    """
    label = label.long()
    valid = valid_pixels(label, probability.shape, 2, ignore_index)
    p, truth = probability[valid].double(), label[valid]
    if len(p) and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(
            f"seg_logits of one channel hold {p.min():.3g} to {p.max():.3g}, outside "
            f"[0, 1]: a model with out_channels=1 must store its sigmoid, as "
            f"postprocess_result of MMSegmentation does"
        )
    tiny = torch.finfo(torch.float32).tiny
    log_of_one, log_of_zero = p.clamp_min(tiny).log(), (-p.clamp_max(BELOW_ONE)).log1p()
    nats = -torch.where(truth == 1, log_of_one, log_of_zero)
    return torch.stack([nats.sum(), valid.sum().double()])


@METRICS.register_module()
class CrossEntropyMetric(BaseMetric):
    """Cross-entropy of the logits against the labels, in nats per valid pixel.

    The mean over the valid pixels of all frames, not the mean of frame means; without
    class weights or focal exponent, so that runs with different losses are comparable.
    For a model with ``out_channels=1`` it is the binary cross-entropy. NaN if every
    pixel is ignored.

    Not available with test-time augmentation: the sample that MMSegmentation merges has
    the logits of the last augmentation only.

    Args:
        ignore_index: Label of ignored pixels.
        collect_device: Device on which processes exchange results, ``'cpu'`` (default)
            or ``'gpu'``.
        prefix: Prefix of the name of the score, followed by a slash.
    """

    def __init__(
        self,
        ignore_index: int = 255,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.ignore_index = ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Sum the cross-entropy of each frame.

        Args:
            data_batch: Unused.
            data_samples: One per frame, with ``seg_logits`` (C, H, W), or (1, H, W)
                probabilities of class 1, and ``gt_sem_seg`` (1, H, W) under ``data``.

        Raises:
            ValueError: A frame has no logits, its sizes differ or a label is not a
                class.
        """
        for sample in data_samples:
            if "seg_logits" not in sample:
                raise ValueError(
                    "data_samples lack 'seg_logits': test-time augmentation and saved "
                    "predictions have no logits, remove CrossEntropyMetric from their "
                    "evaluator"
                )
            logits = sample["seg_logits"]["data"]
            label = sample["gt_sem_seg"]["data"].squeeze(0).to(logits.device)
            # One row per frame, as in DiceMetric.
            if len(logits) == 1:
                row = frame_binary_cross_entropy(logits[0], label, self.ignore_index)
            else:
                row = frame_cross_entropy(logits, label, self.ignore_index)
            self.results.append(row.cpu())

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        """Divide the summed cross-entropy by the summed count.

        Args:
            results: (2,) sum and count, one per frame.

        Returns:
            ``cross_entropy`` >= 0 in nats, or NaN.

        Raises:
            ValueError: No frame was processed.
        """
        total, count = stack_frames(results).sum(0)
        return {"cross_entropy": (total / count).item()}

"""An evaluator that predicts one class by a threshold instead of argmax."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmseg.registry import EVALUATOR
from torch import Tensor

from mmseg_splashkd.evaluation.frame_scores import focus_index
from mmseg_splashkd.evaluation.operating_point.probability import (
    focus_probability,
    has_probabilities,
)


def decide(logits: Tensor, class_id: int, threshold: float) -> Tensor:
    """Predict a class where its probability >= threshold, else the best other class.

    For two classes and the threshold 1/2 that is the argmax, except that ties go to the
    class.

    Args:
        logits: (C, H, W) as for ``focus_probability``.
        class_id: Index of the class in [0, C), of two classes for C = 1.
        threshold: A probability in [0, 1].

    Returns:
        (H, W) int64 class ids.
    """
    is_class = focus_probability(logits, class_id) >= threshold
    if len(logits) == 1:
        return torch.where(is_class, class_id, 1 - class_id)
    others = logits.clone()
    others[class_id] = -torch.inf
    return others.argmax(0).masked_fill(is_class, class_id)


@EVALUATOR.register_module()
class OperatingPointEvaluator(Evaluator):
    """Apply a threshold before the metrics and all later hooks read the prediction.

    Args:
        metrics: One or several metrics, or their configs.
        threshold: Minimum probability at which the class is predicted, in (0, 1];
            elsewhere the most likely other class is predicted.
        focus_class: Name of the class; default the last class.

    Raises:
        ValueError: ``threshold`` lies outside (0, 1].
    """

    def __init__(
        self,
        metrics: Any,
        threshold: float,
        focus_class: str | None = None,
    ) -> None:
        super().__init__(metrics)
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold={threshold} lies outside (0, 1]")
        self.threshold = threshold
        self.focus_class = focus_class

    def process(
        self, data_samples: Sequence[Any], data_batch: Any | None = None
    ) -> None:
        """Replace ``pred_sem_seg`` in place, then let the metrics process it.

        Args:
            data_samples: One per frame, with ``seg_logits`` (C, H, W), or (1, H, W) of
                a sigmoid for two classes, and ``pred_sem_seg`` (1, H, W).
            data_batch: Passed to the metrics.

        Raises:
            ValueError: A frame has no logits of these classes, or there is no class
                ``focus_class``.
        """
        assert self.dataset_meta is not None, "set by the loop"
        classes = self.dataset_meta["classes"]
        class_id = focus_index(classes, self.focus_class)
        for sample in data_samples:
            logits = sample.get("seg_logits")
            if logits is None or not has_probabilities(logits.data, len(classes)):
                raise ValueError(
                    f"a threshold needs the logits of all {len(classes)} classes, "
                    f"which this model does not output: test it without --threshold"
                )
            decision = decide(logits.data, class_id, self.threshold)
            sample.pred_sem_seg.data = decision[None]
        super().process(data_samples, data_batch)

"""An evaluator that predicts one class by a threshold instead of argmax."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmseg.registry import EVALUATOR
from torch import Tensor

from mmseg_splashkd.evaluation.frame_scores import focus_index


def decide(logits: Tensor, class_id: int, threshold: float) -> Tensor:
    """Predict a class where its probability >= threshold, else the best other class.

    For two classes and the threshold 1/2 that is the argmax, except that ties go to the
    class.

    Args:
        logits: (C, H, W), C >= 2, any float dtype; the softmax is computed in float32.
        class_id: Index of the class in [0, C).
        threshold: A probability in [0, 1].

    Returns:
        (H, W) int64 class ids in [0, C).
    """
    probability = logits.float().softmax(0)[class_id]
    others = logits.clone()
    others[class_id] = -torch.inf
    return others.argmax(0).masked_fill(probability >= threshold, class_id)


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
            data_samples: One per frame, with ``seg_logits`` (C, H, W), C >= 2, and
                ``pred_sem_seg`` (1, H, W).
            data_batch: Passed to the metrics.

        Raises:
            ValueError: A frame has no logits of at least two classes, or there is no
                class ``focus_class``.
        """
        assert self.dataset_meta is not None, "set by the loop"
        classes = self.dataset_meta["classes"]
        class_id = focus_index(classes, self.focus_class)
        for sample in data_samples:
            logits = sample.get("seg_logits")
            if logits is None or len(logits.data) < 2:
                raise ValueError(
                    "a threshold needs the logits of at least two classes, which this "
                    "model does not output: test it without --threshold"
                )
            decision = decide(logits.data, class_id, self.threshold)
            sample.pred_sem_seg.data = decision[None]
        super().process(data_samples, data_batch)

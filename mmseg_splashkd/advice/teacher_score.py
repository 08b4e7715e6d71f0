"""The score of a teacher, counted exactly as a validation counts that of a student."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from mmseg_splashkd.evaluation.areas import frame_confusion
from mmseg_splashkd.evaluation.frame_files import recordings_of
from mmseg_splashkd.evaluation.frame_scores import (
    FrameScores,
    focus_index,
    probability_histogram,
)
from mmseg_splashkd.evaluation.operating_point import cross_fitted_dice

KEY = "cross_fitted_dice"


class CrossFittedDice(BaseMetric):
    """``OperatingPoint.Dice`` of two classes, in percent.

    The report on a teacher has Dice at the threshold that is best on the same frames,
    which is higher: see ``evaluation.operating_point.cross_fit``.

    Args:
        dataset: The validation frames, in their order.
        focus_class: Name of the focus class; None: the last one.
    """

    default_prefix = ""

    def __init__(self, dataset: Any, focus_class: str | None) -> None:
        super().__init__()
        self.dataset = dataset
        self.classes = list(dataset.metainfo["classes"])
        self.focus = focus_index(self.classes, focus_class)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count pixels by the probability of the class.

        Args:
            data_batch: Unused.
            data_samples: Samples with ``seg_logits`` (C, H, W) and ``gt_sem_seg``.
        """
        for sample in data_samples:
            logits = sample["seg_logits"]["data"].float()
            label = sample["gt_sem_seg"]["data"].squeeze(0).to(logits.device)
            probability = logits.softmax(0)[self.focus]
            counted = probability_histogram(probability, label, self.focus, 2)
            confusion = frame_confusion(logits.argmax(0), label, 2)
            self.results.append((confusion.cpu().numpy(), counted.cpu().numpy()))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Dice over all frames."""
        infos = [self.dataset.get_data_info(index) for index in range(len(results))]
        scores = FrameScores(
            confusion=np.stack([confusion for confusion, _ in results]),
            histogram=np.stack([counted for _, counted in results]),
            frames=tuple(info["img_path"] for info in infos),
            recordings=tuple(recordings_of(self.dataset, infos)),
            timestamps=np.array([info.get("timestamp", -1) for info in infos]),
            classes=tuple(self.classes),
            focus=self.classes[self.focus],
        )
        return {KEY: cross_fitted_dice(scores)}

"""Metrics of segmentation: unrounded, by class, right in several processes."""

from mmseg_splashkd.evaluation.cross_entropy_metric import CrossEntropyMetric
from mmseg_splashkd.evaluation.dice_metric import DiceMetric

__all__ = ["CrossEntropyMetric", "DiceMetric"]

"""Metrics of segmentation: unrounded, by class, correct in several processes."""

from mmseg_splashkd.evaluation.cross_entropy_metric import CrossEntropyMetric
from mmseg_splashkd.evaluation.dice_metric import DiceMetric
from mmseg_splashkd.evaluation.operating_point_evaluator import OperatingPointEvaluator

__all__ = ["CrossEntropyMetric", "DiceMetric", "OperatingPointEvaluator"]

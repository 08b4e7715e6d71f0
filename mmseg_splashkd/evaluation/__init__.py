"""Segmentation metrics: unrounded, by class, exact with several processes."""

from mmseg_splashkd.evaluation.cross_entropy_metric import CrossEntropyMetric
from mmseg_splashkd.evaluation.dice_metric import DiceMetric
from mmseg_splashkd.evaluation.grasp_metric import GraspMetric
from mmseg_splashkd.evaluation.operating_point import OperatingPointEvaluator

__all__ = ["CrossEntropyMetric", "DiceMetric", "GraspMetric", "OperatingPointEvaluator"]

"""The operating point of a class: choosing, storing and applying its threshold."""

from mmseg_splashkd.evaluation.operating_point.curve import (
    OperatingPoint,
    ThresholdCurve,
    average_precision,
    best_operating_point,
    point_at,
    threshold_curve,
)
from mmseg_splashkd.evaluation.operating_point.evaluator import OperatingPointEvaluator
from mmseg_splashkd.evaluation.operating_point.stored import (
    OPERATING_POINT,
    STORED,
    note_operating_point,
    parse_threshold,
    point_of_weights,
    stored_point,
)

__all__ = [
    "OPERATING_POINT",
    "STORED",
    "OperatingPoint",
    "OperatingPointEvaluator",
    "ThresholdCurve",
    "average_precision",
    "best_operating_point",
    "note_operating_point",
    "parse_threshold",
    "point_at",
    "point_of_weights",
    "stored_point",
    "threshold_curve",
]

"""The operating point of a class: choosing, storing and applying its threshold."""

from mmseg_splashkd.evaluation.operating_point.cross_fit import (
    METRIC,
    cross_fitted_dice,
    frame_thresholds,
    thresholds_of_other_parts,
)
from mmseg_splashkd.evaluation.operating_point.curve import (
    OperatingPoint,
    ThresholdCurve,
    average_precision,
    best_operating_point,
    point_at,
    threshold_curve,
)
from mmseg_splashkd.evaluation.operating_point.evaluator import OperatingPointEvaluator
from mmseg_splashkd.evaluation.operating_point.found import Found, found
from mmseg_splashkd.evaluation.operating_point.probability import (
    focus_probability,
    has_probabilities,
)
from mmseg_splashkd.evaluation.operating_point.stored import (
    OPERATING_POINT,
    STORED,
    note_operating_point,
    parse_threshold,
    point_of_weights,
    stored_point,
    warn_if_hardly_found,
)

__all__ = [
    "METRIC",
    "OPERATING_POINT",
    "STORED",
    "Found",
    "OperatingPoint",
    "OperatingPointEvaluator",
    "ThresholdCurve",
    "average_precision",
    "best_operating_point",
    "cross_fitted_dice",
    "focus_probability",
    "found",
    "frame_thresholds",
    "has_probabilities",
    "note_operating_point",
    "parse_threshold",
    "point_at",
    "point_of_weights",
    "stored_point",
    "threshold_curve",
    "thresholds_of_other_parts",
    "warn_if_hardly_found",
]

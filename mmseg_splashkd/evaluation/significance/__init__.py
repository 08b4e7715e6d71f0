"""Whether a difference between runs is more than luck. See docs/significance.md."""

from mmseg_splashkd.evaluation.significance.arms import Arm, Cell, arm_of, stripped
from mmseg_splashkd.evaluation.significance.blocks import BlockLength
from mmseg_splashkd.evaluation.significance.compare import compare
from mmseg_splashkd.evaluation.significance.intervals import Interval
from mmseg_splashkd.evaluation.significance.results import (
    ArmScores,
    Comparison,
    Difference,
)
from mmseg_splashkd.evaluation.significance.settings import Settings

__all__ = [
    "Arm",
    "ArmScores",
    "BlockLength",
    "Cell",
    "Comparison",
    "Difference",
    "Interval",
    "Settings",
    "arm_of",
    "compare",
    "stripped",
]

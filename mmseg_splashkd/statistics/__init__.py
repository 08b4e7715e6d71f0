"""Intervals and tests for differences between runs. See docs/significance.md."""

from mmseg_splashkd.statistics.arms import Arm, FoldSeed, arm_of
from mmseg_splashkd.statistics.blocks import BlockLength
from mmseg_splashkd.statistics.compare import compare
from mmseg_splashkd.statistics.intervals import Interval
from mmseg_splashkd.statistics.results import ArmScores, Comparison, Difference
from mmseg_splashkd.statistics.settings import Settings

__all__ = [
    "Arm",
    "ArmScores",
    "BlockLength",
    "Comparison",
    "Difference",
    "FoldSeed",
    "Interval",
    "Settings",
    "arm_of",
    "compare",
]

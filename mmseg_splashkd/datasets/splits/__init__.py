"""Split strategies that keep near-duplicate frames in one part or fold."""

from mmseg_splashkd.datasets.splits.by_time import (
    RATIOS,
    hold_out,
    split_by_list,
    split_by_time,
    split_per_recording,
)
from mmseg_splashkd.datasets.splits.embargo import Embargo
from mmseg_splashkd.datasets.splits.folds import (
    blocked_folds,
    grouped_folds,
    stratified_folds,
)
from mmseg_splashkd.datasets.splits.plan import SplitPlan

__all__ = [
    "RATIOS",
    "Embargo",
    "SplitPlan",
    "blocked_folds",
    "grouped_folds",
    "hold_out",
    "split_by_list",
    "split_by_time",
    "split_per_recording",
    "stratified_folds",
]

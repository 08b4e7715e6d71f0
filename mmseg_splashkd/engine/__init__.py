"""Running: training, testing, checkpoints on the way, what a run is called."""

from mmseg_splashkd.engine.hooks import (
    ExportWeightsHook,
    IterationSeedHook,
    SyncBatchNormHook,
    TeacherClassesHook,
)
from mmseg_splashkd.engine.runner import SafeRunner

__all__ = [
    "ExportWeightsHook",
    "IterationSeedHook",
    "SafeRunner",
    "SyncBatchNormHook",
    "TeacherClassesHook",
]

"""Running: training, testing, checkpoints on the way, what a run is called."""

from mmseg_splashkd.engine.classes_hook import ClassesHook
from mmseg_splashkd.engine.frame_scores_hook import FrameScoresHook
from mmseg_splashkd.engine.hooks import (
    DistillLossHook,
    ExportWeightsHook,
    IterationSeedHook,
    SyncBatchNormHook,
)
from mmseg_splashkd.engine.paint_frames_hook import PaintFramesHook
from mmseg_splashkd.engine.runner import SafeRunner
from mmseg_splashkd.engine.teacher_gate import TeacherGateHook

__all__ = [
    "ClassesHook",
    "DistillLossHook",
    "ExportWeightsHook",
    "FrameScoresHook",
    "IterationSeedHook",
    "PaintFramesHook",
    "SafeRunner",
    "SyncBatchNormHook",
    "TeacherGateHook",
]

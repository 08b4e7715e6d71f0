"""Single-purpose hooks of the MMEngine runner."""

from mmseg_splashkd.hooks.classes_hook import ClassesHook
from mmseg_splashkd.hooks.frame_scores_hook import FrameScoresHook
from mmseg_splashkd.hooks.paint_frames_hook import PaintFramesHook
from mmseg_splashkd.hooks.run_hooks import (
    DistillLossHook,
    ExportWeightsHook,
    IterationSeedHook,
    SyncBatchNormHook,
)
from mmseg_splashkd.hooks.teacher_gate_hook import TeacherGateHook

__all__ = [
    "ClassesHook",
    "DistillLossHook",
    "ExportWeightsHook",
    "FrameScoresHook",
    "IterationSeedHook",
    "PaintFramesHook",
    "SyncBatchNormHook",
    "TeacherGateHook",
]

"""Single-purpose hooks of mmengine's Runner, one per file."""

from mmseg_splashkd.hooks.channels_last_hook import ChannelsLastHook
from mmseg_splashkd.hooks.classes_hook import ClassesHook
from mmseg_splashkd.hooks.distill_log_hook import DistillLogHook
from mmseg_splashkd.hooks.distill_loss_hook import DistillLossHook
from mmseg_splashkd.hooks.early_stop_hook import EarlyStopHook
from mmseg_splashkd.hooks.export_weights_hook import ExportWeightsHook
from mmseg_splashkd.hooks.finite_guard_hook import FiniteGuardHook
from mmseg_splashkd.hooks.finite_predictions_hook import FinitePredictionsHook
from mmseg_splashkd.hooks.finite_weights_hook import FiniteWeightsHook
from mmseg_splashkd.hooks.flicker_hook import FlickerHook
from mmseg_splashkd.hooks.frame_scores_hook import FrameScoresHook
from mmseg_splashkd.hooks.freeze_hook import FreezeHook
from mmseg_splashkd.hooks.iteration_seed_hook import IterationSeedHook
from mmseg_splashkd.hooks.made_up_validation_hook import (
    MadeUpValidationHook,
    NoteValidationHook,
)
from mmseg_splashkd.hooks.not_finite import NotFiniteError
from mmseg_splashkd.hooks.paint_frames_hook import PaintFramesHook
from mmseg_splashkd.hooks.rank_watch_hook import RankWatchHook
from mmseg_splashkd.hooks.resumed_epoch_hook import ResumedEpochHook
from mmseg_splashkd.hooks.scheduler_state_hook import SchedulerStateHook
from mmseg_splashkd.hooks.stop_signal_hook import StopSignalHook
from mmseg_splashkd.hooks.sync_batch_norm_hook import SyncBatchNormHook
from mmseg_splashkd.hooks.teacher_gate_hook import TeacherGateHook
from mmseg_splashkd.hooks.variables_hook import VariablesHook
from mmseg_splashkd.hooks.whole_checkpoint_hook import WholeCheckpointHook

__all__ = [
    "ChannelsLastHook",
    "ClassesHook",
    "DistillLogHook",
    "DistillLossHook",
    "EarlyStopHook",
    "ExportWeightsHook",
    "FiniteGuardHook",
    "FinitePredictionsHook",
    "FiniteWeightsHook",
    "FlickerHook",
    "FrameScoresHook",
    "FreezeHook",
    "IterationSeedHook",
    "MadeUpValidationHook",
    "NotFiniteError",
    "NoteValidationHook",
    "PaintFramesHook",
    "RankWatchHook",
    "ResumedEpochHook",
    "SchedulerStateHook",
    "StopSignalHook",
    "SyncBatchNormHook",
    "TeacherGateHook",
    "VariablesHook",
    "WholeCheckpointHook",
]

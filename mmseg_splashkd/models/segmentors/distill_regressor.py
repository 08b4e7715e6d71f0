"""A student that regresses maps, trained on targets and on a frozen teacher."""

from typing import ClassVar

from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor

from mmseg_splashkd.models.segmentors.distill_segmentor import DistillSegmentor
from mmseg_splashkd.models.segmentors.heads import last_head
from mmseg_splashkd.models.teacher.labels import LabelTeacher
from mmseg_splashkd.models.teacher.teacher import FrozenTeacher


@MODELS.register_module()
class DistillRegressor(DistillSegmentor):
    """``DistillSegmentor`` for dense regression: maps in place of logits.

    Student and teacher are each a ``DepthEstimator`` with a ``PSPRegressionHead``, and
    ``distill_loss`` a ``RegressionKDLoss``. Arguments as for ``DistillSegmentor``;
    auxiliary heads of the student learn the maps by their own losses. The samples have
    ``gt_depth_map``, (C, H, W). The teacher is not tested before the first step,
    and labels cannot stand in its place, as they are no one-hot classes.

    Raises:
        ValueError: As ``DistillSegmentor``; or ``teacher_gate`` has a ``floor``, or
            ``teacher`` is ``'labels'``.
    """

    regresses: ClassVar[bool] = True

    def _label_teacher(self, margin: float | None) -> LabelTeacher:
        raise ValueError(
            "teacher='labels' gives one-hot classes, and a student that regresses maps "
            "has none: train it on its labels alone, distill_loss.teacher_ratio=0, or "
            "set teacher_control='shuffled'"
        )

    def _check_teacher(self, teachers: FrozenTeacher) -> None:
        super()._check_teacher(teachers)
        if floor := dict(self.teacher_gate.floor):
            raise ValueError(
                f"model.teacher_gate.floor={floor} is checked for teachers of classes "
                f"alone: leave it out, and test the teacher by tools/test.py"
            )

    def _targets(self, data_samples: SampleList) -> Tensor:
        """Maps (B, C, H, W) of a batch."""
        return last_head(self.student)._stack_batch_gt(data_samples)

    def _accuracies(self, *_: object) -> dict[str, Tensor]:
        return {}  # of classes

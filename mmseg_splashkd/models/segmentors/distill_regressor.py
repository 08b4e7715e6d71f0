"""A student that regresses maps, trained on targets and on a frozen teacher."""

from dataclasses import replace

from mmengine.logging import MessageHub
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor

from mmseg_splashkd.models.losses.functional import resize_logits
from mmseg_splashkd.models.segmentors.distill_segmentor import DistillSegmentor
from mmseg_splashkd.models.segmentors.heads import last_head
from mmseg_splashkd.models.segmentors.outputs import forward_outputs
from mmseg_splashkd.models.teacher.labels import LabelTeacher


@MODELS.register_module()
class DistillRegressor(DistillSegmentor):
    """``DistillSegmentor`` for dense regression: maps in place of logits.

    Student and teacher are each a ``DepthEstimator`` with a ``PSPRegressionHead``, and
    ``distill_loss`` a ``RegressionKDLoss``. Arguments as for ``DistillSegmentor``;
    labels cannot stand in the teacher's place, as they are no one-hot classes.
    """

    def _label_teacher(self, margin: float | None) -> LabelTeacher:
        raise ValueError(
            "teacher='labels' gives one-hot classes, and a student that regresses maps "
            "has none: train it on its labels alone, distill_loss.teacher_ratio=0, or "
            "set teacher_control='shuffled'"
        )

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Losses of the student.

        Args:
            inputs: (B, 3, H, W) normalised images.
            data_samples: B samples with ``gt_depth_map`` (C, H, W), and with
                ``teacher_logits`` if there is a teacher cache.
        """
        iteration = MessageHub.get_current_instance().get_info("iter", 0)
        teacher = None
        if self.distill_loss.uses_teacher(iteration):
            teacher = self.teacher_outputs(inputs, data_samples)
        targets = last_head(self.student)._stack_batch_gt(data_samples)
        student = forward_outputs(self.student, inputs)
        if teacher is not None:
            size = student.logits.shape[-2:]
            maps = resize_logits(teacher.logits, size, self.teacher_align_corners)
            teacher = replace(teacher, logits=maps)
        return self.distill_loss(
            student, teacher, targets, self.align_corners, iteration
        )

"""Losses of real-valued maps against labels and against a teacher."""

from collections.abc import Sequence
from typing import Any, ClassVar

from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_splashkd.models.heads.regression_head import PSPRegressionHead
from mmseg_splashkd.models.losses.arguments import check_not_negative, check_positive
from mmseg_splashkd.models.losses.focal_modulated_kd_loss import FocalModulatedKDLoss
from mmseg_splashkd.models.losses.functional.maps import smooth_l1_maps
from mmseg_splashkd.models.losses.logit_terms import LogitMSELoss
from mmseg_splashkd.models.losses.term import DistillTerm, Weight
from mmseg_splashkd.models.segmentors.heads import last_head
from mmseg_splashkd.models.segmentors.outputs import SegOutputs


@MODELS.register_module()
class SmoothL1MapsLoss(nn.Module):
    """``functional.maps.smooth_l1_maps`` as ``loss_decode`` of a regression head.

    Args:
        beta: Distance > 0 up to which the loss is quadratic; default 1.
        loss_weight: Factor >= 0; default 1.
        loss_name: Key in the log; default ``"loss_maps"``.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        beta: float = 1.0,
        loss_weight: float = 1.0,
        loss_name: str = "loss_maps",
    ) -> None:
        super().__init__()
        self.beta = check_positive(beta, "beta")
        self.loss_weight = check_not_negative(loss_weight, "loss_weight")
        self.loss_name = loss_name

    def forward(self, maps: Tensor, targets: Tensor) -> Tensor:
        """Weighted loss of maps and targets (B, C, H, W), a scalar."""
        return self.loss_weight * smooth_l1_maps(maps, targets, self.beta)


@MODELS.register_module()
class SmoothL1MapsTerm(DistillTerm):
    """``functional.maps.smooth_l1_maps`` between student and teacher.

    Args:
        beta: Distance > 0 up to which the loss is quadratic; default 1.
        **kwargs: Arguments of ``DistillTerm``.

    Raises:
        ValueError: ``beta`` is out of its range.
    """

    short_name: ClassVar[str] = "maps"

    def __init__(self, beta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.beta = check_positive(beta, "beta")

    def compare(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Loss of (B, C, h, w) maps, a scalar; no labels used."""
        return smooth_l1_maps(student, teacher, self.beta)


# Terms that have a meaning where no softmax does.
ON_MAPS = (SmoothL1MapsTerm, LogitMSELoss)


@MODELS.register_module()
class RegressionKDLoss(FocalModulatedKDLoss):
    """(1 - r) L_orig + r L_dist for a student that regresses maps.

    L_orig is ``loss_decode`` of the student's head, at the size of the targets. L_dist
    is the weighted sum of ``terms``, at the student's resolution. There are no classes,
    so there is no focal modulation.

    Args:
        teacher_ratio: r in [0, 1], a number or a ``Schedule``; default 0.5.
        terms: Configs of terms on maps, ``SmoothL1MapsTerm`` (default) or
            ``LogitMSELoss``, each with its ``weight``.

    Raises:
        ValueError: An argument is out of its range, or a term compares classes.
    """

    head: PSPRegressionHead

    def __init__(
        self,
        teacher_ratio: Weight = 0.5,
        terms: Sequence[dict[str, Any]] | None = None,
    ) -> None:
        chosen = [{"type": "SmoothL1MapsTerm"}] if terms is None else terms
        super().__init__(teacher_ratio, modulate="none", terms=chosen)
        for term in self.distill_terms:
            if not isinstance(term, ON_MAPS):
                names = " or ".join(each.__name__ for each in ON_MAPS)
                raise ValueError(
                    f"{type(term).__name__} compares classes or features, and a "
                    f"student that regresses maps has neither: take {names}"
                )

    def bind(self, student: Any, teacher: Any, *_: Any, **__: Any) -> None:
        """Adopt the loss of the student's head.

        Args:
            student: The student.
            teacher: The single teacher, or None; not used.

        Raises:
            ValueError: The head does not regress maps.
        """
        head = last_head(student)
        if not isinstance(head, PSPRegressionHead):
            raise ValueError(
                f"RegressionKDLoss is for a student that regresses maps, and its "
                f"decode_head is {type(head).__name__}: take FocalModulatedKDLoss, or "
                f"a PSPRegressionHead"
            )
        # Not registered: it belongs to the student, and is in its checkpoint.
        object.__setattr__(self, "head", head)

    def forward(
        self,
        student: SegOutputs,
        teacher: SegOutputs | None,
        labels: Tensor,
        align_corners: bool = False,
        iteration: int = 0,
    ) -> dict[str, Tensor]:
        """Compute the losses of the student against targets and teacher.

        Args:
            student: Maps (B, C, h, w) as ``logits``.
            teacher: The same of the teacher, at h x w; None if ``uses_teacher`` is
                False.
            labels: (B, C, H, W) targets.
            align_corners: Not used; the head upsamples by its own.
            iteration: Iteration of the run, from 0, for the schedules.

        Returns:
            ``loss_label`` and one ``loss_<name>`` per term, which sum to the total;
            and, for the log only, ``label`` and each term unweighted.
        """
        ratio = self.teacher_ratio(iteration)
        maps = self.head.upsampled(student.logits, labels)
        label = self.head.loss_decode(maps, labels)
        losses = {"loss_label": (1 - ratio) * label, "label": label.detach()}
        for term in self.distill_terms if teacher is not None else ():
            value = term(student, teacher, labels)
            losses[f"loss_{term.name}"] = ratio * term.weight(iteration) * value
            losses[term.name] = value.detach()
        return losses

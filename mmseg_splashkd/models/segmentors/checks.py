"""Checks of the segmentors that a distillation is built from."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.models.decode_heads.cascade_decode_head import BaseCascadeDecodeHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import DepthEstimator, EncoderDecoder

from mmseg_splashkd.models.heads.regression_head import PSPRegressionHead
from mmseg_splashkd.models.segmentors.heads import branches_of, decode_heads

# Methods that a decode head overrides if its forward pass does not return plain logits,
# or if it trains with more than a loss between logits and labels.
ALWAYS_PLAIN = ("predict",)
PLAIN_IN_TRAINING = ("loss", "loss_by_feat")
# Where the student takes what belongs to it.
OF_STUDENT = {
    "train_cfg": "model.student.train_cfg",
    "pretrained": "model.student.backbone.init_cfg",
}
BASES = (BaseDecodeHead, BaseCascadeDecodeHead, PSPRegressionHead)


def check_of_student(kind: str, **given: Any) -> None:
    """Refuse arguments that the student takes.

    Args:
        kind: Name of the class that was given them.
        **given: Name -> value, which ``mmseg.apis.init_model`` sets to None.

    Raises:
        ValueError: One has a value.
    """
    for name, value in given.items():
        if value:
            raise ValueError(
                f"model.{name}={value!r} has no effect on a {kind}: set "
                f"{OF_STUDENT[name]}"
            )


def check_segmentor(model: Any, name: str, trained: bool) -> None:
    """Check that a segmentor's logits can be compared with another's.

    Args:
        model: Segmentor.
        name: ``'student'`` or ``'teacher'``, for the error.
        trained: Whether the segmentor is trained, so that a loss of its decode head
            that is computed in its own way would be left out.

    Raises:
        ValueError: It is not an encoder-decoder, one of its decode heads does not
            return (B, C, h, w) logits or overrides the loss, or it has one logit for
            other than two classes.
    """
    if not isinstance(model, EncoderDecoder):
        raise ValueError(
            f"{name} is a {type(model).__name__}: distillation needs an EncoderDecoder "
            f"or a CascadeEncoderDecoder"
        )
    names = (*ALWAYS_PLAIN, *(PLAIN_IN_TRAINING if trained else ()))
    for head in decode_heads(model):
        _check_head(head, name, names)
    one_for_two = (model.out_channels, model.num_classes) == (1, 2)
    if model.out_channels != model.num_classes and not one_for_two:
        raise ValueError(
            f"{name}.decode_head.out_channels is {model.out_channels} for "
            f"{model.num_classes} classes: distillation compares softmax logits, set "
            f"out_channels={model.num_classes}"
        )


def check_task(model: Any, name: str, regresses: bool) -> None:
    """Check that a segmentor predicts what a distillation compares.

    Args:
        model: Segmentor.
        name: ``'student'`` or ``'teacher'``, for the error.
        regresses: Whether maps are compared, not classes.

    Raises:
        ValueError: It predicts the other.
    """
    if isinstance(model, DepthEstimator) == regresses:
        return
    kind = type(model).__name__
    if regresses:
        raise ValueError(
            f"{name} is a {kind}, which predicts classes, and DistillRegressor "
            f"compares maps: take DistillSegmentor, or a DepthEstimator as {name}"
        )
    raise ValueError(
        f"{name} is a {kind}, which regresses maps, and DistillSegmentor compares "
        f"classes: take DistillRegressor with RegressionKDLoss"
    )


def has_own_loss(config: Mapping[str, Any]) -> bool:
    """Whether the (last) decode head of a segmentor's config has ``loss_decode``."""
    head = config.get("decode_head")
    if isinstance(head, Sequence) and head:
        head = head[-1]
    return isinstance(head, Mapping) and "loss_decode" in head


def _check_head(head: Any, name: str, methods: tuple[str, ...]) -> None:
    own = [method for method in methods if not _is_inherited(head, method)]
    if own and branches_of(head) is None:
        raise ValueError(
            f"{name}.decode_head {type(head).__name__} has its own {', '.join(own)}(), "
            f"so its forward pass is not (B, C, h, w) logits that a plain loss trains "
            f"(as in PointRend, mask classification, or heads with extra outputs), "
            f"which distillation does not support: choose another decode head, such "
            f"as FCNHead, SegformerHead, ASPPHead, PSPHead, UPerHead or OCRHead"
        )


def _is_inherited(head: Any, method: str) -> bool:
    actual = getattr(type(head), method, None)
    return any(actual is getattr(base, method) for base in BASES)


def check_classes(
    student: EncoderDecoder, teacher: EncoderDecoder, class_mapping: list[int] | None
) -> None:
    """Check that the teacher has a class for each class of the student.

    Args:
        student: The student.
        teacher: The teacher.
        class_mapping: The teacher's class index for each class of the student, or
            None for equal classes.

    Raises:
        ValueError: The class counts differ, or the mapping does not fit.
    """
    if class_mapping is None:
        if student.num_classes != teacher.num_classes:
            raise ValueError(
                f"the teacher has {teacher.num_classes} classes, the student "
                f"{student.num_classes}: take another teacher or give class_mapping, "
                f"the teacher's class index for each class of the student"
            )
        return
    fits = all(0 <= index < teacher.num_classes for index in class_mapping)
    if len(class_mapping) != student.num_classes or not fits:
        raise ValueError(
            f"class_mapping needs {student.num_classes} indices in "
            f"[0, {teacher.num_classes}), one per class of the student; "
            f"got {class_mapping}"
        )

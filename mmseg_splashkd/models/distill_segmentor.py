"""A student that learns from labels and from a frozen teacher."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmseg.models.segmentors import BaseSegmentor, EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import ConfigType, OptConfigType, OptSampleList, SampleList
from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_splashkd.checkpoint import find_checkpoint, load_strict, read_checkpoint
from mmseg_splashkd.models.losses.functional import resize_logits
from mmseg_splashkd.models.positional_segformer_head import check_position_embedding


@MODELS.register_module()
class DistillSegmentor(BaseSegmentor):
    """Train ``student`` beside a frozen ``teacher``; to everyone else, be the student.

    The teacher only answers: backbone, neck and head in eval mode, without gradients.
    It is no registered module, so it is in no checkpoint, optimizer, average or bucket
    of DDP, yet follows ``.to(device)``. A checkpoint of this model is one of the plain
    student. The teacher's file is read in ``init_weights``, for training only.

    Args:
        student: Config of an encoder-decoder segmentor. Its ``loss_decode`` is not
            used: ``distill_loss`` owns the label term.
        teacher: Config of another, of any stride.
        distill_loss: Config of a loss called with student logits (B, C, h, w), teacher
            logits (B, C, h, w), labels (B, H, W) and ``align_corners``.
        teacher_checkpoint: The teacher's weights: a ``.safetensors`` file of ours or a
            checkpoint, or a pattern that one file matches.
        class_mapping: The teacher's class index for each class of the student, where
            their classes or their order differ.
        data_preprocessor: Used where the config of student or teacher names none.

    Raises:
        ValueError: Classes or normalisation of student and teacher do not fit.
    """

    teacher: EncoderDecoder

    def __init__(
        self,
        student: ConfigType,
        teacher: ConfigType,
        distill_loss: ConfigType,
        teacher_checkpoint: str | None = None,
        class_mapping: Sequence[int] | None = None,
        data_preprocessor: OptConfigType = None,
    ) -> None:
        if data_preprocessor is not None:
            student = {"data_preprocessor": data_preprocessor, **student}
            teacher = {"data_preprocessor": data_preprocessor, **teacher}
        student_model = MODELS.build(student)
        super().__init__(data_preprocessor=student_model.data_preprocessor)
        self.student = student_model
        # Not among the modules on purpose: see the docstring of the class.
        object.__setattr__(
            self, "teacher", MODELS.build(teacher).eval().requires_grad_(False)
        )
        self.distill_loss = MODELS.build(distill_loss)
        self.teacher_checkpoint = teacher_checkpoint
        self.teacher_classes: list[str] | None = None
        self.class_mapping = None if class_mapping is None else list(class_mapping)
        _check_classes(self.student, self.teacher, self.class_mapping)
        _check_normalisation(self.student, self.teacher)
        self._register_state_dict_hook(_save_as_student)
        self._register_load_state_dict_pre_hook(_load_as_student)

    # The student, as the host sees it.

    @property
    def backbone(self) -> nn.Module:
        """The student's backbone."""
        return self.student.backbone

    @property
    def decode_head(self) -> nn.Module:
        """The student's head."""
        return self.student.decode_head

    @property
    def align_corners(self) -> bool:
        """How the student's logits are upsampled."""
        return self.student.align_corners

    @property
    def num_classes(self) -> int:
        """Number of classes C."""
        return self.student.num_classes

    @property
    def out_channels(self) -> int:
        """Number of logits a pixel, equal to C."""
        return self.student.out_channels

    def extract_feat(self, inputs: Tensor) -> list[Tensor]:
        """Features of the student for (B, 3, H, W) images."""
        return self.student.extract_feat(inputs)

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Logits (B, C, H, W) of the student for (B, 3, H, W) images."""
        return self.student.encode_decode(inputs, batch_img_metas)

    def predict(self, inputs: Tensor, data_samples: OptSampleList = None) -> SampleList:
        """Predictions of the student."""
        return self.student.predict(inputs, data_samples)

    def _forward(self, inputs: Tensor, data_samples: OptSampleList = None) -> Tensor:
        return self.student(inputs, data_samples, mode="tensor")

    # Training.

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Losses of the student.

        Args:
            inputs: (B, 3, H, W) normalised images.
            data_samples: B samples with ``gt_sem_seg`` (1, H, W).

        Returns:
            The terms of ``distill_loss``, the student's auxiliary losses, and the pixel
            accuracy (percent) of student and teacher on this batch: a wrong teacher
            shows in the first line of the log.
        """
        labels = self.student.decode_head._stack_batch_gt(data_samples).squeeze(1)
        features = self.student.extract_feat(inputs)
        student = self.student.decode_head(features)
        teacher = self._teacher_logits(inputs, student)
        losses = self.distill_loss(student, teacher, labels, self.align_corners)
        losses["acc_student"] = _pixel_accuracy(student, labels)
        losses["acc_teacher"] = _pixel_accuracy(teacher, labels)
        if self.student.with_auxiliary_head:
            auxiliary = self.student._auxiliary_head_forward_train
            losses.update(auxiliary(features, data_samples))
        return losses

    @torch.no_grad()  # no inference_mode: losses may save the teacher's logits
    def _teacher_logits(self, inputs: Tensor, student: Tensor) -> Tensor:
        logits = self.teacher(inputs, mode="tensor")
        if self.class_mapping is not None:
            logits = logits[:, self.class_mapping]
        return resize_logits(logits, student.shape[-2:], self.teacher.align_corners)

    def init_weights(self) -> None:
        """Initialise the student and load the teacher.

        Raises:
            ValueError: No ``teacher_checkpoint`` is given, or its position embedding is
                not the teacher's.
            FileNotFoundError: It does not exist.
            RuntimeError: Its keys or shapes are not exactly the teacher's.
        """
        super().init_weights()
        path = find_checkpoint(self.teacher_checkpoint, "teacher_checkpoint")
        checkpoint, source = read_checkpoint(path), f"teacher_checkpoint {path}"
        load_strict(self.teacher, checkpoint["state_dict"], source)
        check_position_embedding(self.teacher, checkpoint["meta"], source)
        self.teacher_classes = checkpoint["meta"].get("dataset_meta", {}).get("classes")
        print_log(f"Loaded the frozen teacher from {path}", logger="current")

    # The teacher, kept where it belongs.

    def _apply(self, *args, **kwargs) -> "DistillSegmentor":
        self.teacher._apply(*args, **kwargs)
        return super()._apply(*args, **kwargs)

    def __deepcopy__(self, memo: dict) -> "DistillSegmentor":
        memo[id(self.teacher)] = self.teacher  # an average of the model shares it
        clone = type(self).__new__(type(self))
        memo[id(self)] = clone
        vars(clone).update(copy.deepcopy(vars(self), memo))
        return clone


def _save_as_student(module, state_dict: dict, prefix: str, local_metadata) -> None:
    for key in list(state_dict):
        if key.startswith(f"{prefix}student."):
            plain = prefix + key.removeprefix(f"{prefix}student.")
            state_dict[plain] = state_dict.pop(key)


def _load_as_student(state_dict: dict, prefix: str, *_) -> None:
    for key in list(state_dict):
        if key.startswith(prefix):
            own = f"{prefix}student.{key.removeprefix(prefix)}"
            state_dict[own] = state_dict.pop(key)


def _check_classes(
    student: EncoderDecoder, teacher: EncoderDecoder, class_mapping: list[int] | None
) -> None:
    for name, model in (("student", student), ("teacher", teacher)):
        if model.out_channels != model.num_classes:
            raise ValueError(
                f"{name}.decode_head.out_channels is {model.out_channels} for "
                f"{model.num_classes} classes: distillation compares softmax logits, "
                f"set out_channels={model.num_classes}"
            )
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
            f"[0, {teacher.num_classes}), one a class of the student; "
            f"got {class_mapping}"
        )


def _check_normalisation(student: EncoderDecoder, teacher: EncoderDecoder) -> None:
    seen, taught = (_normalisation(model) for model in (student, teacher))
    if seen != taught:
        raise ValueError(
            f"teacher.data_preprocessor normalises by {taught}, the student's by "
            f"{seen}: the teacher is fed the student's images, so both must be equal"
        )


def _normalisation(model: EncoderDecoder) -> dict:
    preprocessor: Any = model.data_preprocessor
    normalises = getattr(preprocessor, "_enable_normalize", False)
    # The original host stack names it without the underscore.
    swaps = getattr(preprocessor, "channel_conversion", False)
    return {
        "mean": preprocessor.mean.flatten().tolist() if normalises else None,
        "std": preprocessor.std.flatten().tolist() if normalises else None,
        "swap_channels": getattr(preprocessor, "_channel_conversion", swaps),
    }


def _pixel_accuracy(logits: Tensor, labels: Tensor, ignore_index: int = 255) -> Tensor:
    """Percent of valid pixels that are right, at the logits' resolution."""
    small = F.interpolate(
        labels[:, None].float(), logits.shape[-2:], mode="nearest-exact"
    )
    small = small.squeeze(1).long()
    valid = small != ignore_index
    right = logits.argmax(1) == small  # never where ignored: that is no class
    return 100 * right.sum() / valid.sum().clamp_min(1)

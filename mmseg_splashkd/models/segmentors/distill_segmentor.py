"""A student that learns from labels and from a frozen teacher."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import MessageHub
from mmseg.models.segmentors import BaseSegmentor, EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import ConfigType, OptConfigType, OptSampleList, SampleList
from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_splashkd.datasets.views import seeded
from mmseg_splashkd.models.losses.functional import resize_logits
from mmseg_splashkd.models.segmentors.outputs import SegOutputs, forward_outputs
from mmseg_splashkd.models.teacher.gate import TeacherGate
from mmseg_splashkd.models.teacher.teacher import (
    Teacher,
    as_list,
    build_teacher,
    normalisation,
)


@MODELS.register_module()
class DistillSegmentor(BaseSegmentor):
    """Train ``student`` beside a frozen ``teacher``; to everyone else, be the student.

    The teacher only answers: backbone, neck and head in eval mode, without gradients.
    It is no registered module, so it is in no checkpoint, optimizer, average or bucket
    of DDP, yet follows ``.to(device)``. A checkpoint of this model is one of the plain
    student; what the loss learns (projectors) is not in it. The teacher's file is read
    in ``init_weights``, for training only.

    Args:
        student: Config of an encoder-decoder segmentor. Its ``loss_decode`` is not
            used: ``distill_loss`` owns the label term. Its auxiliary heads learn from
            labels with the weights of their own losses.
        teacher: Config of another, of any stride, or a list of several: see
            ``Teacher``.
        distill_loss: Config of a loss called as ``FocalModulatedKDLoss`` is.
        teacher_checkpoint: The teacher's weights: a ``.safetensors`` file of ours or a
            checkpoint, or a pattern that one file matches; a list for several teachers,
            of one config or of as many.
        class_mapping: The teacher's class index for each class of the student, where
            their classes or their order differ.
        ensemble: ``average`` (``'probability'``, ``'logit'``) and ``weights`` of
            several teachers.
        teacher_gate: What the teacher must show before the first step; see
            ``TeacherGate``.
        teacher_cache: Folder of the teacher's answers, which the samples carry: no
            teacher is built. See ``tools/cache_teacher.py``.
        data_preprocessor: Used where the config of student or teacher names none.

    Raises:
        ValueError: Classes or normalisation of student and teacher do not fit, a loss
            is blind for the class count, or needs what a cache or an ensemble lacks.
    """

    teachers: Teacher | None

    def __init__(
        self,
        student: ConfigType,
        teacher: ConfigType | Sequence[ConfigType],
        distill_loss: ConfigType,
        teacher_checkpoint: str | Sequence[str] | None = None,
        class_mapping: Sequence[int] | None = None,
        ensemble: Mapping[str, Any] | None = None,
        teacher_gate: Mapping[str, Any] | None = None,
        teacher_cache: str | None = None,
        data_preprocessor: OptConfigType = None,
    ) -> None:
        if data_preprocessor is not None:
            shared = {"data_preprocessor": data_preprocessor}
            student = {**shared, **student}
            teacher = [{**shared, **config} for config in as_list(teacher)]
        student_model = MODELS.build(student)
        super().__init__(data_preprocessor=student_model.data_preprocessor)
        self.student = student_model
        self.distill_loss = MODELS.build(distill_loss)
        self.teacher_checkpoint = teacher_checkpoint
        self.class_mapping = None if class_mapping is None else list(class_mapping)
        self.teacher_gate = TeacherGate.from_config(teacher_gate)
        self.cache = _build_cached_teacher(teacher_cache)
        _check_logits(self.student, "student")
        teachers = None
        with seeded(0):  # so that the student begins as a plain one of the same seed
            if self.cache is None:
                teachers = build_teacher(teacher, teacher_checkpoint, ensemble)
                self._check_teacher(teachers)
            self.distill_loss.connect(self.student, teachers and teachers.only)
        # Not among the modules on purpose: see the docstring of the class.
        object.__setattr__(self, "teachers", teachers)
        self._register_state_dict_hook(_save_as_student)
        self._register_load_state_dict_pre_hook(_load_as_student, with_module=True)

    def _check_teacher(self, teachers: Teacher) -> None:
        for member in teachers.all:
            _check_logits(member, "teacher")
            _check_classes(self.student, member, self.class_mapping)
            self._check_fed_alike(normalisation(member), "teacher.data_preprocessor")

    def _check_fed_alike(self, taught: dict[str, Any], whose: str) -> None:
        seen = normalisation(self.student)
        if taught != seen:
            self.teacher_gate.refuse(
                "normalisation",
                f"{whose} normalises by {taught}, the student's data_preprocessor by "
                f"{seen}: the teacher is fed the student's images, so both must be "
                f"equal",
            )

    # The teacher.

    @property
    def has_teacher(self) -> bool:
        """Whether the teacher itself is here, not a cache of its answers."""
        return self.teachers is not None

    @property
    def teacher(self) -> EncoderDecoder:
        """The teacher, or the first of several."""
        assert self.teachers is not None, "a cache stands in for the teacher"
        return self.teachers.first

    @property
    def teacher_classes(self) -> list[str] | None:
        """Class names noted in the teacher's file or cache; None if there are none."""
        if self.cache is not None:
            return self.cache.header.get("classes")
        return self.teachers.classes if self.teachers else None

    @property
    def teacher_report(self) -> dict[str, Any] | None:
        """Figures of the teacher on the validation part, from the cache."""
        return None if self.cache is None else self.cache.header.get("report")

    @property
    def teacher_align_corners(self) -> bool:
        """How the teacher's logits are resized."""
        if self.cache is not None:
            return self.cache.header["align_corners"]
        return self.teacher.align_corners

    def teacher_logits(self, inputs: Tensor) -> Tensor:
        """Logits (B, C, h, w) of the teacher, in the student's classes.

        Args:
            inputs: (B, 3, H, W) normalised images.
        """
        return self._ask_teacher(inputs, fused=False).logits

    def _ask_teacher(self, inputs: Tensor, fused: bool) -> SegOutputs:
        assert self.teachers is not None, "a cache stands in for the teacher"
        answers = self.teachers(inputs, fused)
        if self.class_mapping is None:
            return answers
        logits = answers.logits[:, self.class_mapping]
        return SegOutputs(logits, answers.stages, answers.fused)

    def load_teacher(self) -> None:
        """Load the teacher's weights, or read the header of its cache.

        Raises:
            ValueError: No ``teacher_checkpoint`` is given, its position embedding is
                not the teacher's, it was trained on images normalised otherwise, or
                the cache does not fit.
            FileNotFoundError: It does not exist.
            RuntimeError: Its keys or shapes are not exactly the teacher's.
        """
        if self.cache is not None:
            self.cache.load(self.student, self.distill_loss)
            return
        assert self.teachers is not None
        self.teachers.load(as_list(self.teacher_checkpoint))
        for noted, path in self.teachers.trained_on:
            self._check_fed_alike(noted, f"what teacher_checkpoint {path} was fed")

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
            data_samples: B samples with ``gt_sem_seg`` (1, H, W), and with
                ``teacher_logits`` where a cache stands in for the teacher.

        Returns:
            The terms of ``distill_loss``, the student's auxiliary losses, and the pixel
            accuracy (percent) of student and teacher on this batch: a wrong teacher
            shows in the first line of the log.
        """
        iteration = MessageHub.get_current_instance().get_info("iter", 0)
        teacher = None
        if self.distill_loss.uses_teacher(iteration):
            # First: the student's activations would lie in memory beside its own.
            teacher = self._taught(inputs, data_samples)
        labels = self.student.decode_head._stack_batch_gt(data_samples).squeeze(1)
        student = forward_outputs(self.student, inputs, self.distill_loss.needs_fused)
        if teacher is not None:
            teacher = self._resized(teacher, student.logits.shape[-2:])
        losses = self.distill_loss(
            student, teacher, labels, self.align_corners, iteration
        )
        small = _shrunk(labels, student.logits.shape[-2:])
        ignored = self.distill_loss.ignore_index
        losses["acc_student"] = _pixel_accuracy(student.logits, small, ignored)
        if teacher is not None:
            losses["acc_teacher"] = _pixel_accuracy(teacher.logits, small, ignored)
        elif self.distill_loss.changes:  # else the log goes on with an older one
            losses["acc_teacher"] = small.new_full((), torch.nan, dtype=torch.float)
        if self.student.with_auxiliary_head:
            auxiliary = self.student._auxiliary_head_forward_train
            losses.update(auxiliary(student.stages, data_samples))
        return losses

    def _taught(self, inputs: Tensor, data_samples: SampleList) -> SegOutputs:
        if self.cache is not None:
            return self.cache.outputs(data_samples)
        answers = self._ask_teacher(inputs, self.distill_loss.needs_fused)
        if self.distill_loss.feature_terms:
            return answers
        return SegOutputs(
            answers.logits
        )  # its stages are large, and nobody asks for them

    def _resized(self, answers: SegOutputs, size: torch.Size) -> SegOutputs:
        logits = resize_logits(answers.logits, size, self.teacher_align_corners)
        return SegOutputs(logits, answers.stages, answers.fused)

    def init_weights(self) -> None:
        """Initialise the student and load the teacher; see ``load_teacher``."""
        super().init_weights()
        self.load_teacher()

    # The teacher, kept where it belongs.

    def _apply(self, *args, **kwargs) -> "DistillSegmentor":
        if self.teachers is not None:
            self.teachers._apply(*args, **kwargs)
        return super()._apply(*args, **kwargs)

    def __deepcopy__(self, memo: dict) -> "DistillSegmentor":
        memo[id(self.teachers)] = self.teachers  # an average of the model shares it
        clone = type(self).__new__(type(self))
        memo[id(self)] = clone
        vars(clone).update(copy.deepcopy(vars(self), memo))
        return clone


def _build_cached_teacher(folder: str | None) -> Any:
    """Build the stand-in for the teacher by name: this room imports no cache."""
    if folder is None:
        return None
    return MODELS.build({"type": "CachedTeacher", "folder": folder})


def _save_as_student(module, state_dict: dict, prefix: str, local_metadata) -> None:
    for key in list(state_dict):
        if key.startswith(f"{prefix}student."):
            plain = prefix + key.removeprefix(f"{prefix}student.")
            state_dict[plain] = state_dict.pop(key)
        elif key.startswith(f"{prefix}distill_loss."):
            del state_dict[key]


def _load_as_student(
    module: DistillSegmentor, state_dict: dict, prefix: str, *_
) -> None:
    for key in list(state_dict):
        if key.startswith(prefix):
            own = f"{prefix}student.{key.removeprefix(prefix)}"
            state_dict[own] = state_dict.pop(key)
    for key, value in module.distill_loss.state_dict().items():
        state_dict[f"{prefix}distill_loss.{key}"] = value  # it stays as it is


def _check_logits(model: EncoderDecoder, name: str) -> None:
    if model.out_channels != model.num_classes:
        raise ValueError(
            f"{name}.decode_head.out_channels is {model.out_channels} for "
            f"{model.num_classes} classes: distillation compares softmax logits, set "
            f"out_channels={model.num_classes}"
        )


def _check_classes(
    student: EncoderDecoder, teacher: EncoderDecoder, class_mapping: list[int] | None
) -> None:
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


def _shrunk(labels: Tensor, size: torch.Size) -> Tensor:
    """Labels (B, H, W) at the logits' resolution, by nearest neighbour."""
    small = F.interpolate(labels[:, None].float(), size, mode="nearest-exact")
    return small.squeeze(1).long()


def _pixel_accuracy(logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    """Percent of valid pixels (B, h, w) that are right."""
    valid = labels != ignore_index
    right = logits.argmax(1) == labels  # never where ignored: that is no class
    return 100 * right.sum() / valid.sum().clamp_min(1)

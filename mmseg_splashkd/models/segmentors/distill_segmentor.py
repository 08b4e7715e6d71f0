"""A student trained on labels and on the outputs of a frozen teacher."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from mmengine.logging import MessageHub
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import (
    ConfigType,
    OptConfigType,
    OptSampleList,
    SampleList,
    add_prefix,
)
from torch import Tensor

from mmseg_splashkd.datasets.views import seeded
from mmseg_splashkd.models.losses.functional import resize_logits
from mmseg_splashkd.models.segmentors.batch_accuracy import accuracies
from mmseg_splashkd.models.segmentors.checks import (
    check_classes,
    check_segmentor,
    check_task,
    has_own_loss,
)
from mmseg_splashkd.models.segmentors.heads import branches_of, decode_heads
from mmseg_splashkd.models.segmentors.outputs import SegOutputs, forward_outputs
from mmseg_splashkd.models.segmentors.wrapper import StudentWrapper
from mmseg_splashkd.models.teacher.controls import (
    SHUFFLED,
    UNTRAINED,
    read_control,
    shuffled,
    without_pretrained,
)
from mmseg_splashkd.models.teacher.gate import TeacherGate
from mmseg_splashkd.models.teacher.labels import LABELS, LabelTeacher
from mmseg_splashkd.models.teacher.renormalise import normalisation, paddings_of
from mmseg_splashkd.models.teacher.teacher import (
    FrozenTeacher,
    as_list,
    build_teacher,
    check_precision,
)

NO_MODEL = "with teacher_cache and teacher='labels' there is no teacher model"


@MODELS.register_module()
class DistillSegmentor(StudentWrapper):
    """Train ``student`` on labels and on the outputs of a frozen ``teacher``.

    In all other respects it behaves exactly like the student: same inference, same
    checkpoint keys. The teacher runs backbone, neck and decode head only, in eval mode
    and without gradients. It is not a registered module, so that checkpoints,
    optimizers, moving averages and DDP buckets exclude it, but ``.to(device)`` moves
    it. The weights of the loss (projectors) are not in the checkpoint's ``state_dict``
    either. The teacher's file is read in ``init_weights``, for training only.

    Args:
        student: Config of an encoder-decoder segmentor, or of a cascade. Its auxiliary
            heads, and the earlier decode heads of a cascade, are trained on labels with
            their own losses. The (last) decode head is trained by ``distill_loss``,
            which adopts its ``ignore_index``, and uses its ``loss_decode`` if
            ``label_loss`` is ``'student'``, or refuses one that differs.
        teacher: Config of an encoder-decoder segmentor of any stride, or a list of
            several; see ``FrozenTeacher``. ``'labels'``: the one-hot labels stand in
            its place, see ``LabelTeacher``; there is no file, gate or cache.
        distill_loss: Config of a loss with the interface of ``FocalModulatedKDLoss``.
        teacher_checkpoint: The teacher's weights: a ``.safetensors`` file that a run
            exported, a checkpoint, or a pattern that matches one file; a list for
            several teachers, which have one common config or one config each.
        class_mapping: The teacher's class index for each class of the student; default
            None: equal classes in the same order.
        ensemble: ``average`` (``'probability'``, the default, or ``'logit'``) and
            ``weights`` (default equal) of several teachers.
        teacher_gate: Conditions that are checked before the first step; default None:
            better than one class everywhere. See ``TeacherGate``.
        teacher_cache: Folder with stored logits of the teacher, which the data set adds
            to the samples; no teacher is built. Default None. See
            ``tools/cache_teacher.py``.
        teacher_precision: ``'bf16'`` computes the teacher in bfloat16, ``'fp32'`` in
            float32; default None: in the precision of the student. See
            ``FrozenTeacher``.
        teacher_control: ``'shuffled'``: every frame is taught the answer to another
            frame of its batch. ``'untrained'``: the teacher has random weights.
            Default None: neither. See ``docs/distillation.md``.
        teacher_seed: Seed >= 0 of the weights of an untrained teacher; default 0.
        label_margin: Logit > 0 of the label over the others for ``teacher='labels'``;
            default None: one-hot at any temperature.
        data_preprocessor: Config used for student and teacher if their configs have
            none. The teacher gets the student's images in its own normalisation.
        train_cfg: None; ``mmseg.apis.init_model`` passes it to any model. The student
            has its own.
        pretrained: None; as ``train_cfg``. Weights to start from are named by
            ``student.backbone.init_cfg``.

    Raises:
        ValueError: ``train_cfg`` or ``pretrained`` is given, the classes of student and
            teacher do not fit, the normalisation of the teacher is unknown, a decode
            head does not return plain logits, the student has a label loss that
            ``distill_loss`` does not replace, or a loss has no gradient for the class
            count, or needs features that a cache, an ensemble or labels do not
            provide; or an option has no effect beside ``teacher`` and
            ``teacher_control``.
    """

    training_part: ClassVar[str] = "distill_loss"
    regresses: ClassVar[bool] = False  # maps; otherwise classes
    teachers: FrozenTeacher | None

    def __init__(
        self,
        student: ConfigType,
        teacher: str | ConfigType | Sequence[ConfigType],
        distill_loss: ConfigType,
        teacher_checkpoint: str | Sequence[str] | None = None,
        class_mapping: Sequence[int] | None = None,
        ensemble: Mapping[str, Any] | None = None,
        teacher_gate: Mapping[str, Any] | None = None,
        teacher_cache: str | None = None,
        teacher_precision: str | None = None,
        teacher_control: str | None = None,
        teacher_seed: int | None = None,
        label_margin: float | None = None,
        data_preprocessor: OptConfigType = None,
        train_cfg: None = None,
        pretrained: None = None,
    ) -> None:
        control = read_control(
            {
                "teacher": teacher,
                "teacher_checkpoint": teacher_checkpoint,
                "class_mapping": class_mapping,
                "ensemble": ensemble,
                "teacher_gate": teacher_gate,
                "teacher_cache": teacher_cache,
                "teacher_precision": teacher_precision,
                "teacher_control": teacher_control,
                "teacher_seed": teacher_seed,
                "label_margin": label_margin,
            }
        )
        super().__init__(student, data_preprocessor, train_cfg, pretrained)
        self.control = control
        takes_labels = control.kind == LABELS
        if data_preprocessor is not None and not takes_labels:
            shared = {"data_preprocessor": data_preprocessor}
            teacher = [{**shared, **config} for config in as_list(teacher)]
        if control.kind == UNTRAINED:
            teacher = without_pretrained(teacher)
        self.distill_loss = MODELS.build(distill_loss)
        self.teacher_checkpoint = teacher_checkpoint
        self.class_mapping = None if class_mapping is None else list(class_mapping)
        check_precision(teacher_precision)  # also where a cache is used
        self.teacher_gate = TeacherGate.from_config(teacher_gate)
        self.cache = _build_cached_teacher(teacher_cache)
        check_segmentor(self.student, "student", trained=True)
        check_task(self.student, "student", self.regresses)
        teachers = None
        # Equal initial weights with and without a teacher.
        with seeded(self.control.seed):
            if self.cache is None and not takes_labels:
                teachers = build_teacher(
                    teacher, teacher_checkpoint, ensemble, teacher_precision
                )
                self._check_teacher(teachers)
            self.distill_loss.bind(
                self.student, teachers and teachers.only, has_own_loss(student)
            )
        self.labels = self._label_teacher(label_margin) if takes_labels else None
        # Deliberately not a registered module: see the docstring of the class.
        object.__setattr__(self, "teachers", teachers)

    def _label_teacher(self, margin: float | None) -> LabelTeacher:
        loss = self.distill_loss
        sigmoid = self.out_channels == 1
        labels = LabelTeacher(self.num_classes, sigmoid, loss.ignore_index, margin)
        labels.check_terms(loss.distill_terms, loss.needs_fitted_temperature)
        return labels

    def _check_teacher(self, teachers: FrozenTeacher) -> None:
        for member in teachers.all:
            check_segmentor(member, "teacher", trained=False)
            check_task(member, "teacher", self.regresses)
            check_classes(self.student, member, self.class_mapping)
            named = hasattr(member.data_preprocessor, "_enable_normalize")
            if not named and normalisation(self.student)["mean"] is not None:
                self.teacher_gate.refuse(
                    "normalisation",
                    f"teacher has no data_preprocessor, and the student's normalises "
                    f"by {normalisation(self.student)}: name the one that the teacher "
                    f"was trained with",
                )
        teachers.take_images_of(self.student)

    # The teacher.

    @property
    def has_teacher(self) -> bool:
        """Whether there is a teacher model, and no cache or labels in its place."""
        return self.teachers is not None

    @property
    def teacher(self) -> EncoderDecoder:
        """The teacher, or the first of several."""
        assert self.teachers is not None, NO_MODEL
        return self.teachers.first

    @property
    def teacher_classes(self) -> list[str] | None:
        """Class names stored with the teacher's weights or cache; None if unknown."""
        if self.cache is not None:
            return self._cache_header().get("classes")
        return self.teachers.classes if self.teachers else None

    @property
    def teacher_report(self) -> dict[str, Any] | None:
        """Figures of the teacher on the validation part, stored in its cache."""
        return None if self.cache is None else self._cache_header().get("report")

    @property
    def teacher_align_corners(self) -> bool:
        """``align_corners`` of the teacher, for resizing its logits."""
        if self.cache is not None:
            return self._cache_header()["align_corners"]
        return self.teacher.align_corners

    def _cache_header(self) -> dict[str, Any]:
        """Header of the cache, read on first use: testing needs no cache."""
        if not self.cache.header:
            self.load_teacher()
        return self.cache.header

    def teacher_logits(
        self, inputs: Tensor, data_samples: OptSampleList = None
    ) -> Tensor:
        """Logits (B, C, h, w) of the teacher, in the student's classes.

        Args:
            inputs: (B, 3, H, W) images, normalised for the student.
            data_samples: B samples, which know what was added to each image.
        """
        return self._run_teacher(inputs, data_samples or (), fused=False).logits

    def teacher_outputs(self, inputs: Tensor, data_samples: SampleList) -> SegOutputs:
        """Outputs of the teacher for a training batch, in the student's classes.

        Args:
            inputs: (B, 3, H, W) normalised images.
            data_samples: B samples, with ``teacher_logits`` if there is a cache.

        Returns:
            Logits at the teacher's resolution, and features if a term compares them;
            those of another frame each for ``teacher_control='shuffled'``.

        Raises:
            ValueError: A batch of one frame is to be shuffled.
        """
        if self.cache is not None:
            outputs = self.cache.outputs(data_samples)
        else:
            fused = self.distill_loss.needs_fused
            outputs = self._run_teacher(inputs, data_samples, fused)
            # Without feature terms, the large stages are freed before the student runs.
            if not self.distill_loss.feature_terms:
                outputs = SegOutputs(outputs.logits)
        if self.control.kind == SHUFFLED:
            return shuffled(outputs, data_samples)
        return outputs

    def _run_teacher(
        self, inputs: Tensor, data_samples: Sequence[Any], fused: bool
    ) -> SegOutputs:
        assert self.teachers is not None, NO_MODEL
        outputs = self.teachers(inputs, fused, paddings_of(data_samples))
        if self.class_mapping is None:
            return outputs
        return replace(outputs, logits=outputs.logits[:, self.class_mapping])

    def load_teacher(self) -> None:
        """Load the teacher's weights, or read the header of its cache.

        Raises:
            ValueError: There is no ``teacher_checkpoint``, its position embedding is
                not the teacher's, it was trained with another normalisation, its
                values are not finite or its run failed, or the cache does not fit.
            FileNotFoundError: The file does not exist.
            RuntimeError: Keys or shapes differ from those of the teacher.
        """
        if self.cache is not None:
            self.cache.load(self.student, self.distill_loss)
            return
        if self.teachers is None:  # labels
            return
        if self.control.kind == UNTRAINED:
            self.teachers.draw_weights(self.control.seed)
            return
        self.teachers.load(as_list(self.teacher_checkpoint))
        for rule, fault in self.teachers.faults:
            self.teacher_gate.refuse(rule, fault)

    # Training.

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Losses of the student.

        Args:
            inputs: (B, 3, H, W) normalised images.
            data_samples: B samples with ``gt_sem_seg`` (1, H, W), and with
                ``teacher_logits`` if there is a teacher cache.

        Returns:
            The terms of ``distill_loss``, the label losses of the student's auxiliary
            heads, earlier decode heads and further branches of its decode head (as of
            PIDNet and DDRNet), and the pixel accuracy (percent) of student
            and teacher on this batch, so that the first line of the log reveals a wrong
            teacher.
        """
        iteration = MessageHub.get_current_instance().get_info("iter", 0)
        teacher, is_used = None, self.distill_loss.uses_teacher(iteration)
        if is_used and self.labels is None:
            # Before the student, whose activations stay in memory until the backward.
            teacher = self.teacher_outputs(inputs, data_samples)
        *early_heads, head = decode_heads(self.student)
        labels = self._targets(data_samples)
        student = forward_outputs(self.student, inputs, self.distill_loss.needs_fused)
        size = student.logits.shape[-2:]
        if is_used and self.labels is not None:
            teacher = self.labels(labels, size)
        elif teacher is not None:
            logits = resize_logits(teacher.logits, size, self.teacher_align_corners)
            teacher = replace(teacher, logits=logits)
        losses = self.distill_loss(
            student, teacher, labels, self.align_corners, iteration
        )
        losses.update(self._accuracies(student, teacher, labels))
        for i, early_head in enumerate(early_heads):
            early = early_head.loss_by_feat(student.early_logits[i], data_samples)
            losses.update(add_prefix(early, f"decode_{i}"))
        if (branches := branches_of(head)) and student.branches:
            own = head.loss_by_feat(student.branches, data_samples)
            replaced = (branches.label_loss, "acc_seg")
            others = {key: own[key] for key in own if key not in replaced}
            losses.update(add_prefix(others, "decode"))
        if self.student.with_auxiliary_head:
            auxiliary = self.student._auxiliary_head_forward_train
            losses.update(auxiliary(student.stages, data_samples))
        losses.update(self.further_losses(student, inputs, data_samples))
        return losses

    def _targets(self, data_samples: SampleList) -> Tensor:
        """Labels (B, H, W) of a batch."""
        given: list[Any] = [sample.gt_sem_seg for sample in data_samples]
        return torch.cat([each.data for each in given])

    def further_losses(
        self, student: SegOutputs, inputs: Tensor, data_samples: SampleList
    ) -> dict[str, Tensor]:
        """Losses that a subclass adds from the outputs of the student; here none.

        Args:
            student: Outputs of the student for the batch.
            inputs: (B, 3, H, W) normalised images.
            data_samples: B samples.
        """
        return {}

    def _accuracies(
        self, student: SegOutputs, teacher: SegOutputs | None, labels: Tensor
    ) -> dict[str, Tensor]:
        ignored = self.distill_loss.ignore_index
        percent = accuracies(student, teacher, labels, ignored)
        if teacher is None and self.distill_loss.changes:
            # The log would repeat the last value otherwise.
            percent["acc_teacher"] = torch.full_like(percent["acc_student"], torch.nan)
        return percent

    def init_weights(self) -> None:
        """Initialise the student and load the teacher; see ``load_teacher``."""
        super().init_weights()
        self.load_teacher()

    # The teacher is moved with the model, and shared by copies of it.

    def _apply(self, *args, **kwargs) -> "DistillSegmentor":
        if self.teachers is not None:
            self.teachers._apply(*args, **kwargs)
        return super()._apply(*args, **kwargs)

    def __deepcopy__(self, memo: dict) -> "DistillSegmentor":
        memo[id(self.teachers)] = self.teachers  # shared by a moving average
        clone = type(self).__new__(type(self))
        memo[id(self)] = clone
        vars(clone).update(copy.deepcopy(vars(self), memo))
        return clone


def _build_cached_teacher(folder: str | None) -> Any:
    """Build the cached teacher by name: ``models`` imports no ``teacher_cache``."""
    if folder is None:
        return None
    return MODELS.build({"type": "CachedTeacher", "folder": folder})

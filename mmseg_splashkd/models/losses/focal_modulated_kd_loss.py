"""The distillation loss of the original experiments, 0520 to 0627, for any terms."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_splashkd.models.losses import functional
from mmseg_splashkd.models.losses.head_settings import (
    IGNORE_INDEX,
    LabelSettings,
    check_class_count,
    check_classifies,
    check_label_loss,
    check_sampler,
    ignore_index_of,
    main_loss,
)
from mmseg_splashkd.models.losses.label_losses import (
    PREFIX,
    LabelLosses,
    build_label_losses,
)
from mmseg_splashkd.models.losses.logit_terms import FITTED
from mmseg_splashkd.models.losses.modulation import student_error_of
from mmseg_splashkd.models.losses.schedule import schedule_of
from mmseg_splashkd.models.losses.softmax_focal_loss import check_gamma
from mmseg_splashkd.models.losses.term import DistillTerm, FeatureTerm, Weight
from mmseg_splashkd.models.segmentors.heads import last_head
from mmseg_splashkd.models.segmentors.outputs import SegOutputs, channels_at

MODULATE = ("none", "kd", "both")
KINDS = ("focal", "ce", "student")
LabelLoss = str | dict[str, Any] | Sequence[dict[str, Any]]
WHERE = "distill_loss.label_loss"
RESERVED = ("weight_", PREFIX)
# Keys of the log that cannot be names of terms.
OWN_NAMES = ("label", "modulation", "teacher_ratio", "acc_student", "acc_teacher")


@MODELS.register_module()
class FocalModulatedKDLoss(nn.Module):
    """Label term and teacher term, balanced by r and modulated by m.

    With L_orig the focal (or cross-entropy) loss against the labels, L_dist the KL
    against the teacher (or the weighted sum of ``terms``), r = ``teacher_ratio`` and m
    the mean over valid pixels of (1 - pt)^gamma, which is large for hard frames and
    small for easy ones:

    ========== ==================================
    modulate   total
    ========== ==================================
    ``'none'`` (1 - r) L_orig + r L_dist
    ``'kd'``   (1 - r) L_orig + r m L_dist
    ``'both'`` m ((1 - r) L_orig + r L_dist)
    ========== ==================================

    L_orig and m are computed from logits upsampled to the labels' size, L_dist at the
    student's resolution. m does not depend on ``label_loss``. On a class of few pixels
    m is almost 0 as soon as the others are learned; ``student_error`` takes m from the
    pixels where the teacher predicts that class.

    Args:
        teacher_ratio: r in [0, 1], a number or a ``Schedule``; default 0.5.
        label_loss: ``'focal'`` (default), ``'ce'`` (cross-entropy), ``'student'`` (the
            ``loss_decode`` of the student's decode head), or the config of a loss of a
            decode head, or a list of them, whose sum with their ``loss_weight`` is
            L_orig; see ``LabelLosses``.
        gamma: Focal exponent >= 0 of a focal L_orig and of m; default 2.
        temperature: T > 0 of L_dist, default 1; or ``'fitted'``: the temperature that
            calibrates the teacher on the validation part. Cannot be combined with
            ``terms``, each of which has its own.
        modulate: ``'none'``, ``'kd'`` (default) or ``'both'``.
        detach_modulation: Whether to stop the gradient through m; default False, as in
            the original experiments.
        class_weight: One weight >= 0 per class, for a focal L_orig or a cross-entropy;
            default equal weights. Losses of a list have their own.
        ignore_index: Label of pixels that L_orig and m exclude; default:
            ``ignore_index`` of the student's decode head.
        terms: Configs of distillation losses (``KLDLoss``, ``CWDLoss``, ...), each with
            its ``weight``, a number or a ``Schedule``; default one ``KLDLoss``.
        student_error: Arguments of ``StudentError``, such as ``dict(classes=[1])``: m
            is the student's error where the teacher is sure of these classes; labels
            are not used. Only for ``modulate='kd'``; default None: m of the labels.

    Raises:
        ValueError: An argument is out of its range, or the name of a term is already in
            use.
    """

    class_weight: Tensor | None

    def __init__(
        self,
        teacher_ratio: Weight = 0.5,
        label_loss: LabelLoss | None = None,
        gamma: float | None = None,
        temperature: float | str = 1.0,
        modulate: str = "kd",
        detach_modulation: bool = False,
        class_weight: Sequence[float] | None = None,
        ignore_index: int | None = None,
        terms: Sequence[dict[str, Any]] | None = None,
        student_error: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.teacher_ratio = schedule_of(teacher_ratio, "teacher_ratio")
        if self.teacher_ratio.peak > 1:
            raise ValueError(
                f"teacher_ratio must lie in [0, 1], got {teacher_ratio}; 0 trains on "
                f"labels only, 1 on the teacher only"
            )
        if modulate not in MODULATE:
            raise ValueError(f"modulate must be one of {MODULATE}, got {modulate!r}")
        self.kind_named, self.gamma_named = label_loss is not None, gamma is not None
        self.gamma = check_gamma(2.0 if gamma is None else gamma)
        self.label_loss = "focal" if label_loss is None else label_loss
        self.label_losses = _build_label_losses(self.label_loss, class_weight)
        self.modulate = modulate
        self.student_error = student_error_of(student_error, modulate)
        self.terms = nn.ModuleList(_build_terms(terms, temperature))
        if student_error is not None and not any(t.modulate for t in self.terms):
            raise ValueError(
                f"student_error={dict(student_error)} modulates no term: leave it out, "
                f"or modulate=False of a term"
            )
        self.detach_modulation = detach_modulation
        self.configured_ignore_index = ignore_index
        self.ignore_index = IGNORE_INDEX if ignore_index is None else ignore_index
        weight = None if class_weight is None else torch.tensor(class_weight).float()
        self.register_buffer("class_weight", weight, persistent=False)
        self.one_channel = False

    # Properties that the segmentor uses.

    @property
    def label_gamma(self) -> float | None:
        """Focal exponent of L_orig, 0 for cross-entropy; None for other losses."""
        return {"focal": self.gamma, "ce": 0.0}.get(_kind(self.label_loss))

    @property
    def label_names(self) -> list[str]:
        """Names in the log of the losses of ``label_loss``, if it is not a default."""
        return [] if self.label_losses is None else self.label_losses.names

    @property
    def distill_terms(self) -> list[DistillTerm]:
        """The terms of L_dist."""
        return list(self.terms)  # type: ignore[arg-type]

    @property
    def feature_terms(self) -> list[FeatureTerm]:
        """The terms of L_dist that compare features."""
        return [term for term in self.distill_terms if isinstance(term, FeatureTerm)]

    @property
    def shift_invariant(self) -> bool:
        """Whether adding one number to all logits of a pixel changes no term."""
        return all(term.shift_invariant for term in self.distill_terms)

    @property
    def needs_fused(self) -> bool:
        """Whether a term compares the input of the classifiers."""
        return any("fused" in term.taps for term in self.feature_terms)

    @property
    def needs_fitted_temperature(self) -> bool:
        """Whether a term lacks the temperature fitted on the validation part."""
        return any(_lacks_temperature(term) for term in self.distill_terms)

    def set_fitted_temperature(self, temperature: float) -> None:
        """Set the temperature of the terms with ``temperature='fitted'``."""
        for term in filter(_lacks_temperature, self.distill_terms):
            term.set_fitted_temperature(temperature)  # type: ignore[operator]

    @property
    def changes(self) -> bool:
        """Whether ``teacher_ratio`` or the weight of a term changes over iterations."""
        weights = [term.weight for term in self.distill_terms]
        return any(schedule.changes for schedule in (self.teacher_ratio, *weights))

    def uses_teacher(self, iteration: int) -> bool:
        """Whether the teacher's weight is above 0 at an iteration, so it must run."""
        weighted = any(term.weight(iteration) for term in self.distill_terms)
        return weighted and self.teacher_ratio(iteration) > 0

    def bind(
        self,
        student: EncoderDecoder,
        teacher: EncoderDecoder | None,
        loss_given: bool = False,
    ) -> None:
        """Check the loss against the models, and build projectors.

        Args:
            student: The student; its ``ignore_index`` is adopted.
            teacher: The single teacher; None for an ensemble or a cache.
            loss_given: Whether the config of the student's decode head has
                ``loss_decode``.

        Raises:
            ValueError: The student regresses maps; ``class_weight`` has another length
                than it has classes; a term has no gradient for the class count, or
                needs features that are not available; the student's decode head has a
                label loss that this loss does not replace; or a loss of ``label_loss``
                does not fit the head.
        """
        head = last_head(student)
        check_classifies(head, type(self).__name__)
        self.one_channel = head.out_channels == 1
        check_class_count(
            self.class_weight, student.num_classes, "distill_loss.class_weight"
        )
        self.ignore_index = ignore_index_of(
            head, self.configured_ignore_index, "distill_loss.ignore_index"
        )
        self._bind_label_loss(head, loss_given)
        if self.student_error is not None:
            self.student_error.check_num_classes(student.num_classes)
        for term in self.distill_terms:
            term.check_num_classes(student.num_classes)
            term.set_ignore_index(head)
        for term in self.feature_terms:
            if teacher is None:
                raise ValueError(
                    f"{type(term).__name__} compares features, which need one teacher "
                    f"that runs beside the student: caches, ensembles and labels give "
                    f"logits only. Leave out teacher_cache, name one teacher, or take "
                    f"KLDLoss"
                )
            tap, teacher_tap = term.taps
            term.bind_channels(
                channels_at(student, tap), channels_at(teacher, teacher_tap)
            )

    def _bind_label_loss(self, head: Any, loss_given: bool) -> None:
        check_sampler(head)
        if self.label_loss == "student":
            own = main_loss(head)
            losses = list(own) if isinstance(own, nn.ModuleList) else [own]
            where = "student.decode_head.loss_decode"
            self.label_losses = LabelLosses(losses, where, as_in_head=True)
        else:
            check_label_loss(head, self._label_settings(), loss_given)
        if self.label_losses is not None:
            channels, classes = head.out_channels, head.num_classes
            for line in self.label_losses.check(channels, classes, self.ignore_index):
                print_log(line, logger="current", level=logging.WARNING)

    def _label_settings(self) -> LabelSettings:
        shown = f"{WHERE}={self.label_loss!r}, gamma={self.label_gamma}"
        if self.label_losses is not None:
            kinds = (type(loss).__name__ for loss in self.label_losses.losses)
            shown = f"{WHERE} of {', '.join(kinds)}"
        return LabelSettings(
            shown,
            self.label_gamma,
            self.class_weight,
            self.kind_named,
            self.gamma_named,
        )

    def forward(
        self,
        student: SegOutputs,
        teacher: SegOutputs | None,
        labels: Tensor,
        align_corners: bool = False,
        iteration: int = 0,
    ) -> dict[str, Tensor]:
        """Compute the losses of the student against labels and teacher.

        Args:
            student: Logits (B, C, h, w), and the features that the terms compare.
            teacher: Outputs of the same kind, with logits resized to h x w; None if
                ``uses_teacher`` is False.
            labels: (B, H, W) in [0, C) or ``ignore_index``.
            align_corners: ``align_corners`` of the bilinear upsampling to H x W.
            iteration: Iteration of the run, from 0, for the schedules.

        Returns:
            ``loss_label`` and one ``loss_<name>`` per term, which sum to the total of
            the table; and, for the log only, ``label`` (L_orig), ``<name>`` (each term
            unweighted; NaN while its scheduled weight is 0), ``modulation`` (m), and
            the current values of schedules. If ``label_loss`` is not a name, there is
            one ``loss_label_<name>`` per loss in place of ``loss_label``, and
            ``label_<name>``, the loss without its ``loss_weight``.
        """
        size = labels.shape[-2:]
        logits = functional.resize_logits(student.logits, size, align_corners)
        parts, m = self._label_parts(logits, labels)
        label = torch.stack([weight * value for _, weight, value in parts]).sum()
        if self.student_error is not None:
            m = self._student_error(student, teacher)
        factor = m.detach() if self.detach_modulation else m
        ratio = self.teacher_ratio(iteration)
        label_factor = factor if self.modulate == "both" else 1.0
        losses = {}
        for name, weight, value in parts:
            losses[f"loss_{name}"] = (1 - ratio) * label_factor * weight * value
            losses[name] = value.detach()
        losses.update(label=label.detach(), modulation=m.detach())
        if self.teacher_ratio.changes:
            losses["teacher_ratio"] = m.new_tensor(ratio)
        compared = student if teacher is None else teacher.comparable(student)
        for term in self.distill_terms:
            weight = ratio * term.weight(iteration)
            if term.weight.changes:
                losses[f"weight_{term.name}"] = m.new_tensor(term.weight(iteration))
            if not weight:
                losses[f"loss_{term.name}"] = _zero(term, label)
                if self.changes:  # the log would repeat the last value otherwise
                    losses[term.name] = m.new_tensor(torch.nan)
                continue
            assert teacher is not None, "uses_teacher() is True at this iteration"
            value = term(compared, teacher, labels)
            modulated = term.modulate and self.modulate != "none"
            losses[f"loss_{term.name}"] = (
                weight * (factor if modulated else 1.0) * value
            )
            losses[term.name] = value.detach()
        return losses

    def _student_error(self, student: SegOutputs, teacher: SegOutputs | None) -> Tensor:
        if teacher is None:  # no term to modulate, and none in the log
            return student.logits.new_full((), torch.nan, dtype=torch.float)
        assert self.student_error is not None
        logits = student.logits, teacher.logits
        return self.student_error(*logits, self.gamma, teacher.valid)

    def _label_parts(
        self, logits: Tensor, labels: Tensor
    ) -> tuple[list[tuple[str, float, Tensor]], Tensor]:
        """Name, weight and value of each loss against the labels; and m."""
        if self.label_losses is None:
            label, m = functional.focal_loss_and_modulation(
                logits,
                labels,
                self.label_gamma or 0.0,
                self.gamma,
                self.class_weight,
                self.ignore_index,
            )
            return [("label", 1.0, label)], m
        m = functional.focal_modulation(logits, labels, self.gamma, self.ignore_index)
        if self.one_channel:  # the head's own logit, of (0, z)
            logits = logits[:, 1:]
        values = self.label_losses(logits, labels, self.ignore_index)
        weights = self.label_losses.weights
        named = zip(values.items(), weights, strict=True)
        return [(name, weight, value) for (name, value), weight in named], m


def _kind(label_loss: LabelLoss) -> str:
    """One of ``KINDS``, or ``'list'`` for configs."""
    return label_loss if isinstance(label_loss, str) else "list"


def _build_label_losses(
    label_loss: LabelLoss, class_weight: Sequence[float] | None
) -> LabelLosses | None:
    """The losses of a list; None for a name.

    Raises:
        ValueError: The name is unknown, ``class_weight`` has no effect, or a loss
            cannot be used.
    """
    if isinstance(label_loss, str) and label_loss not in KINDS:
        raise ValueError(
            f"label_loss must be one of {KINDS} or configs of losses, got "
            f"{label_loss!r}"
        )
    if class_weight is not None and label_loss not in ("focal", "ce"):
        raise ValueError(
            f"distill_loss.class_weight={list(class_weight)} is for label_loss='focal' "
            f"and 'ce': with others set class_weight of the losses themselves"
        )
    if isinstance(label_loss, str):
        return None
    return build_label_losses(label_loss, WHERE)


def _build_terms(
    terms: Sequence[dict[str, Any]] | None, temperature: float | str
) -> list[DistillTerm]:
    if terms is None:
        terms = [{"type": "KLDLoss", "temperature": temperature, "name": "distill"}]
    elif temperature != 1.0:
        raise ValueError(
            f"temperature={temperature} is for the default KL term, without terms: set "
            f"it on a term, as in terms=[dict(type='KLDLoss', temperature=...)]"
        )
    if not terms:
        raise ValueError(
            "terms=[] leaves no loss against the teacher: list at least one term"
        )
    built = [MODELS.build(term) for term in terms]
    for config, term in zip(terms, built, strict=True):
        if not isinstance(term, DistillTerm):
            raise ValueError(f"terms: {config['type']} is not a DistillTerm")
    names = [term.name for term in built]
    for name in names:
        if names.count(name) > 1 or name in OWN_NAMES or name.startswith(RESERVED):
            raise ValueError(
                f"terms: the name {name!r} is taken; give each term its own, as in "
                f"dict(type='KLDLoss', name='soft_kl')"
            )
    return built


def _lacks_temperature(term: DistillTerm) -> bool:
    return getattr(term, "temperature", None) == FITTED


def _zero(term: DistillTerm, like: Tensor) -> Tensor:
    """Zero with a gradient for projectors, because DDP needs a gradient of each."""
    zero = like.new_zeros(())
    return zero + sum(0.0 * weight.sum() for weight in term.parameters())

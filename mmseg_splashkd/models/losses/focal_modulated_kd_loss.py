"""The distillation loss of the record, 0520 to 0627, over any terms."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_splashkd.models.losses import functional
from mmseg_splashkd.models.losses.logit_terms import FITTED
from mmseg_splashkd.models.losses.schedule import schedule_of
from mmseg_splashkd.models.losses.softmax_focal_loss import check_gamma
from mmseg_splashkd.models.losses.term import DistillTerm, FeatureTerm, Weight
from mmseg_splashkd.models.segmentors.outputs import SegOutputs, channels_at

MODULATE = ("none", "kd", "both")
OWN_NAMES = ("label", "modulation", "teacher_ratio")


@MODELS.register_module()
class FocalModulatedKDLoss(nn.Module):
    """Label term and teacher term, balanced by r and modulated by m.

    With L_orig the focal (or cross-entropy) loss against the labels, L_dist the KL
    against the teacher (or the weighted sum of ``terms``), r = ``teacher_ratio`` and m
    the mean over valid pixels of (1 - pt)^gamma, which a hard frame raises and an easy
    one lowers:

    ========== ==================================
    modulate   total
    ========== ==================================
    ``'none'`` (1 - r) L_orig + r L_dist
    ``'kd'``   (1 - r) L_orig + r m L_dist
    ``'both'`` m ((1 - r) L_orig + r L_dist)
    ========== ==================================

    L_orig and m are taken on logits upsampled to the labels' size, L_dist at the
    student's resolution.

    Args:
        teacher_ratio: r in [0, 1], a number or a ``Schedule``.
        label_loss: ``'focal'`` or ``'ce'``.
        gamma: Focal exponent >= 0, of L_orig and of m.
        temperature: T > 0 of L_dist, or ``'fitted'``: the one that fits the teacher to
            the validation part. Without ``terms`` only; those have their own.
        modulate: ``'none'``, ``'kd'`` or ``'both'``.
        detach_modulation: Let no gradient through m. The record let it through.
        class_weight: One weight a class, for L_orig.
        ignore_index: Label of pixels that L_orig and m leave out.
        terms: Configs of distillation losses (``KLDLoss``, ``CWDLoss``, ...), each with
            its ``weight``, a number or a ``Schedule``. By default one ``KLDLoss``.

    Raises:
        ValueError: An argument is out of its range, or two terms have the same name.
    """

    class_weight: Tensor | None

    def __init__(
        self,
        teacher_ratio: Weight = 0.5,
        label_loss: str = "focal",
        gamma: float = 2.0,
        temperature: float | str = 1.0,
        modulate: str = "kd",
        detach_modulation: bool = False,
        class_weight: Sequence[float] | None = None,
        ignore_index: int = 255,
        terms: Sequence[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.teacher_ratio = schedule_of(teacher_ratio, "teacher_ratio")
        if self.teacher_ratio.peak > 1:
            raise ValueError(
                f"teacher_ratio must lie in [0, 1], got {teacher_ratio}; 0 learns from "
                f"labels alone, 1 from the teacher alone"
            )
        if label_loss not in ("focal", "ce"):
            raise ValueError(f"label_loss must be 'focal' or 'ce', got {label_loss!r}")
        if modulate not in MODULATE:
            raise ValueError(f"modulate must be one of {MODULATE}, got {modulate!r}")
        self.gamma = check_gamma(gamma)
        self.label_gamma = gamma if label_loss == "focal" else 0.0
        self.modulate = modulate
        self.terms = nn.ModuleList(_build_terms(terms, temperature))
        self.detach_modulation = detach_modulation
        self.ignore_index = ignore_index
        weight = None if class_weight is None else torch.tensor(class_weight).float()
        self.register_buffer("class_weight", weight, persistent=False)

    # What the segmentor must know and tell.

    @property
    def distill_terms(self) -> list[DistillTerm]:
        """The terms of L_dist."""
        return list(self.terms)  # type: ignore[arg-type]

    @property
    def feature_terms(self) -> list[FeatureTerm]:
        """Those that compare features."""
        return [term for term in self.distill_terms if isinstance(term, FeatureTerm)]

    @property
    def shift_invariant(self) -> bool:
        """Whether a number added to all logits of a pixel changes no term."""
        return all(term.shift_invariant for term in self.distill_terms)

    @property
    def needs_fused(self) -> bool:
        """Whether a term compares what the classifiers see."""
        return any("fused" in term.taps for term in self.feature_terms)

    @property
    def needs_fitted_temperature(self) -> bool:
        """Whether a term waits for the temperature fitted on validation."""
        return any(_waits(term) for term in self.distill_terms)

    def set_fitted_temperature(self, temperature: float) -> None:
        """Give the terms that ask for it the temperature fitted on validation."""
        for term in filter(_waits, self.distill_terms):
            term.set_fitted_temperature(temperature)  # type: ignore[operator]

    @property
    def changes(self) -> bool:
        """Whether a weight or the teacher's share ever changes."""
        weights = [term.weight for term in self.distill_terms]
        return any(schedule.changes for schedule in (self.teacher_ratio, *weights))

    def uses_teacher(self, iteration: int) -> bool:
        """Whether the teacher has any weight at an iteration; if not, spare it."""
        heard = any(term.weight(iteration) for term in self.distill_terms)
        return heard and self.teacher_ratio(iteration) > 0

    def connect(self, student: EncoderDecoder, teacher: EncoderDecoder | None) -> None:
        """Check the terms against the models, and build projectors.

        Args:
            student: The student.
            teacher: The one teacher; None where there are several, or a cache.

        Raises:
            ValueError: A term is blind for the class count, or needs features of a
                teacher that has none.
        """
        for term in self.distill_terms:
            term.check(student.num_classes)
        for term in self.feature_terms:
            if teacher is None:
                raise ValueError(
                    f"{type(term).__name__} compares features, which need one teacher "
                    f"that runs beside the student: caches and ensembles give logits. "
                    f"Leave out teacher_cache, name one teacher, or take KLDLoss"
                )
            tap, teacher_tap = term.taps
            term.connect(channels_at(student, tap), channels_at(teacher, teacher_tap))

    def forward(
        self,
        student: SegOutputs,
        teacher: SegOutputs | None,
        labels: Tensor,
        align_corners: bool = False,
        iteration: int = 0,
    ) -> dict[str, Tensor]:
        """Compare the student with labels and teacher.

        Args:
            student: Logits (B, C, h, w), and features if a term asks for them.
            teacher: Likewise, logits resized to h x w; None where ``uses_teacher`` is
                false.
            labels: (B, H, W) in [0, C) or ``ignore_index``.
            align_corners: Of the upsampling to H x W.
            iteration: Of the run, for the schedules.

        Returns:
            ``loss_label`` and a ``loss_<name>`` a term, which sum to the total of the
            table, and, for the log only, ``label`` (L_orig), ``<name>`` (each term
            unweighted; NaN while a schedule silences it), ``modulation`` (m), and what
            a schedule has come to.
        """
        size = labels.shape[-2:]
        logits = functional.resize_logits(student.logits, size, align_corners)
        label, m = functional.focal_loss_and_modulation(
            logits,
            labels,
            self.label_gamma,
            self.gamma,
            self.class_weight,
            self.ignore_index,
        )
        factor = m.detach() if self.detach_modulation else m
        ratio = self.teacher_ratio(iteration)
        label_factor = factor if self.modulate == "both" else 1.0
        losses = {
            "loss_label": (1 - ratio) * label_factor * label,
            "label": label.detach(),
            "modulation": m.detach(),
        }
        if self.teacher_ratio.changes:
            losses["teacher_ratio"] = m.new_tensor(ratio)
        for term in self.distill_terms:
            weight = ratio * term.weight(iteration)
            if term.weight.changes:
                losses[f"weight_{term.name}"] = m.new_tensor(term.weight(iteration))
            if not weight:
                losses[f"loss_{term.name}"] = _nothing(term, label)
                if self.changes:  # else the log goes on with an older one
                    losses[term.name] = m.new_tensor(torch.nan)
                continue
            assert teacher is not None, "uses_teacher() said that the teacher is heard"
            value = term(student, teacher, labels)
            modulated = term.modulate and self.modulate != "none"
            losses[f"loss_{term.name}"] = (
                weight * (factor if modulated else 1.0) * value
            )
            losses[term.name] = value.detach()
        return losses


def _build_terms(
    terms: Sequence[dict[str, Any]] | None, temperature: float | str
) -> list[DistillTerm]:
    if terms is None:
        terms = [{"type": "KLDLoss", "temperature": temperature, "name": "distill"}]
    elif temperature != 1.0:
        raise ValueError(
            f"temperature={temperature} is for the KL that stands without terms: give "
            f"it to a term, as in terms=[dict(type='KLDLoss', temperature=...)]"
        )
    if not terms:
        raise ValueError("terms=[] leaves no loss against the teacher: name at least 1")
    built = [MODELS.build(term) for term in terms]
    for config, term in zip(terms, built, strict=True):
        if not isinstance(term, DistillTerm):
            raise ValueError(f"terms: {config['type']} is no distillation loss of ours")
    names = [term.name for term in built]
    for name in names:
        if names.count(name) > 1 or name in OWN_NAMES:
            raise ValueError(
                f"terms: the name {name!r} is taken; give each term its own, as in "
                f"dict(type='KLDLoss', name='soft_kl')"
            )
    return built


def _waits(term: DistillTerm) -> bool:
    return getattr(term, "temperature", None) == FITTED


def _nothing(term: DistillTerm, like: Tensor) -> Tensor:
    """Zero that still reaches a projector: DDP waits for each weight's gradient."""
    zero = like.new_zeros(())
    return zero + sum(0.0 * weight.sum() for weight in term.parameters())

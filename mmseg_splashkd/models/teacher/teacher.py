"""A frozen teacher: one segmentor, or the average of several."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_splashkd.checkpoint import (
    find_checkpoint,
    load_strict,
    not_finite,
    read_checkpoint,
)
from mmseg_splashkd.datasets.views import seeded
from mmseg_splashkd.models.bf16_check import checked_layers
from mmseg_splashkd.models.heads.positional_segformer_head import (
    check_position_embedding,
)
from mmseg_splashkd.models.losses.functional import resize_logits
from mmseg_splashkd.models.losses.functional.precision import at_least_single
from mmseg_splashkd.models.segmentors.outputs import SegOutputs, forward_outputs
from mmseg_splashkd.models.teacher.renormalise import Renormalisation, normalisation
from mmseg_splashkd.records.record import FAILED, FINISHED
from mmseg_splashkd.records.store import run_of_weights

AVERAGES = ("probability", "logit")
PRECISIONS = ("bf16", "fp32")


class FrozenTeacher(nn.Module):
    """One or several segmentors in eval mode, without gradients.

    Several form an ensemble: the weighted mean of their probabilities (returned as
    logarithms, whose softmax is that mean) or of their logits, at the resolution of the
    first.

    Args:
        members: Segmentors with the same classes.
        average: ``'probability'`` or ``'logit'``.
        weights: One number > 0 per member; default equal weights.
        precision: ``'bf16'``: convolutions and matrix products in bfloat16, logits
            returned in float32; ``'fp32'``: float32 also where the student computes in
            mixed precision; default None: that of the student.

    Raises:
        ValueError: ``average`` or ``precision`` is unknown, or ``weights`` do not fit.
    """

    def __init__(
        self,
        members: Sequence[EncoderDecoder],
        average: str = "probability",
        weights: Sequence[float] | None = None,
        precision: str | None = None,
    ) -> None:
        super().__init__()
        check_precision(precision)
        if average not in AVERAGES:
            raise ValueError(
                f"ensemble.average must be one of {AVERAGES}, got {average!r}"
            )
        weights = [1.0] * len(members) if weights is None else list(weights)
        if len(weights) != len(members) or not all(
            0 < weight < math.inf for weight in weights
        ):
            raise ValueError(
                f"ensemble.weights must be {len(members)} positive numbers, one per "
                f"teacher; got {weights}"
            )
        self.members = nn.ModuleList(members)
        self.average = average
        self.precision = precision
        self._is_checked = False
        self.weights = [weight / sum(weights) for weight in weights]
        self.classes: list[str] | None = None
        # From the images to those of each member.
        self.renormalise = [Renormalisation({}, {})] * len(members)
        # Rule of the gate, and what violates it, of the files that were loaded.
        self.faults: list[tuple[str, str]] = []
        self.eval().requires_grad_(False)
        for part in self.modules():
            if isinstance(part, nn.MultiheadAttention):
                part.register_forward_pre_hook(_contiguous, with_kwargs=True)

    @property
    def first(self) -> Any:
        """The first member, whose resolution the outputs have."""
        return self.members[0]

    @property
    def all(self) -> list[EncoderDecoder]:
        """All members."""
        return list(self.members)  # type: ignore[arg-type]

    @property
    def only(self) -> EncoderDecoder | None:
        """The single member; None for an ensemble."""
        return self.first if len(self.members) == 1 else None

    @property
    def align_corners(self) -> bool:
        """``align_corners`` of the logits."""
        return self.first.align_corners

    def take_images_of(self, model: Any) -> None:
        """Take images that are normalised for another segmentor.

        Args:
            model: The segmentor, by whose preprocessor they are normalised.
        """
        source = normalisation(model)
        self.renormalise = [
            Renormalisation(source, normalisation(member)) for member in self.all
        ]

    @torch.no_grad()  # not inference_mode: losses may save the outputs for backward
    def forward(
        self,
        images: Tensor,
        fused: bool = False,
        paddings: Sequence[Sequence[int]] | None = None,
    ) -> SegOutputs:
        """Outputs for (B, 3, H, W) normalised images; an ensemble returns logits only.

        Args:
            images: (B, 3, H, W), normalised for the members or, after
                ``take_images_of``, for another segmentor.
            fused: Whether to return the fused features, for a single member only.
            paddings: Pixels added to each image; see ``Renormalisation``.
        """
        own = [change(images, paddings) for change in self.renormalise]
        with self._precision(images.device.type):
            if self.only is not None:
                outputs = forward_outputs(self.only, own[0], fused)
                return self._single(outputs)
            pairs = zip(self.all, own, strict=True)
            outputs = [forward_outputs(member, images) for member, images in pairs]
        logits = [at_least_single(each.logits) for each in outputs]
        size = logits[0].shape[-2:]
        corners = [member.align_corners for member in self.all]
        resized = [
            resize_logits(z, size, c) for z, c in zip(logits, corners, strict=True)
        ]
        return SegOutputs(self._averaged(resized))

    @contextmanager
    def _precision(self, device: str) -> Iterator[None]:
        if self.precision is None:
            yield
            return
        is_half = self.precision == "bf16"
        is_checked = self._is_checked or not is_half or device != "cpu"
        check = nullcontext() if is_checked else checked_layers(self)
        with torch.autocast(device, torch.bfloat16, enabled=is_half), check:
            yield
        self._is_checked = True

    def _single(self, outputs: SegOutputs) -> SegOutputs:
        """Outputs with logits in float32, unless the student's precision holds."""
        if self.precision is None:
            return outputs
        return replace(outputs, logits=at_least_single(outputs.logits))

    def _averaged(self, logits: list[Tensor]) -> Tensor:
        weighted = zip(self.weights, logits, strict=True)
        if self.average == "logit":
            return torch.stack([weight * z for weight, z in weighted]).sum(0)
        terms = [math.log(weight) + F.log_softmax(z, dim=1) for weight, z in weighted]
        return torch.stack(terms).logsumexp(0)

    def load(self, patterns: Sequence[str]) -> None:
        """Load the weights of all members.

        Args:
            patterns: One file or pattern per member.

        Raises:
            ValueError: A pattern matches several files, a position embedding is not the
                member's, or the members' classes differ.
            FileNotFoundError: A file does not exist.
            RuntimeError: Keys or shapes differ from those of the member.
        """
        classes = []
        for member, pattern in zip(self.all, patterns, strict=True):
            path = find_checkpoint(pattern, "teacher_checkpoint")
            checkpoint, source = read_checkpoint(path), f"teacher_checkpoint {path}"
            load_strict(member, checkpoint["state_dict"], source)
            check_position_embedding(member, checkpoint["meta"], source)
            self.faults += _faults(path, checkpoint["state_dict"])
            classes.append(checkpoint["meta"].get("dataset_meta", {}).get("classes"))
            self.faults += _other_normalisation(member, checkpoint["meta"], source)
            print_log(f"Loaded the frozen teacher from {path}", logger="current")
        stored = [list(names) for names in classes if names]
        if any(names != stored[0] for names in stored):
            raise ValueError(
                f"the teachers' classes differ: {stored}; they must be equal"
            )
        self.classes = stored[0] if stored else None

    def draw_weights(self, seed: int) -> None:
        """Draw the weights with which a training begins, without any published ones.

        Args:
            seed: Seed >= 0, by which the members were built, too.
        """
        for index, member in enumerate(self.all):
            for part in member.modules():
                # What adapters of model libraries would load.
                if getattr(part, "pretrained", None):
                    part.pretrained = None  # type: ignore[assignment]
            with seeded(seed, index):
                member.init_weights()
        print_log(f"The teacher has random weights of seed {seed}", logger="current")


def _faults(path: Path, state_dict: Mapping[str, Tensor]) -> list[tuple[str, str]]:
    """What speaks against weights: rule of the teacher's gate, and a sentence."""
    faults, source = [], f"teacher_checkpoint {path}"
    if names := not_finite(state_dict):
        text = f"{source} holds NaN or infinite values, such as in {names[0]}"
        faults.append(("finite", f"{text}: its run diverged, take another teacher"))
    run = run_of_weights(path)
    if run is not None and run.status == FAILED:
        text = f"{source} is of a run that failed ({run.record.reason})"
        faults.append(("failed", f"{text}: take the weights of a finished run"))
    elif run is not None and run.status != FINISHED:
        text = f"{source} is of a run that is {run.status}, not finished"
        print_log(text, logger="current", level=logging.WARNING)
    return faults


def _other_normalisation(
    member: Any, meta: Mapping[str, Any], source: str
) -> list[tuple[str, str]]:
    """The fault that weights were trained with another normalisation, if they were."""
    trained, own = meta.get("normalisation"), normalisation(member)
    if not trained or trained == own:
        return []
    text = f"the training of {source} normalises by {trained}, "
    text += f"teacher.data_preprocessor by {own}: both must be equal"
    return [("normalisation", text)]


def _contiguous(
    _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of attention without gaps in memory, if they are in bfloat16.

    torch multiplies transposed ones by copies of a frozen weight, one for each pixel: a
    SegFormer-B1 then takes five times as long. In float32 it makes no difference.
    """
    made: dict[int, Any] = {}  # equal arguments stay the same tensor, as torch asks

    def changed(value: Any) -> Any:
        if not isinstance(value, Tensor) or value.dtype != torch.bfloat16:
            return value
        return made.setdefault(id(value), value.contiguous())

    named = {key: changed(value) for key, value in kwargs.items()}
    return tuple(map(changed, args)), named


def check_precision(precision: str | None) -> None:
    """Check ``teacher_precision``.

    Raises:
        ValueError: It is none of ``PRECISIONS``, and not None.
    """
    if precision not in (None, *PRECISIONS):
        raise ValueError(
            f"teacher_precision={precision!r} must be one of {PRECISIONS}, or None for "
            f"that of the student"
        )


def as_list(value: Any) -> list:
    """A list unchanged, other values as a one-element list; None gives ``[None]``."""
    several = isinstance(value, Sequence) and not isinstance(value, str)
    return list(value) if several else [value]


def build_teacher(
    teacher: Any,
    checkpoints: Any,
    ensemble: Mapping[str, Any] | None,
    precision: str | None = None,
) -> FrozenTeacher:
    """Build the teachers that a config names.

    Args:
        teacher: One config, or a list.
        checkpoints: One file or pattern, or a list. One config with several files
            builds one member per file.
        ensemble: ``average`` and ``weights`` of ``FrozenTeacher``.
        precision: ``'bf16'`` or ``'fp32'``; default None: that of the student.

    Raises:
        ValueError: Configs and files differ in number, or the members' class counts do.
    """
    configs, files = as_list(teacher), as_list(checkpoints)
    if len(configs) == 1:
        configs = configs * len(files)
    if len(files) != len(configs) and files != [None]:
        raise ValueError(
            f"teacher names {len(configs)} models and teacher_checkpoint {len(files)} "
            f"files: give one file per model"
        )
    options = dict(ensemble or {})
    if unknown := sorted(options.keys() - {"average", "weights"}):
        raise ValueError(f"ensemble has {unknown}; it takes average and weights")
    if options and len(configs) == 1:
        raise ValueError("ensemble is for several teachers, but there is one")
    members = [MODELS.build(config) for config in configs]
    teachers = FrozenTeacher(members, **options, precision=precision)
    for member in teachers.all:
        if member.num_classes != teachers.first.num_classes:
            raise ValueError("the teachers' class counts differ; they must be equal")
    return teachers

"""Labels of target frames corrected by prototypes, first stage."""

import logging
from typing import Any, ClassVar

import torch
from mmengine.dist import all_reduce
from mmengine.logging import print_log
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_splashkd.models.adaptation.methods.copies import CopyingMethod, follow
from mmseg_splashkd.models.adaptation.methods.method import Step
from mmseg_splashkd.models.adaptation.mixing import teacher_decay
from mmseg_splashkd.models.adaptation.prototypes import (
    ClassMeans,
    class_means,
    corrected_labels,
    degeneration_loss,
    distances,
    moved,
    structure_loss,
)
from mmseg_splashkd.models.adaptation.strong_view import strong_view
from mmseg_splashkd.models.adaptation.symmetric import symmetric_cross_entropy
from mmseg_splashkd.models.losses.functional import resize_logits
from mmseg_splashkd.models.segmentors.outputs import (
    SegOutputs,
    channels_at,
    forward_outputs,
)


class PoorStartError(RuntimeError):
    """A network is too poor at the start for a method."""


@MODELS.register_module()
class PrototypeDenoising(CopyingMethod):
    """Learn labels of target frames, corrected by prototypes: stage 1 of ProDA.

    Zhang et al., "Prototypical Pseudo Label Denoising and Target Structure Learning
    for Domain Adaptive Semantic Segmentation", CVPR 2021. The soft labels are those of
    the network at the start, the *warm-up*, of which a copy is kept; a class that is
    near its prototype in the features of a moving average weighs more. Maps have the
    size of the features that are classified.

    In the first steps the network learns from the source alone, and the prototypes are
    the mean features of the warm-up. Then the warm-up is judged: where a class has far
    more or far fewer pixels in its predictions on the target than in the labels of the
    source, its labels are too poor to be corrected. Both are counted in the frames as
    they are drawn, so a sampler that prefers frames with a class (``focus_share``)
    raises its share in the source: raise ``gate`` by as much.

    Args:
        first_steps: Steps > 0 for the first prototypes.
        gate: Factor > 1 that tells a poor warm-up, see above; None: none is refused for
            it, and the log says which class has no prediction on the target.
        tau: Temperature > 0 of the softmax of distances; 1 in the paper.
        alpha: Weight >= 0 of the cross-entropy; 0.1 in the paper.
        beta: Weight >= 0 of the reverse cross-entropy; 1 in the paper.
        structure_weight: Factor gamma_1 >= 0 of the consistency of a weak and a strong
            view; 10 in the paper, whose code divides it by the number of classes, and
            this one, as its equation 8, does not.
        degeneration_weight: Factor gamma_2 >= 0 of the cross-entropy to equal classes;
            0.1 in the paper.
        average: Largest weight of the former moving average, in [0, 1); 0.999 in the
            paper.
        momentum: Weight of former prototypes, in [0, 1]; 0.9999 in the paper.
        strength: Strength >= 0 of the strong view's light and colour, see
            ``strong_view``.

    Raises:
        ValueError: An argument is out of range, or the head classifies in another way.
        PoorStartError: The warm-up is poor; the message names the class.
    """

    teacher: Any
    warm: Any
    prototypes: Tensor
    pixels: Tensor
    labelled: Tensor
    gathered: Tensor
    copies: ClassVar[tuple[str, ...]] = ("teacher", "warm")

    def __init__(
        self,
        first_steps: int = 20,
        gate: float | None = 10.0,
        tau: float = 1.0,
        alpha: float = 0.1,
        beta: float = 1.0,
        structure_weight: float = 10.0,
        degeneration_weight: float = 0.1,
        average: float = 0.999,
        momentum: float = 0.9999,
        strength: float = 0.5,
    ) -> None:
        super().__init__()
        for name, value, fits, wanted in (
            ("first_steps", first_steps, first_steps >= 1, "be at least 1"),
            ("gate", gate, gate is None or gate > 1, "be above 1, or None"),
            ("tau", tau, tau > 0, "be above 0"),
            ("alpha", alpha, alpha >= 0, "be at least 0"),
            ("beta", beta, beta >= 0 and alpha + beta > 0, "be at least 0, and alpha "
             "+ beta above 0"),
            ("structure_weight", structure_weight, structure_weight >= 0,
             "be at least 0"),
            ("degeneration_weight", degeneration_weight, degeneration_weight >= 0,
             "be at least 0"),
            ("average", average, 0 <= average < 1, "lie in [0, 1)"),
            ("momentum", momentum, 0 <= momentum <= 1, "lie in [0, 1]"),
            ("strength", strength, strength >= 0, "be at least 0"),
        ):  # fmt: skip
            if not fits:
                raise ValueError(f"{name}={value} must {wanted}")
        self.first_steps, self.gate, self.tau = first_steps, gate, tau
        self.alpha, self.beta = alpha, beta
        self.structure_weight = structure_weight
        self.degeneration_weight = degeneration_weight
        self.average, self.momentum, self.strength = average, momentum, strength

    def bind(self, network: EncoderDecoder) -> None:
        """Build copies of the network, and empty prototypes."""
        super().bind(network)
        channels = channels_at(network, "fused")
        if channels is None:
            raise ValueError(
                f"student.decode_head classifies without conv_seg, so there are no "
                f"features for prototypes in a {type(network.decode_head).__name__}: "
                f"use another method, such as MeanTeacher"
            )
        classes = network.num_classes
        zeros = {"prototypes": (classes, channels), "pixels": (classes,)}
        for name, shape in (zeros | {"labelled": (classes,)}).items():
            self.register_buffer(name, torch.zeros(shape).double())
        self.register_buffer("gathered", torch.zeros((), dtype=torch.long))

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Three losses, after the first steps; ``changed``, in percent.

        ``loss_corrected`` (symmetric cross-entropy to the corrected labels),
        ``loss_structure`` and ``loss_degeneration``. ``changed`` is the share of pixels
        whose label is not the warm-up's.
        """
        if step.iteration == 0:
            follow(self.warm, step.network, 0)
        follow(self.teacher, step.network, teacher_decay(step.iteration, self.average))
        with torch.no_grad():
            warm = forward_outputs(self.warm, step.targets, fused=True)
        if step.iteration < self.first_steps:
            self._gather(step, warm)
            # Not in a trial before buffers are restored from a checkpoint.
            if self.gathered == self.first_steps:
                self._check()
            return {}
        return self._losses(step, warm)

    def _losses(self, step: Step, warm: SegOutputs) -> dict[str, Tensor]:
        with torch.no_grad():
            average = forward_outputs(self.teacher, step.targets, fused=True)
            features = average.at("fused")
            size, prototypes = features.shape[-2:], self.prototypes.float()
            there = self.pixels > 0  # others have no prototype
            weak = distances(features, prototypes)
            near = weak.masked_fill(~there[:, None, None], torch.inf)
            soft = _sized(step, warm, size).softmax(1)
            labels = corrected_labels(soft, near, self.tau)
            seen = _reduced(class_means(features, labels, len(self.pixels)))
            changed = (labels != soft.argmax(1)).double().mean()
        strong = strong_view(step.targets, self.strength)
        views = torch.cat([step.targets, strong])
        own = forward_outputs(step.network, views, fused=True)
        plain, _ = _sized(step, own, size).chunk(2)
        losses = {
            "loss_corrected": symmetric_cross_entropy(
                plain, labels, self.alpha, self.beta, step.ignore_index
            ),
            "loss_structure": self.structure_weight
            * structure_loss(
                weak[:, there],
                distances(own.at("fused").chunk(2)[1], prototypes[there]),
                self.tau,
            ),
            "loss_degeneration": self.degeneration_weight * degeneration_loss(plain),
            "changed": 100 * changed,
        }
        self.prototypes.copy_(moved(self.prototypes, seen, self.momentum))
        return losses

    @torch.no_grad()
    def _gather(self, step: Step, warm: SegOutputs) -> None:
        """Add a batch to the means of the warm-up's features, and count pixels."""
        features = warm.at("fused")
        labels = _sized(step, warm, features.shape[-2:]).argmax(1)
        seen = _reduced(class_means(features, labels, len(self.pixels)))
        total = self.pixels + seen.pixels
        part = (seen.pixels / total.clamp_min(1))[:, None]
        self.prototypes.lerp_(seen.means, part)
        self.pixels.copy_(total)
        known = step.labels[step.labels != step.ignore_index]
        counted = torch.bincount(known, minlength=len(self.labelled))
        all_reduce(counted)
        self.labelled += counted
        self.gathered += 1

    def _check(self) -> None:
        """Compare the shares of classes, as whole numbers of pixels are counted."""
        counts = zip(self.pixels.tolist(), self.labelled.tolist(), strict=True)
        for number, (pixels, labelled) in enumerate(counts):
            found = pixels / float(self.pixels.sum())
            share = labelled / max(float(self.labelled.sum()), 1)
            if not labelled:
                raise PoorStartError(
                    f"class {number} is in no label of the source in the first "
                    f"{self.first_steps} steps, so it cannot be adapted: raise "
                    f"first_steps, draw frames with it more often "
                    f"(train_dataloader.sampler.focus_share), or leave it out"
                )
            factor = max(found, share) / max(min(found, share), 1e-12)
            if self.gate is None:
                if not found:
                    _tell_of_missing(number)
            elif factor > self.gate:
                raise PoorStartError(
                    f"class {number} has {found:.3%} of the pixels in the first "
                    f"predictions on the target and {share:.3%} in the labels of the "
                    f"source, more than a factor of gate={self.gate}: the network at "
                    f"the start (load_from) is too poor to correct its labels. Adapt "
                    f"it first, with MinEntropy or Adversarial"
                )


def _tell_of_missing(number: int) -> None:
    print_log(
        f"class {number} has no pixel in the first predictions on the target: no frame "
        f"of it is taught this class",
        "current",
        logging.WARNING,
    )


def _sized(step: Step, outputs: SegOutputs, size: torch.Size) -> Tensor:
    """Logits of outputs, of another size."""
    return resize_logits(outputs.logits, size, step.network.align_corners)


def _reduced(own: ClassMeans) -> ClassMeans:
    """Means over all processes."""
    sums, pixels = own.means.double() * own.pixels[:, None], own.pixels.double()
    all_reduce(sums)
    all_reduce(pixels)
    return ClassMeans(sums / pixels.clamp_min(1)[:, None], pixels)

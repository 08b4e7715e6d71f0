"""Adversarial adaptation of the output space."""

from collections.abc import Callable
from typing import Any

from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.func import functional_call

from mmseg_splashkd.models.adaptation.adversarial import check_kind, domain_loss
from mmseg_splashkd.models.adaptation.discriminator import DomainDiscriminator
from mmseg_splashkd.models.adaptation.entropy import self_information
from mmseg_splashkd.models.adaptation.methods.method import AdaptationMethod, Step
from mmseg_splashkd.models.losses.functional import resize_logits
from mmseg_splashkd.models.losses.functional.precision import at_least_single
from mmseg_splashkd.models.segmentors.heads import auxiliary_heads
from mmseg_splashkd.models.segmentors.outputs import SegOutputs, class_logits
from mmseg_splashkd.models.teacher.renormalise import paddings_of


def _probabilities(logits: Tensor) -> Tensor:
    return at_least_single(logits).softmax(1)


MAPS: dict[str, Callable[[Tensor], Tensor]] = {
    "probability": _probabilities,
    "entropy": self_information,
}


@MODELS.register_module()
class Adversarial(AdaptationMethod):
    """Make predictions on both domains alike to a discriminator that learns, too.

    AdaptSegNet (Tsai et al., CVPR 2018) compares probabilities, AdvEnt (Vu et al.,
    "ADVENT", CVPR 2019) the self-information of each class. Maps have the size of the
    images.

    Both papers take a step of the segmentor and one of the discriminator from the same
    predictions, and so do these losses in one backward pass: the adversarial loss does
    not reach the discriminator, nor its own loss the segmentor. The learning rate of
    the discriminator is that of ``AdaptationOptimConstructor``. A ``clip_grad`` of the
    optimizer wrapper clips the gradients of both together.

    Args:
        weight: Factor lambda_adv > 0 of the adversarial loss of the decode head; 0.001
            in both papers, 0.01 with ``'ls'``.
        auxiliary_weight: The same for an auxiliary head, with a discriminator of its
            own (multi-level); 0.0002 in both papers. Default None: single-level.
        maps: ``'probability'`` (AdaptSegNet, the default) or ``'entropy'`` (AdvEnt).
        kind: ``'bce'`` (default) or ``'ls'``; see ``domain_loss``.
        channels: Width of the discriminators; default 64, as in the papers.

    Raises:
        ValueError: An argument has another value, or the network has not one auxiliary
            head for ``auxiliary_weight``.
    """

    def __init__(
        self,
        weight: float = 1e-3,
        auxiliary_weight: float | None = None,
        maps: str = "probability",
        kind: str = "bce",
        channels: int = 64,
    ) -> None:
        super().__init__()
        check_kind(kind)
        if maps not in MAPS:
            raise ValueError(f"maps must be one of {tuple(MAPS)}, got {maps!r}")
        weights = {"main": weight, "auxiliary": auxiliary_weight}
        self.weights = {k: v for k, v in weights.items() if v is not None}
        if min(self.weights.values()) <= 0:
            raise ValueError(
                f"weight={weight} and auxiliary_weight={auxiliary_weight} must be "
                f"above 0; omit auxiliary_weight for one level"
            )
        self.kind, self.channels, self.maps = kind, channels, maps
        self.discriminators = nn.ModuleDict()

    def bind(self, network: EncoderDecoder) -> None:
        """Build a discriminator for each level."""
        heads = auxiliary_heads(network)
        if "auxiliary" in self.weights and len(heads) != 1:
            raise ValueError(
                f"auxiliary_weight={self.weights['auxiliary']} needs a network with "
                f"one auxiliary head, and it has {len(heads)}: omit it"
            )
        for level in self.weights:
            self.discriminators[level] = DomainDiscriminator(
                network.num_classes, self.channels
            )

    def forward(self, step: Step) -> dict[str, Tensor]:
        """``loss_adversarial`` and ``loss_domain`` of each level.

        Also ``acc_domain``: the percentage of places whose domain the discriminator of
        the decode head names; 50 where it cannot tell.
        """
        if (added := paddings_of(step.samples)) is not None:
            raise ValueError(
                f"images of the source are padded by {added} pixels, by which a "
                f"discriminator tells them: crop or resize them to one size"
            )
        losses: dict[str, Tensor] = {}
        for level, weight in self.weights.items():
            own = self._maps(step, level, step.source, step.images)
            other = self._maps(step, level, step.target, step.targets)
            judge = self.discriminators[level]
            prefix = "" if level == "main" else "aux_"
            losses[f"{prefix}loss_adversarial"] = weight * domain_loss(
                _frozen(judge, other), True, self.kind
            )
            scores = judge(own.detach()), judge(other.detach())
            losses[f"{prefix}loss_domain"] = (
                domain_loss(scores[0], True, self.kind)
                + domain_loss(scores[1], False, self.kind)
            ) / 2
            if level == "main":
                losses["acc_domain"] = self._named(*scores)
        return losses

    def _maps(
        self, step: Step, level: str, outputs: SegOutputs, images: Tensor
    ) -> Tensor:
        network: Any = step.network
        logits = outputs.logits
        if level == "auxiliary":
            (head,) = auxiliary_heads(network)
            logits = class_logits(head(outputs.stages), network.num_classes)
        size = images.shape[-2:]
        return MAPS[self.maps](resize_logits(logits, size, network.align_corners))

    def _named(self, source: Tensor, target: Tensor) -> Tensor:
        middle = 0.5 if self.kind == "ls" else 0.0
        named = (source > middle).float().mean() + (target < middle).float().mean()
        return (50 * named).detach()


def _frozen(module: nn.Module, inputs: Tensor) -> Tensor:
    """The output of a module whose weights get no gradient."""
    weights = {name: each.detach() for name, each in module.named_parameters()}
    return functional_call(module, weights, (inputs,))

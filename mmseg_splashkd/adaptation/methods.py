"""The methods by name, as they were compared: docs/adaptation.md.

Stages 2 and 3 of ProDA (Zhang et al., "Prototypical Pseudo Label Denoising and Target
Structure Learning for Domain Adaptive Semantic Segmentation", CVPR 2021, section 3.4)
teach a new network by the one of the stage before: its sure labels, above 0.95, and its
probabilities. Here it teaches on the frames of the source, too, and its labels are not
averaged over flips. The new network starts from the weights that its config names,
those of a self-supervised one in the paper.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Method:
    """How a network is adapted.

    Args:
        title: What it does, in a few words.
        config: Config of an ``AdaptationMethod``; None: nothing is trained, and the
            statistics of batch norms are computed anew.
        first: Name of the method from whose weights it goes on; None: those given.
        taught: Config of a ``FocalModulatedKDLoss`` by which the network of ``first``
            teaches a new one of the same kind; None: it is trained further.
    """

    title: str
    config: Mapping[str, Any] | None = None
    first: str | None = None
    taught: Mapping[str, Any] | None = None

    @property
    def has_no_training(self) -> bool:
        """Whether only statistics of batch norms change."""
        return self.config is None and self.taught is None


STAGE = {
    "type": "FocalModulatedKDLoss",
    "teacher_ratio": 0.5,
    "modulate": "none",
    "label_loss": "student",
    "terms": [{"type": "HardLabelLoss", "threshold": 0.95}, {"type": "KLDLoss"}],
}
METHODS = {
    "adabn": Method("statistics of batch norms computed on the target; no training"),
    "minent": Method(
        "low entropy of predictions on the target",
        {"type": "MinEntropy", "weight": 0.1},
    ),
    "minent-prior": Method(
        "low entropy, and half the source's share of each class",
        {"type": "MinEntropy", "weight": 0.1, "prior_weight": 0.1},
    ),
    "adaptsegnet": Method(
        "predictions that a discriminator cannot tell from those on the source",
        {"type": "Adversarial", "weight": 0.1, "kind": "ls"},
    ),
    "advent": Method(
        "entropy maps that a discriminator cannot tell from those on the source",
        {"type": "Adversarial", "weight": 0.1, "maps": "entropy"},
    ),
    "proda": Method(
        "labels of the target corrected by prototypes, after adaptsegnet",
        {"type": "PrototypeDenoising", "average": 0.99},
        "adaptsegnet",
    ),
    "proda-2": Method(
        "a new network, taught by that of proda: its sure labels and its probabilities",
        first="proda",
        taught=STAGE,
    ),
    "proda-3": Method(
        "another new network, taught in the same way by that of proda-2",
        first="proda-2",
        taught=STAGE,
    ),
    "mean-teacher": Method(
        "labels of a moving average, classes of the source pasted in",
        {"type": "MeanTeacher", "alpha": 0.99},
    ),
    "mean-teacher-masked": Method(
        "the same, also on images with hidden patches",
        {"type": "MeanTeacher", "alpha": 0.99, "masked_weight": 1.0, "patch": 16},
    ),
}


def method_of(name: str) -> Method:
    """The method of a name.

    Raises:
        ValueError: There is none.
    """
    if name not in METHODS:
        raise ValueError(f"method={name!r} is none of {', '.join(METHODS)}")
    return METHODS[name]

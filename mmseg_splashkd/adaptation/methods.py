"""The methods by name, as they were compared: docs/adaptation.md."""

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
    """

    title: str
    config: Mapping[str, Any] | None = None
    first: str | None = None


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

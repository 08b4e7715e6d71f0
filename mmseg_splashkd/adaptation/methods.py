"""The methods by name, as they were compared: docs/adaptation.md.

Stages 2 and 3 of ProDA (Zhang et al., "Prototypical Pseudo Label Denoising and Target
Structure Learning for Domain Adaptive Semantic Segmentation", CVPR 2021, section 3.4)
teach a new network by the one of the stage before: its sure labels, and its
probabilities. Sure is above 0.6 here and above 0.95 in the paper: networks of 0.055 M
parameters gave splash 0.63 at most on drawn farms, and none of it would be taught. Here
it teaches on the frames of the source, too, and its labels are not averaged over flips.
The new network starts from the weights that its config names, those of a
self-supervised one in the paper.

Moving averages and prototypes move as fast in some hundred steps as they do in the
papers in tens of thousands; discriminators have a quarter of their width, because on a
CPU those of the papers cost ten times what a small network does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.rare_class_sampler import RareClassSampler
from mmseg_splashkd.datasets.views import ViewSampler


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
        rare: Whether frames of the source with rare classes are drawn more often, by a
            ``RareClassSampler``.
    """

    title: str
    config: Mapping[str, Any] | None = None
    first: str | None = None
    taught: Mapping[str, Any] | None = None
    rare: bool = False

    @property
    def has_no_training(self) -> bool:
        """Whether only statistics of batch norms change."""
        return self.config is None and self.taught is None


STAGE = {
    "type": "FocalModulatedKDLoss",
    "teacher_ratio": 0.5,
    "modulate": "none",
    "label_loss": "student",
    "terms": [{"type": "HardLabelLoss", "threshold": 0.6}, {"type": "KLDLoss"}],
}
ADVERSARIAL = {"type": "Adversarial", "weight": 0.1, "channels": 16}
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
    "minent-range": Method(
        "low entropy of the 30 % of pixels where it is highest",
        {"type": "MinEntropy", "weight": 0.1, "share": 0.3},
    ),
    "adaptsegnet": Method(
        "predictions that a discriminator cannot tell from those on the source",
        {**ADVERSARIAL, "kind": "ls"},
    ),
    "adaptsegnet-bce": Method(
        "adaptsegnet, by cross-entropy in the place of squared distances",
        ADVERSARIAL,
    ),
    "advent": Method(
        "entropy maps that a discriminator cannot tell from those on the source",
        {**ADVERSARIAL, "maps": "entropy"},
    ),
    "minent-advent": Method(
        "low entropy, and the maps of advent",
        {
            "type": "MethodSum",
            "methods": [
                {"type": "MinEntropy", "weight": 0.1},
                {**ADVERSARIAL, "maps": "entropy"},
            ],
        },
    ),
    "proda": Method(
        "labels of the target corrected by prototypes, after adaptsegnet",
        {"type": "PrototypeDenoising", "average": 0.99, "momentum": 0.99},
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
    "mean-teacher-rare": Method(
        "mean-teacher, and frames of the source with rare classes are drawn more often",
        {"type": "MeanTeacher", "alpha": 0.99},
        rare=True,
    ),
    "mean-teacher-masked": Method(
        "mean-teacher, also on images with hidden patches",
        {"type": "MeanTeacher", "alpha": 0.99, "masked_weight": 1.0, "patch": 16},
    ),
}


def rare_class_sampler(cfg: Config) -> dict[str, Any]:
    """Config of a sampler that prefers frames with rare classes.

    Its temperature is 0.5, so that of two classes the common one has an eighth of the
    draws. 0.01, as in DAFormer for 19 classes, would leave it none. A sampler of the
    config that is of this kind stays as it is; of another one the views stay, and
    shares such as ``focus_share`` do not.

    Args:
        cfg: The resolved config of a segmentor.

    Raises:
        ValueError: Its frames are not drawn by a ``ViewSampler``.
    """
    own = cfg.train_dataloader.sampler
    if not is_a(own, ViewSampler):
        raise ValueError(
            f"train_dataloader of {cfg.filename} has no ViewSampler, of which a "
            f"RareClassSampler is one: set sampler=dict(type='ViewSampler'), or choose "
            f"a method that draws all frames alike"
        )
    if is_a(own, RareClassSampler):
        return dict(own)
    kept = {key: own[key] for key in ("views", "view_seed", "seed") if key in own}
    return {"type": "RareClassSampler", "temperature": 0.5, **kept}


def method_of(name: str) -> Method:
    """The method of a name.

    Raises:
        ValueError: There is none.
    """
    if name not in METHODS:
        raise ValueError(f"method={name!r} is none of {', '.join(METHODS)}")
    return METHODS[name]

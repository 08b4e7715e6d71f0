"""Checks that images of a target are drawn where, and only where, they are used."""

from typing import Any

from mmengine.config import Config
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS

from mmseg_splashkd.config.faults import ConfigError
from mmseg_splashkd.config.types import is_a, type_name
from mmseg_splashkd.config.walk import wrappers
from mmseg_splashkd.datasets.source_target import SourceTargetDataset
from mmseg_splashkd.models.adaptation.adaptation_segmentor import AdaptationSegmentor
from mmseg_splashkd.models.adaptation.methods.adversarial import Adversarial
from mmseg_splashkd.models.adaptation.methods.method_sum import MethodSum
from mmseg_splashkd.models.adaptation.optim_constructor import (
    AdaptationOptimConstructor,
)


def check_adaptation(cfg: Config) -> None:
    """Check the model of an adaptation against its data set and its optimizer.

    Raises:
        ConfigError: An ``AdaptationSegmentor`` has no ``SourceTargetDataset``, or a
            ``SourceTargetDataset`` another model, or discriminators would be trained
            with the learning rate of the segmentor.
    """
    adapts = is_a(cfg.model, AdaptationSegmentor)
    draws = any(
        is_a(each, SourceTargetDataset)
        for each in wrappers(cfg.train_dataloader.dataset)
    )
    if adapts and not draws:
        raise ConfigError(
            f"model is a {type_name(cfg.model)}, and train_dataloader draws no images "
            f"of a target: wrap its data set in a SourceTargetDataset"
        )
    if draws and not adapts:
        raise ConfigError(
            f"train_dataloader draws images of a target (SourceTargetDataset), and a "
            f"{type_name(cfg.model)} does not use them: wrap the model in an "
            f"AdaptationSegmentor, or train on the source alone"
        )
    if adapts and has_discriminators(cfg.model.get("method")):
        _check_constructor(cfg)


def has_discriminators(method: Any) -> bool:
    """Whether a method, or one of a sum, trains discriminators.

    Args:
        method: Config of an ``AdaptationMethod``.
    """
    if is_a(method, MethodSum):
        return any(map(has_discriminators, method.get("methods", ())))
    return is_a(method, Adversarial)


def _check_constructor(cfg: Config) -> None:
    named: Any = (cfg.get("optim_wrapper") or {}).get("constructor")
    kind = OPTIM_WRAPPER_CONSTRUCTORS.get(named) if isinstance(named, str) else named
    if not (isinstance(kind, type) and issubclass(kind, AdaptationOptimConstructor)):
        raise ConfigError(
            f"optim_wrapper.constructor={named!r} would train the discriminators with "
            f"the learning rate of the segmentor: set 'AdaptationOptimConstructor'"
        )

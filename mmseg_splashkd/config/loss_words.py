"""The losses of a distillation in a few words, to tell two recipes apart."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import type_name

DEFAULT = "focal"  # label loss


def loss_words(cfg: Config) -> str:
    """What the student of a config learns from labels and from its teacher.

    Args:
        cfg: The resolved config of a distillation.

    Returns:
        Such as ``'ce and KLDLoss, 50% of a batch without labels'``. Arguments of
        the terms are not told apart.
    """
    loss = cfg.model.get("distill_loss") or {}
    label: Any = loss.get("label_loss") or DEFAULT
    if not isinstance(label, str):
        configs = [label] if isinstance(label, Mapping) else label
        label = " + ".join(type_name(each) for each in configs)
    if loss.get("class_weight") is not None:
        label = f"{label}, class weights,"
    terms = [type_name(each) for each in loss.get("terms") or ()] or ["KLDLoss"]
    words = f"{label} and {' + '.join(sorted(terms))}"
    share = (cfg.train_dataloader.get("sampler") or {}).get("unlabelled_share")
    return f"{words}, {share:.0%} of a batch without labels" if share else words

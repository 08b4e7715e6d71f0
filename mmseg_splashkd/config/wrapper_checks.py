"""Checks of wrappers: evaluated frames count once, and a wrapper gets what it needs."""

from collections import Counter

from mmengine.config import Config
from mmengine.dataset import BaseDataset, ClassBalancedDataset, RepeatDataset
from mmseg.datasets import MultiImageMixDataset
from mmseg.registry import DATASETS

from mmseg_splashkd.config.frames import listed_frames, real_path
from mmseg_splashkd.config.types import is_a, type_name
from mmseg_splashkd.config.walk import LOADERS, leaves, wrappers

REPEATING = (RepeatDataset, ClassBalancedDataset, MultiImageMixDataset)


def check_evaluated(cfg: Config, *loaders: str) -> None:
    """Check that evaluation loaders read each frame once, and unchanged.

    A repeated frame would have several times the weight of others in every metric, and
    intervals that assume different frames would be too narrow.

    Args:
        cfg: The config.
        *loaders: ``'val_dataloader'`` or ``'test_dataloader'``, as far as ``cfg`` has
            them.

    Raises:
        ValueError: A wrapper repeats or mixes frames, or two data sets of the loader
            read the same file.
    """
    for loader in filter(cfg.get, loaders):
        for wrapper in wrappers(cfg[loader].dataset):
            once = is_a(wrapper, RepeatDataset) and wrapper.get("times") == 1
            if is_a(wrapper, *REPEATING) and not once:
                raise ValueError(
                    f"{loader} repeats or mixes frames ({type_name(wrapper)}), which "
                    f"would then count several times in its scores: use the data set "
                    f"inside, and keep the wrapper for train_dataloader"
                )
        listed = Counter(real_path(f.image) for f in listed_frames(cfg, loader) or ())
        twice = [image for image, count in listed.items() if count > 1]
        if twice:
            raise ValueError(
                f"{loader} reads {len(twice)} of {len(listed)} frames more than once, "
                f"such as {twice[0]}, which would then count several times in its "
                f"scores: list each file in one data set"
            )


def check_wrappers(cfg: Config) -> None:
    """Check that wrappers get the data sets they need.

    Raises:
        ValueError: A data set inside a ``ClassBalancedDataset`` has no ``get_cat_ids``
            of its own.
    """
    for loader in filter(cfg.get, LOADERS):
        for wrapper in wrappers(cfg[loader].dataset):
            if is_a(wrapper, ClassBalancedDataset):
                _check_classes_of_frames(wrapper, loader)


def _check_classes_of_frames(wrapper: dict, loader: str) -> None:
    for leaf in leaves(wrapper, targets=False):
        kind = leaf["type"]
        kind = DATASETS.get(kind) if isinstance(kind, str) else kind
        method = getattr(kind, "get_cat_ids", None)
        if method in (None, BaseDataset.get_cat_ids):
            raise ValueError(
                f"{loader}: ClassBalancedDataset repeats frames by their classes, and "
                f"{type_name(leaf)} has no get_cat_ids(index) that returns them: use "
                f"RepeatDataset, or subclass the data set and add the method"
            )

"""``teacher_cache`` of a config."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import distills, is_a
from mmseg_splashkd.datasets.views import ViewDataset, ViewSampler
from mmseg_splashkd.teacher_cache.dataset import CachedLogitsDataset
from mmseg_splashkd.teacher_cache.store import STORES

AUTO = "auto"


@dataclass(frozen=True)
class CacheOptions:
    """One line of a config: ``teacher_cache = dict(dir="work_dirs/cache", views=16)``.

    Args:
        dir: Folder of the cache.
        views: How many views of each frame the teacher answers, and training draws.
        view_seed: Seed of the views; runs of any seed share them.
        store: ``'logits'``, ``'margin'`` (of two classes, half the size, for losses
            that see no more), or ``'auto'``: the margin where it is enough.
    """

    dir: str
    views: int
    view_seed: int = 0
    store: str = AUTO


def cache_options(cfg: Config) -> CacheOptions:
    """Read and check ``teacher_cache`` of a config.

    Raises:
        ValueError: The config does not distil or has no ``teacher_cache``, a key is
            unknown, missing or out of its range, or the loaders draw no views.
    """
    config: Mapping[str, Any] | None = cfg.get("teacher_cache")
    if not config:
        raise ValueError(
            "the config has no teacher_cache: add, for instance, "
            "teacher_cache = dict(dir='work_dirs/teacher_cache', views=16)"
        )
    if not distills(cfg):
        raise ValueError(
            "teacher_cache is for a DistillSegmentor, the model is another"
        )
    known = CacheOptions.__dataclass_fields__
    strange, missing = config.keys() - known, {"dir", "views"} - config.keys()
    if strange or missing:
        raise ValueError(
            f"teacher_cache takes {sorted(known)}, of which dir and views are needed; "
            f"got {sorted(config)}"
        )
    options = CacheOptions(**config)
    for key, least in (("views", 1), ("view_seed", 0)):
        value = getattr(options, key)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"teacher_cache.{key} must be an integer >= {least}")
    if options.store not in (AUTO, *STORES):
        raise ValueError(
            f"teacher_cache.store must be one of {(AUTO, *STORES)}, got "
            f"{options.store!r}"
        )
    loader = cfg.train_dataloader
    if not is_a(loader.sampler, ViewSampler) or not is_a(loader.dataset, ViewDataset):
        raise ValueError(
            f"teacher_cache needs views that can be drawn again: train_dataloader has "
            f"sampler {loader.sampler.type} and dataset {loader.dataset.type}, and "
            f"must have a ViewSampler and a ViewDataset around the frames"
        )
    return options


def forget_cache(cfg: Config) -> None:
    """Take out of a config, such as one that a run dumped, what a cache put in."""
    cfg.model.pop("teacher_cache", None)
    if is_a(cfg.train_dataloader.dataset, CachedLogitsDataset):
        frames = cfg.train_dataloader.dataset.dataset
        cfg.train_dataloader.dataset = {"type": "ViewDataset", "dataset": frames}

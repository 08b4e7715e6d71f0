"""The option ``teacher_cache`` of a config."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import distills, is_a, type_name
from mmseg_splashkd.datasets.views import ViewDataset, ViewSampler
from mmseg_splashkd.models.teacher.controls import read_control
from mmseg_splashkd.models.teacher.labels import LABELS
from mmseg_splashkd.teacher_cache.dataset import CachedLogitsDataset
from mmseg_splashkd.teacher_cache.store import STORES

AUTO = "auto"
# Of ``CachedLogitsDataset``: today's and the former name of its folder.
FOLDER_KEYS = ("cache_dir", "answers")


@dataclass(frozen=True)
class CacheOptions:
    """One line of a config: ``teacher_cache = dict(dir="work_dirs/cache", views=16)``.

    Args:
        dir: Folder of the cache.
        views: Number of augmented views of each frame, >= 1; training draws them in
            turn.
        view_seed: Seed of the views, >= 0, default 0; runs of any seed share the views.
        store: ``'logits'``, ``'margin'`` (z1 - z0 of two classes: half the size, enough
            for losses that do not change if both logits are shifted), or ``'auto'``
            (default): the margin if all losses allow it.
    """

    dir: str
    views: int
    view_seed: int = 0
    store: str = AUTO


def cache_options(cfg: Config) -> CacheOptions:
    """Read and check ``teacher_cache`` of a config.

    Raises:
        ValueError: The model is not a ``DistillSegmentor`` or has labels in the
            teacher's place, there is no ``teacher_cache``, a key of it is unknown,
            missing or out of its range, or the training loader draws no views.
    """
    config: Mapping[str, Any] | None = cfg.get("teacher_cache")
    if not config:
        raise ValueError(
            "the config has no teacher_cache: add, for instance, "
            "teacher_cache = dict(dir='work_dirs/teacher_cache', views=16)"
        )
    if not distills(cfg):
        raise ValueError(
            "teacher_cache needs a DistillSegmentor, the model is of another type"
        )
    if read_control(cfg.model).kind == LABELS:
        raise ValueError(
            f"teacher_cache stores logits, and model.teacher={LABELS!r} needs none: "
            f"leave it out, and set train_dataloader.sampler.views and view_seed for "
            f"the same views"
        )
    fields = CacheOptions.__dataclass_fields__
    unknown, missing = config.keys() - fields, {"dir", "views"} - config.keys()
    if unknown or missing:
        raise ValueError(
            f"teacher_cache takes {sorted(fields)}, dir and views are required; "
            f"got {sorted(config)}"
        )
    options = CacheOptions(**config)
    for key, least in (("views", 1), ("view_seed", 0)):
        value = getattr(options, key)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(
                f"teacher_cache.{key} must be an integer >= {least}, got {value!r}"
            )
    if options.store not in (AUTO, *STORES):
        raise ValueError(
            f"teacher_cache.store must be one of {(AUTO, *STORES)}, got "
            f"{options.store!r}"
        )
    loader = cfg.train_dataloader
    sampler = loader.get("sampler") or {}
    if not is_a(sampler, ViewSampler) or not is_a(loader.dataset, ViewDataset):
        raise ValueError(
            f"teacher_cache needs reproducible views: train_dataloader must have a "
            f"ViewSampler and, around all other data sets, a ViewDataset; it has "
            f"sampler {type_name(sampler)} and dataset {type_name(loader.dataset)}"
        )
    return options


def remove_cache(cfg: Config) -> None:
    """Undo, in place, what ``use_teacher_cache`` changed in a config.

    A run dumps its changed config; the result is a config with which a cache can be
    built or used.
    """
    cfg.model.pop("teacher_cache", None)
    views = cfg.train_dataloader.dataset
    if is_a(views, CachedLogitsDataset):
        own = {key: value for key, value in views.items() if key not in FOLDER_KEYS}
        cfg.train_dataloader.dataset = {**own, "type": "ViewDataset"}

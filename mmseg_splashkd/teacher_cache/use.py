"""Use of a matching cache by a training run."""

from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import wrappers
from mmseg_splashkd.teacher_cache.dataset import CachedLogitsDataset
from mmseg_splashkd.teacher_cache.fingerprint import (
    LIBRARIES,
    LOADER,
    building_packages,
    fingerprint,
    unread_frames,
    validation,
    versions,
)
from mmseg_splashkd.teacher_cache.options import cache_options, remove_cache
from mmseg_splashkd.teacher_cache.store import BUILD, LogitStore


def use_teacher_cache(cfg: Config) -> list[str]:
    """Make a run read the teacher's logits from disk if it has ``teacher_cache``.

    Args:
        cfg: Config of the run; its data set, sampler and model are changed in place.

    Returns:
        Warnings for the log.

    Raises:
        FileNotFoundError: There is no such cache.
        ValueError: The cache is incomplete or damaged, or does not match the run.
    """
    if not cfg.get("teacher_cache"):
        _check_not_set_directly(cfg)
        return []
    options = cache_options(cfg)
    store = LogitStore(options.dir)
    _check_fits(cfg, store)
    if missing := store.missing():
        raise ValueError(
            f"teacher cache {options.dir} is incomplete, {len(missing)} of "
            f"{store.checksums.size} views are missing: continue with {BUILD}"
        )
    if options.views > store.views:
        raise ValueError(
            f"teacher_cache.views={options.views}, and {options.dir} has {store.views} "
            f"views per frame: set views to {store.views} or fewer, or build another "
            f"cache"
        )
    remove_cache(cfg)
    cfg.model.teacher_cache = options.dir
    loader = cfg[LOADER]
    loader.dataset = {
        **loader.dataset,
        "type": CachedLogitsDataset.__name__,
        "cache_dir": options.dir,
    }
    loader.sampler.update(views=options.views, view_seed=options.view_seed)
    return _other_versions(store, cfg.model.teacher)


def _check_not_set_directly(cfg: Config) -> None:
    """Refuse a cache that is set without ``teacher_cache``, and so is not checked.

    Raises:
        ValueError: The model or the training data set names a cache.
    """
    if not cfg.get(LOADER):
        return
    cached = any(is_a(w, CachedLogitsDataset) for w in wrappers(cfg[LOADER].dataset))
    if cfg.model.get("teacher_cache") or cached:
        raise ValueError(
            "the model or the training data set names a teacher cache, and the config "
            "has no teacher_cache to check it by: add "
            "teacher_cache = dict(dir=..., views=...), or remove model.teacher_cache "
            "and the CachedLogitsDataset"
        )


def _check_fits(cfg: Config, store: LogitStore) -> None:
    expected = fingerprint(cfg, cache_options(cfg), unread_frames(cfg))
    stored = store.header["belongs"]
    differing = [part for part in expected if stored.get(part) != expected[part]]
    teacher = cfg.model.teacher
    built_with, installed = store.header["versions"], versions(teacher)
    differing += [
        f"version of {name} ({built_with.get(name)}, now {installed.get(name)})"
        for name in building_packages(teacher)
        if built_with.get(name) != installed.get(name)
    ]
    if differing:
        raise ValueError(
            f"teacher cache {store.folder} does not fit this run: it was built with "
            f"another {', another '.join(differing)}. Build one for this config in "
            f"another teacher_cache.dir: {BUILD}"
        )
    if store.header["report"] and store.header["tested_on"] != validation(cfg):
        raise ValueError(
            f"teacher cache {store.folder} has the teacher's scores on another "
            f"validation part than this run's: {BUILD} tests the teacher again and "
            f"keeps all logits"
        )


def _other_versions(store: LogitStore, teacher: Any) -> list[str]:
    built_with, installed = store.header["versions"], versions(teacher)
    changed = [
        f"{name} {built_with.get(name)}, now {installed.get(name)}"
        for name in sorted({*building_packages(teacher), *LIBRARIES})
        if built_with.get(name) != installed.get(name)
    ]
    if not changed:
        return []
    return [
        f"teacher cache {store.folder} was built with {'; '.join(changed)}. The pixels "
        f"of each view are checked when it is drawn; whether the teacher would still "
        f"give the same logits is not checked"
    ]

"""Training from a cache: whether it belongs to the run, and where the run reads it."""

from mmengine.config import Config

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.teacher_cache.dataset import CachedLogitsDataset
from mmseg_splashkd.teacher_cache.fingerprint import (
    BUILDS_MODELS,
    LOADER,
    fingerprint,
    unread_frames,
    validation,
    versions,
)
from mmseg_splashkd.teacher_cache.options import (
    cache_options,
    forget_cache,
)
from mmseg_splashkd.teacher_cache.store import BUILD, LogitStore


def use_teacher_cache(cfg: Config) -> list[str]:
    """Let a run read the teacher's answers, if its config has ``teacher_cache``.

    Args:
        cfg: Changed in place: data set, sampler and model.

    Returns:
        Warnings, for the log.

    Raises:
        FileNotFoundError: There is no such cache.
        ValueError: The cache is unfinished or damaged, or does not belong to the run.
    """
    if not cfg.get("teacher_cache"):
        _check_no_trace(cfg)
        return []
    options = cache_options(cfg)
    store = LogitStore(options.dir)
    _check_belongs(cfg, store)
    if missing := store.missing():
        raise ValueError(
            f"teacher cache {options.dir} is unfinished, {len(missing)} of "
            f"{store.digests.size} answers are missing: {BUILD} goes on where it was"
        )
    if options.views > store.views:
        raise ValueError(
            f"teacher_cache.views={options.views}, and {options.dir} has {store.views} "
            f"views of a frame: take as many or fewer, or build another"
        )
    forget_cache(cfg)
    cfg.model.teacher_cache = options.dir
    loader = cfg[LOADER]
    loader.dataset = {
        "type": CachedLogitsDataset.__name__,
        "dataset": loader.dataset.dataset,
        "answers": options.dir,
    }
    loader.sampler.update(views=options.views, view_seed=options.view_seed)
    return _other_versions(store)


def _check_no_trace(cfg: Config) -> None:
    """Refuse a cache by another way than the key, on which nothing is checked.

    Raises:
        ValueError: Model or data set name one.
    """
    if not cfg.get(LOADER):
        return
    if cfg.model.get("teacher_cache") or is_a(cfg[LOADER].dataset, CachedLogitsDataset):
        raise ValueError(
            "the model or the training data name a teacher cache, and the config has "
            "no teacher_cache, by which it is checked: add "
            "teacher_cache = dict(dir=..., views=...), or take both out"
        )


def _check_belongs(cfg: Config, store: LogitStore) -> None:
    here = fingerprint(cfg, cache_options(cfg), unread_frames(cfg))
    belongs = store.header["belongs"]
    other = [part for part in here if belongs.get(part) != here[part]]
    then, now = store.header["versions"], versions()
    other += [
        f"version of {name} ({then.get(name)}, now {now.get(name)})"
        for name in BUILDS_MODELS
        if then.get(name) != now.get(name)
    ]
    if other:
        raise ValueError(
            f"teacher cache {store.folder} does not belong to this run: it was made "
            f"with another {', another '.join(other)}. Build one for this config, in "
            f"another teacher_cache.dir: {BUILD}"
        )
    if store.header["report"] and store.header["tested_on"] != validation(cfg):
        raise ValueError(
            f"teacher cache {store.folder} tells of the teacher on another validation "
            f"part than this run's: {BUILD} tests it anew, and keeps all answers"
        )


def _other_versions(store: LogitStore) -> list[str]:
    then, now = store.header["versions"], versions()
    changed = [
        f"{name} {then.get(name)}, now {now.get(name)}"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]
    if not changed:
        return []
    return [
        f"teacher cache {store.folder} was made with {'; '.join(changed)}. That a view "
        f"has the pixels it had is checked as it is drawn; that the teacher would "
        f"still give the same answer is not"
    ]

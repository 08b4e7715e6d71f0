"""Training from a cache: whether it belongs to the run, and where the run reads it."""

import logging

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_splashkd.datasets.answer_store import BUILD, AnswerStore
from mmseg_splashkd.datasets.views import ViewDataset
from mmseg_splashkd.engine.config import dataset_of
from mmseg_splashkd.engine.teacher_cache.fingerprint import (
    LOADER,
    fingerprint,
    versions,
)
from mmseg_splashkd.engine.teacher_cache.options import cache_options


def use_teacher_cache(cfg: Config) -> None:
    """Let a run read the teacher's answers, if its config has ``teacher_cache``.

    Args:
        cfg: Changed in place: data set, sampler and model.

    Raises:
        FileNotFoundError: There is no such cache.
        ValueError: The cache is unfinished or damaged, or does not belong to the run.
    """
    if not cfg.get("teacher_cache"):
        return
    options = cache_options(cfg)
    store = AnswerStore(options.dir)
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
    cfg.model.teacher_cache = options.dir
    loader = cfg[LOADER]
    frames = dataset_of(cfg, LOADER)
    loader.dataset = {
        "type": "AnsweredViewDataset",
        "dataset": frames,
        "answers": options.dir,
    }
    loader.sampler.update(views=options.views, view_seed=options.view_seed)


def _check_belongs(cfg: Config, store: AnswerStore) -> None:
    here = fingerprint(cfg, cache_options(cfg), unread_frames(cfg))
    belongs = store.header["belongs"]
    if other := [part for part in here if belongs.get(part) != here[part]]:
        raise ValueError(
            f"teacher cache {store.folder} does not belong to this run: it was made "
            f"with another {', another '.join(other)}. Build one for this config, in "
            f"another teacher_cache.dir: {BUILD}"
        )
    then, now = store.header["versions"], versions()
    changed = [
        f"{name} {then.get(name)}, now {now.get(name)}"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]
    if changed:
        print_log(
            f"teacher cache {store.folder} was made with {'; '.join(changed)}. "
            f"That each view has the pixels it had is checked as it is drawn",
            logger="current",
            level=logging.WARNING,
        )


def unread_frames(cfg: Config) -> ViewDataset:
    """The training data of a run, without reading a label or building a pipeline."""
    init_default_scope(cfg.get("default_scope", "mmseg"))
    frames = dict(dataset_of(cfg, LOADER), pipeline=[])
    if frames["type"] == "TimeSplitDataset":
        frames["check_labels"] = False
    return DATASETS.build({"type": "ViewDataset", "dataset": frames})

"""Asking the teacher, once, about every view that training will draw."""

import copy
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS
from rich.console import Console
from rich.progress import Progress
from torch import Tensor
from torch.utils.data import DataLoader

from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.config.reading import check_training, read_config
from mmseg_splashkd.datasets.views import View, ViewDataset
from mmseg_splashkd.hooks.classes_hook import check_teacher_classes
from mmseg_splashkd.hooks.teacher_report import measure_teacher
from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.teacher_cache.cached_teacher import check_batch_augments
from mmseg_splashkd.teacher_cache.fingerprint import (
    LOADER,
    fingerprint,
    validation,
    versions,
)
from mmseg_splashkd.teacher_cache.options import (
    AUTO,
    CacheOptions,
    cache_options,
    forget_cache,
)
from mmseg_splashkd.teacher_cache.store import (
    LogitStore,
    create_store,
    digest,
    locked,
    read_header,
    size_of,
    write_header,
)

# Of a header, beside what a run is compared with.
ALSO_FIXED = ("shape", "store", "view_size", "versions")
PROBED = 24  # views drawn twice, to see that they are reproducible


def build_teacher_cache(
    config: str | Path,
    batch_size: int = 8,
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    dry_run: bool = False,
) -> Path:
    """Let the teacher of a config answer every view that training will draw.

    What is already answered is kept, so an interrupted call is simply made again.

    Args:
        config: Config file with ``teacher_cache``.
        batch_size: Views the teacher answers at once.
        device: Where it runs; by default a GPU if there is one.
        cfg_options: Dotted config keys to override.
        dry_run: Only say how large the cache will be and how long it will take.

    Returns:
        The folder of the cache.

    Raises:
        FileNotFoundError: Data or the teacher's file are missing.
        ValueError: The config cannot be cached (no ``teacher_cache``, features needed,
            views of several sizes or not reproducible), or its dir holds another cache.
        BlockingIOError: Another process builds this cache.
        OSError: The disk has too little space.
    """
    cfg = read_config(config, cfg_options)
    options = cache_options(cfg)
    forget_cache(cfg)
    check_training(cfg)
    check_data(cfg)
    init_default_scope(cfg.get("default_scope", "mmseg"))
    model = _teaching_model(cfg, device)
    views = DATASETS.build(cfg[LOADER].dataset)
    check_teacher_classes(model, list(views.metainfo.get("classes") or []))
    console = Console()
    with locked(options.dir):
        header = _header(cfg, options, model, views)
        seconds = _seconds_a_view(model, views, options, batch_size)
        store = _open(options, header)
        _state(console, options, header, store, seconds)
        if not dry_run:
            store = store or create_store(options.dir, header)
            _answer_all(store, model, views, cfg, options, batch_size)
            _report(store, model, cfg, console)
    return Path(options.dir)


def _teaching_model(cfg: Config, device: str | None) -> DistillSegmentor:
    model = MODELS.build(cfg.model)
    check_batch_augments(model.student)
    if model.distill_loss.feature_terms:
        names = [type(term).__name__ for term in model.distill_loss.feature_terms]
        raise ValueError(
            f"{', '.join(names)} compares features, and a cache holds logits: leave "
            f"out teacher_cache, or take losses on logits"
        )
    model.load_teacher()
    return model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()


def _header(
    cfg: Config, options: CacheOptions, model: DistillSegmentor, views: ViewDataset
) -> dict[str, Any]:
    probed = _probe(views, options)
    answer = _answers(model, probed[:1], store="logits")
    invariant = model.distill_loss.shift_invariant
    store = options.store
    if store == AUTO:
        store = "margin" if model.num_classes == 2 and invariant else "logits"
        store = "logits" if _stored_before(options) == "logits" else store
    if store == "margin" and model.num_classes != 2:
        raise ValueError(
            f"teacher_cache.store='margin' is for two classes, there are "
            f"{model.num_classes}: take 'logits' or 'auto'"
        )
    channels = 1 if store == "margin" else model.num_classes
    return {
        "shape": [len(views), options.views, channels, *answer.shape[-2:]],
        "store": store,
        "view_size": list(probed[0]["inputs"].shape[1:]),
        "num_classes": model.num_classes,
        "classes": model.teacher_classes,
        "align_corners": model.teacher_align_corners,
        "view_seed": options.view_seed,
        "belongs": fingerprint(cfg, options, views),
        "versions": versions(),
        "report": None,
        "tested_on": None,
    }


def _stored_before(options: CacheOptions) -> str | None:
    """What a cache in the same place holds: logits do for all losses."""
    try:
        return read_header(options.dir)["store"]
    except (FileNotFoundError, ValueError):
        return None


def _probe(views: ViewDataset, options: CacheOptions) -> list[dict]:
    """Draw some views twice.

    Raises:
        ValueError: They differ, or are not all of one size.
    """
    asked = [
        View(number * len(views) // PROBED, number % options.views, options.view_seed)
        for number in range(PROBED)
    ]
    first, second = ([views[view] for view in asked] for _ in range(2))
    for view, one, other in zip(asked, first, second, strict=True):
        if digest(one["inputs"]) != digest(other["inputs"]):
            raise ValueError(
                f"view {view.visit} of frame {view.index} differs when it is drawn "
                f"again: a transform of the pipeline draws from a random generator of "
                f"its own. Of Albumentations, take the Albumentations of this package"
            )
        _check_size(one["inputs"], list(first[0]["inputs"].shape[1:]))
    return first


def _check_size(image: Tensor, size: list[int]) -> None:
    if list(image.shape[1:]) != size:
        raise ValueError(
            f"views have different sizes, {size} and {list(image.shape[1:])}: a cache "
            f"needs one. End the pipeline's geometry with Resize(keep_ratio=False), or "
            f"RandomCrop and Pad"
        )


def _answers(model: DistillSegmentor, samples: Sequence[dict], store: str) -> Tensor:
    """SegOutputs (N, C', h, w) to N samples, on the CPU."""
    batch = model.data_preprocessor(pseudo_collate(copy.copy(samples)), True)
    logits = model.teacher_logits(batch["inputs"]).float()
    if store == "margin":
        logits = logits[:, 1:] - logits[:, :1]
    return logits.cpu()


def _seconds_a_view(
    model: DistillSegmentor, views: ViewDataset, options: CacheOptions, batch_size: int
) -> float:
    """Time one batch, drawn and answered, after another to warm up."""
    frames = [index % len(views) for index in range(batch_size)]
    for _ in range(2):
        begin = time.perf_counter()
        samples = [views[View(frame, 0, options.view_seed)] for frame in frames]
        _answers(model, samples, "logits")
    return (time.perf_counter() - begin) / batch_size


def _open(options: CacheOptions, header: dict[str, Any]) -> LogitStore | None:
    """The store that is to be gone on with, if there is one."""
    try:
        there = read_header(options.dir)
    except FileNotFoundError:
        return None
    parts = header["belongs"].items()
    differs = [part for part, found in parts if there["belongs"].get(part) != found]
    differs += [key for key in ALSO_FIXED if there.get(key) != header[key]]
    if differs:
        raise ValueError(
            f"teacher_cache.dir={options.dir!r} holds a cache with another "
            f"{', another '.join(differs)}: remove it, or name another dir"
        )
    return LogitStore(options.dir, "r+")


def _state(
    console: Console,
    options: CacheOptions,
    header: dict[str, Any],
    store: LogitStore | None,
    seconds: float,
) -> None:
    """Say what is to be done, before it is."""
    frames, views, channels, height, width = header["shape"]
    missing = frames * views if store is None else len(store.missing())
    size = size_of(header["shape"]) / 2**20
    console.print(
        f"{options.dir}: {frames} frames x {views} views, {channels} x {height} x "
        f"{width} in fp16 each ({header['store']}), {size:,.1f} MiB in all\n"
        f"{missing} of {frames * views} answers to make: about "
        f"{_minutes(missing * seconds)}, at {seconds * 1000:.0f} ms a view in one "
        f"process",
        soft_wrap=True,
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"


def _answer_all(
    store: LogitStore,
    model: DistillSegmentor,
    views: ViewDataset,
    cfg: Config,
    options: CacheOptions,
    batch_size: int,
) -> None:
    places = store.missing()
    asked = [View(frame, view, options.view_seed) for frame, view in places]
    loader = DataLoader(
        views,
        sampler=asked,  # type: ignore[arg-type]
        batch_size=batch_size,
        num_workers=cfg[LOADER].get("num_workers", 0),
        collate_fn=list,
    )
    with Progress() as progress:
        task = progress.add_task("Asking the teacher", total=len(places))
        for samples, here in zip(loader, _chunks(places, batch_size), strict=True):
            for sample in samples:
                _check_size(sample["inputs"], store.header["view_size"])
            digests = [digest(sample["inputs"]) for sample in samples]
            store.add(here, _answers(model, samples, store.header["store"]), digests)
            progress.advance(task, len(here))


def _chunks(places: Sequence, size: int) -> Iterator[Sequence]:
    for start in range(0, len(places), size):
        yield places[start : start + size]


def _report(
    store: LogitStore, model: DistillSegmentor, cfg: Config, console: Console
) -> None:
    """Keep in the header what the teacher is worth on the validation part."""
    tested_on = validation(cfg)
    if not tested_on or store.header["tested_on"] == tested_on:
        return
    console.print("Testing the teacher on the validation frames")
    loader = Runner.build_dataloader(cfg.val_dataloader, seed=0)
    report = measure_teacher(model, loader, cfg.val_evaluator)
    told = {"report": report, "tested_on": tested_on}
    write_header(store.folder, store.header | told)
    whole = {key: value for key, value in report["metrics"].items() if "." not in key}
    figures = ", ".join(f"{key} {value:.2f}" for key, value in whole.items())
    console.print(
        f"The teacher: {figures}, temperature {report['temperature']:.2f}",
        soft_wrap=True,
    )

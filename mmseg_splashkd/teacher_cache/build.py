"""Run the teacher once on every view that training will draw, and store its logits."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

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
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.training import check_training
from mmseg_splashkd.datasets.views import View, ViewDataset
from mmseg_splashkd.files import remove_partials
from mmseg_splashkd.hooks.classes_hook import check_teacher_classes
from mmseg_splashkd.hooks.teacher_report import measure_teacher
from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.models.foreign_weights import safe_files
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
    remove_cache,
)
from mmseg_splashkd.teacher_cache.store import (
    LogitStore,
    create_store,
    locked,
    pixel_checksum,
    read_header,
    store_size,
    write_header,
)

# Keys of a header that must be equal to continue a build, beside the fingerprint.
FIXED = ("shape", "store", "view_size", "versions")
BATCH = 8  # views per forward pass
PROBED = 24  # views that are drawn twice to check that they are reproducible


def build_teacher_cache(
    config: str | Path,
    batch_size: int = BATCH,
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    dry_run: bool = False,
) -> Path:
    """Store the teacher's logits for every view that training will draw.

    Views that are already stored are kept: repeat an interrupted call to continue it.

    Args:
        config: Config file with ``teacher_cache``.
        batch_size: Number of views per forward pass, >= 1.
        device: Device of the teacher, such as ``'cuda'``; by default a GPU if there is
            one.
        cfg_options: Dotted config keys to override.
        dry_run: Whether to only print the size of the cache and an estimate of the
            time.

    Returns:
        The folder of the cache.

    Raises:
        FileNotFoundError: Data or the teacher's weights are missing.
        ValueError: The config cannot be cached (no ``teacher_cache``, a loss on
            features, views of several sizes or not reproducible), or
            ``teacher_cache.dir`` holds another cache.
        BlockingIOError: Another process builds this cache.
        OSError: The disk has too little space.
    """
    cfg = read_config(config, cfg_options)
    options = cache_options(cfg)
    remove_cache(cfg)
    check_training(cfg)
    check_data(cfg)
    init_default_scope(cfg.get("default_scope", "mmseg"))
    model = _build_model(cfg, device)
    views = _views_of(cfg)
    check_teacher_classes(model, list(views.metainfo.get("classes") or []))
    console = Console()
    with locked(options.dir):
        remove_partials(options.dir)
        header = _header(cfg, options, model, views)
        seconds = _seconds_per_view(model, views, options, batch_size)
        store = _open(options, header)
        _print_plan(console, options, header, store, seconds)
        if not dry_run:
            store = store or create_store(options.dir, header)
            _fill(store, model, views, cfg, options, batch_size)
            _test_teacher(store, model, cfg, console)
    return Path(options.dir)


def _views_of(cfg: Config) -> ViewDataset:
    """The training views, without ``keep_views``: a view in memory equals itself.

    Each is stored once, and is timed with the loading.
    """
    views: ViewDataset = DATASETS.build(cfg[LOADER].dataset)
    views.kept = None
    return views


def _build_model(cfg: Config, device: str | None) -> DistillSegmentor:
    with safe_files(cfg.model) as safe:
        model = MODELS.build(safe)
    check_batch_augments(model.student)
    if model.regresses:
        raise ValueError(
            "teacher_cache stores logits of classes, and DistillRegressor compares "
            "maps: remove teacher_cache"
        )
    if model.distill_loss.feature_terms:
        names = [type(term).__name__ for term in model.distill_loss.feature_terms]
        raise ValueError(
            f"{', '.join(names)} compares features, and a cache holds logits: remove "
            f"teacher_cache, or use only losses on logits"
        )
    model.load_teacher()
    return model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()


def _header(
    cfg: Config, options: CacheOptions, model: DistillSegmentor, views: ViewDataset
) -> dict[str, Any]:
    probed = _probe(views, options)
    logits = _teacher_logits(model, probed[:1], store="logits")
    store = _kind_of_store(options, model)
    channels = 1 if store == "margin" else model.num_classes
    return {
        "shape": [len(views), options.views, channels, *logits.shape[-2:]],
        "store": store,
        "view_size": list(probed[0]["inputs"].shape[1:]),
        "num_classes": model.num_classes,
        "classes": model.teacher_classes,
        "align_corners": model.teacher_align_corners,
        "view_seed": options.view_seed,
        "belongs": fingerprint(cfg, options, views),
        "versions": versions(cfg.model.teacher),
        "report": None,
        "tested_on": None,
    }


def _kind_of_store(options: CacheOptions, model: DistillSegmentor) -> str:
    """``'margin'`` or ``'logits'``."""
    if options.store == AUTO:
        enough = model.num_classes == 2 and model.distill_loss.shift_invariant
        # Stored logits are sufficient for every loss: an existing cache of them is
        # continued.
        return "margin" if enough and _existing(options) != "logits" else "logits"
    if options.store == "margin" and model.num_classes != 2:
        raise ValueError(
            f"teacher_cache.store='margin' needs two classes, the model has "
            f"{model.num_classes}: use 'logits' or 'auto'"
        )
    return options.store


def _existing(options: CacheOptions) -> str | None:
    """Kind of an existing store in ``options.dir``, None if there is none."""
    try:
        return read_header(options.dir)["store"]
    except (FileNotFoundError, ValueError):
        return None


def _probe(views: ViewDataset, options: CacheOptions) -> list[dict]:
    """Draw some views twice.

    Raises:
        ValueError: A view differs from itself, or views have several sizes.
    """
    chosen = [
        View(number * len(views) // PROBED, number % options.views, options.view_seed)
        for number in range(PROBED)
    ]
    first, second = ([views[view] for view in chosen] for _ in range(2))
    for view, one, other in zip(chosen, first, second, strict=True):
        if pixel_checksum(one["inputs"]) != pixel_checksum(other["inputs"]):
            raise ValueError(
                f"view {view.visit} of frame {view.index} differs when it is drawn "
                f"twice: a transform of the pipeline has its own random generator. "
                f"For Albumentations, use the transform Albumentations of this package"
            )
        _check_size(one["inputs"], list(first[0]["inputs"].shape[1:]))
    return first


def _check_size(image: Tensor, size: list[int]) -> None:
    if list(image.shape[1:]) != size:
        raise ValueError(
            f"views have different sizes, {size} and {list(image.shape[1:])}, and a "
            f"cache needs one size: end the geometric part of the pipeline with "
            f"Resize(keep_ratio=False), or with RandomCrop and Pad"
        )


def _teacher_logits(
    model: DistillSegmentor, samples: Sequence[dict], store: str
) -> Tensor:
    """Logits (N, C', h, w) of N samples, on the CPU; C' is 1 for ``'margin'``."""
    batch = model.data_preprocessor(pseudo_collate(copy.copy(samples)), True)
    logits = model.teacher_logits(batch["inputs"], batch["data_samples"]).float()
    if store == "margin":
        logits = logits[:, 1:] - logits[:, :1]
    return logits.cpu()


class ViewPass(NamedTuple):
    """A part of building a cache that can be timed.

    Attributes:
        run: Draws views and runs the teacher on them.
        size: Number of these views.
        total: Number of views in the whole cache.
    """

    run: Callable[[], object]
    size: int
    total: int


def view_pass(cfg: Config, batch_size: int = BATCH) -> ViewPass:
    """A part of building the cache of a config, which need not exist.

    Args:
        cfg: Resolved config with ``teacher_cache``; not changed.
        batch_size: Number of views per forward pass, >= 1.

    Raises:
        FileNotFoundError: Data or the teacher's weights are missing.
        ValueError: The config cannot be cached.
    """
    cfg = copy.deepcopy(cfg)
    options = cache_options(cfg)
    remove_cache(cfg)
    init_default_scope(cfg.get("default_scope", "mmseg"))
    model = _build_model(cfg, None)
    views = _views_of(cfg)
    run = _pass(model, views, options, batch_size)
    return ViewPass(run, batch_size, len(views) * options.views)


def _pass(
    model: DistillSegmentor, views: ViewDataset, options: CacheOptions, batch_size: int
) -> Callable[[], object]:
    """Draw views and run the teacher on them, as ``_fill`` does."""
    frames = [index % len(views) for index in range(batch_size)]

    def run() -> None:
        samples = [views[View(frame, 0, options.view_seed)] for frame in frames]
        _teacher_logits(model, samples, "logits")

    return run


def _seconds_per_view(
    model: DistillSegmentor, views: ViewDataset, options: CacheOptions, batch_size: int
) -> float:
    """Seconds to draw a view and run the teacher on it, after one warm-up batch."""
    run = _pass(model, views, options, batch_size)
    for _ in range(2):
        begin = time.perf_counter()
        run()
    return (time.perf_counter() - begin) / batch_size


def _open(options: CacheOptions, header: dict[str, Any]) -> LogitStore | None:
    """The existing store to continue, None if there is none.

    Raises:
        ValueError: The existing store belongs to another run.
    """
    try:
        existing = read_header(options.dir)
    except FileNotFoundError:
        return None
    parts = header["belongs"].items()
    differing = [part for part, key in parts if existing["belongs"].get(part) != key]
    differing += [key for key in FIXED if existing.get(key) != header[key]]
    if differing:
        raise ValueError(
            f"teacher_cache.dir={options.dir!r} holds a cache with another "
            f"{', another '.join(differing)}: remove it, or set another dir"
        )
    return LogitStore(options.dir, "r+")


def _print_plan(
    console: Console,
    options: CacheOptions,
    header: dict[str, Any],
    store: LogitStore | None,
    seconds: float,
) -> None:
    """Print size and expected time before the work begins."""
    frames, views, channels, height, width = header["shape"]
    missing = frames * views if store is None else len(store.missing())
    size = store_size(header["shape"]) / 2**20
    console.print(
        f"{options.dir}: {frames} frames x {views} views, {channels} x {height} x "
        f"{width} in fp16 each ({header['store']}), {size:,.1f} MiB in total\n"
        f"{missing} of {frames * views} views to run: about "
        f"{_duration(missing * seconds)}, at {seconds * 1000:.0f} ms per view in one "
        f"process",
        soft_wrap=True,
    )


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"


def _fill(
    store: LogitStore,
    model: DistillSegmentor,
    views: ViewDataset,
    cfg: Config,
    options: CacheOptions,
    batch_size: int,
) -> None:
    """Run the teacher on all missing views."""
    places = store.missing()
    loader = DataLoader(
        views,
        sampler=[View(frame, view, options.view_seed) for frame, view in places],  # type: ignore[arg-type]
        batch_size=batch_size,
        num_workers=cfg[LOADER].get("num_workers", 0),
        collate_fn=list,
    )
    kind = store.header["store"]
    with Progress() as progress:
        task = progress.add_task("Caching the teacher", total=len(places))
        for samples, batch in zip(loader, _chunks(places, batch_size), strict=True):
            for sample in samples:
                _check_size(sample["inputs"], store.header["view_size"])
            checksums = [pixel_checksum(sample["inputs"]) for sample in samples]
            store.add(batch, _teacher_logits(model, samples, kind), checksums)
            progress.advance(task, len(batch))


def _chunks(places: Sequence, size: int) -> Iterator[Sequence]:
    for start in range(0, len(places), size):
        yield places[start : start + size]


def _test_teacher(
    store: LogitStore, model: DistillSegmentor, cfg: Config, console: Console
) -> None:
    """Store the teacher's scores on the validation part in the header."""
    tested_on = validation(cfg)
    if not tested_on or store.header["tested_on"] == tested_on:
        return
    console.print("Testing the teacher on the validation part")
    loader = Runner.build_dataloader(cfg.val_dataloader, seed=0)
    report = measure_teacher(model, loader, cfg.val_evaluator)
    tested = {"report": report, "tested_on": tested_on}
    write_header(store.folder, store.header | tested)
    means = {key: value for key, value in report["metrics"].items() if "." not in key}
    figures = ", ".join(f"{key} {value:.2f}" for key, value in means.items())
    console.print(
        f"The teacher: {figures}, temperature {report['temperature']:.2f}",
        soft_wrap=True,
    )

"""Checks that the types of a config are registered, before anything is built.

MMEngine looks a type up when it builds the part: that of ``test_evaluator`` only after
the training. Checked is what MMEngine and MMSegmentation themselves build from a
registry; arguments of other classes may be named ``type`` for purposes of their own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import FUNCTIONS, RUNNERS, Registry
from mmseg import registry as of

from mmseg_splashkd.config.faults import ConfigError, unknown_type
from mmseg_splashkd.config.types import classes, is_a, is_from
from mmseg_splashkd.config.walk import INNER, LOADERS

SCOPE = "mmseg"
OURS = ("mmseg", "mmseg_splashkd")  # packages whose classes build parts of theirs
SCOPES = ("", SCOPE, "mmengine")  # those of other packages are looked up when built
PARTS = {  # key of the config -> registry of the part, or of all parts in a list
    "custom_hooks": of.HOOKS,
    "train_cfg": of.LOOPS,
    "val_cfg": of.LOOPS,
    "test_cfg": of.LOOPS,
    "log_processor": of.LOG_PROCESSORS,
    "model_wrapper_cfg": of.MODEL_WRAPPERS,
    "optim_wrapper": of.OPTIM_WRAPPERS,
    "visualizer": of.VISUALIZERS,
}
OF_LOADER = {
    "sampler": of.DATA_SAMPLERS,
    "batch_sampler": of.DATA_SAMPLERS,
    "collate_fn": FUNCTIONS,
    "worker_init_fn": FUNCTIONS,
}
OF_SEGMENTOR = ("backbone", "neck", "decode_head", "auxiliary_head", "loss_decode")
OF_SEGMENTOR += ("data_preprocessor", "student", "teacher", "distill_loss", "method")
OF_SEGMENTOR += ("label_loss", "terms")  # of distill_loss
PAIRED = ("source", "target")  # of a SourceTargetDataset
Found = tuple[str, Any, Registry]  # dotted key of a part, the part, its registry


def check_types(cfg: Config) -> None:
    """Check that every type that the host builds from a registry is registered.

    Raises:
        ConfigError: One is not; the message names the key and the nearest name.
    """
    if cfg.get("default_scope", SCOPE) != SCOPE:
        return  # names of another package, which it may register when it is imported
    for key, part, registry in _parts(cfg):
        kind = part.get("type") if isinstance(part, Mapping) else None
        if isinstance(kind, str) and "_scope_" not in part:
            _check(f"{key}.type", kind, registry)
    constructor = (cfg.get("optim_wrapper") or {}).get("constructor")
    if isinstance(constructor, str):
        registry = of.OPTIM_WRAPPER_CONSTRUCTORS
        _check("optim_wrapper.constructor", constructor, registry)
    if isinstance(runner := cfg.get("runner_type"), str):
        _check("runner_type", runner, RUNNERS)


def _check(key: str, kind: str, registry: Registry) -> None:
    if kind.rpartition(".")[0] in SCOPES and registry.get(kind) is None:
        raise ConfigError(unknown_type(key, kind, registry))


def _parts(cfg: Config) -> Iterator[Found]:
    for key in ("model", "tta_model"):
        yield from _of_model(key, cfg.get(key))
    for key in LOADERS:
        yield from _of_loader(key, cfg.get(key) or {})
    yield from _transforms("tta_pipeline", cfg.get("tta_pipeline"))
    for key in ("val_evaluator", "test_evaluator"):
        yield from _of_evaluator(key, cfg.get(key))
    for key, registry in PARTS.items():
        yield from _each(key, cfg.get(key), registry)
    for name, hook in (cfg.get("default_hooks") or {}).items():
        yield f"default_hooks.{name}", hook, of.HOOKS
    yield from _schedules("param_scheduler", cfg.get("param_scheduler"))
    wrapper = cfg.get("optim_wrapper") or {}
    if wrapper.get("constructor") is None:  # another one may read it differently
        yield "optim_wrapper.optimizer", wrapper.get("optimizer"), of.OPTIMIZERS
    drawn = cfg.get("visualizer")
    backends = drawn.get("vis_backends") if isinstance(drawn, Mapping) else None
    yield from _each("visualizer.vis_backends", backends, of.VISBACKENDS)


def _each(key: str, value: Any, registry: Registry) -> Iterator[Found]:
    """A part, or those of a list."""
    if isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield f"{key}[{index}]", each, registry
    else:
        yield key, value, registry


def _of_model(key: str, value: Any) -> Iterator[Found]:
    """A model or a part of one, with the parts that the host's classes build."""
    for name, part, registry in _each(key, value, of.MODELS):
        yield name, part, registry
        if isinstance(part, Mapping) and is_from(part, *OURS):
            for inner in OF_SEGMENTOR:
                yield from _of_model(f"{name}.{inner}", part.get(inner))


def _of_loader(key: str, loader: Mapping[str, Any]) -> Iterator[Found]:
    for name, registry in OF_LOADER.items():
        yield f"{key}.{name}", loader.get(name), registry
    yield from _of_dataset(f"{key}.dataset", loader.get("dataset"))


def _of_dataset(key: str, dataset: Any) -> Iterator[Found]:
    yield key, dataset, of.DATASETS
    if not isinstance(dataset, Mapping):
        return
    for name in (*INNER, *PAIRED):
        for inner, each, _ in _each(f"{key}.{name}", dataset.get(name), of.DATASETS):
            if isinstance(each, Mapping):
                yield from _of_dataset(inner, each)
    if is_a(dataset, BaseDataset) or is_from(dataset, *OURS):
        yield from _transforms(f"{key}.pipeline", dataset.get("pipeline"))


def _transforms(key: str, value: Any) -> Iterator[Found]:
    """Transforms of a pipeline, and those inside the wrappers of MMCV."""
    for name, part, registry in _each(key, value, of.TRANSFORMS):
        if isinstance(part, (list, tuple)):  # an alternative
            yield from _transforms(name, part)
        elif isinstance(part, Mapping):
            yield name, part, registry
            kinds = classes(part.get("type"))
            if any(kind.__module__.startswith("mmcv.") for kind in kinds):
                yield from _transforms(f"{name}.transforms", part.get("transforms"))


def _of_evaluator(key: str, value: Any) -> Iterator[Found]:
    if isinstance(value, Mapping) and "metrics" in value:
        yield key, value, of.EVALUATOR
        yield from _each(f"{key}.metrics", value["metrics"], of.METRICS)
    else:
        yield from _each(key, value, of.METRICS)


def _schedules(key: str, value: Any) -> Iterator[Found]:
    """Schedules, also of several optimizers by name."""
    if isinstance(value, Mapping) and "type" not in value:
        for name, each in value.items():
            yield from _schedules(f"{key}.{name}", each)
    else:
        yield from _each(key, value, of.PARAM_SCHEDULERS)

"""Hashes of everything that cached logits depend on."""

import copy
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.models.backbones import TIMMBackbone
from mmseg.registry import DATASETS

from mmseg_splashkd.checkpoint import (
    find_checkpoint,
    read_checkpoint,
    tensors_sha256,
)
from mmseg_splashkd.config.text import literal
from mmseg_splashkd.config.types import classes, is_a, registered_name
from mmseg_splashkd.config.walk import leaves, loader_leaves
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.transforms.load_clip import LoadClip
from mmseg_splashkd.datasets.transforms.load_image_once import LoadImageOnce
from mmseg_splashkd.datasets.views import ViewDataset
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.models.adapters.smp import SMPSegmentor
from mmseg_splashkd.models.adapters.transformers import TransformersSegmentor
from mmseg_splashkd.models.teacher.controls import read_control
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.teacher_cache.options import CacheOptions
from mmseg_splashkd.version import __version__

LOADER = "train_dataloader"
# Keys of a data set's config that determine a view. Each is hashed under its name in
# format 1, so that caches built before a rename still match.
VIEW_KEYS = {
    "type": "type",
    "pipeline": "pipeline",
    "label_coding": "label_map",
    "label_map": "label_map",
    "metainfo": "metainfo",
    "reduce_zero_label": "reduce_zero_label",
    "clip": "clip",
}
# Keys of a segmentor's config that do not change its logits.
NOT_IN_LOGITS = {"init_cfg", "loss_decode", "auxiliary_head", "train_cfg", "test_cfg"}
HASHED_FILES = 32  # files, spread over the data set, whose content is hashed
# Other versions of these may build another network: such a cache is refused.
BUILDS_MODELS = ("mmseg_splashkd", "mmsegmentation", "onedl-mmsegmentation", "mmcv")
BUILDS_MODELS += ("onedl-mmcv",)
# So may these, for teachers that have a part of the class, or of the module.
OF_CLASS: dict[type, tuple[str, ...]] = {
    TIMMBackbone: ("timm",),
    SMPSegmentor: ("segmentation-models-pytorch", "timm"),
    TransformersSegmentor: ("transformers",),
}
OF_MODULE = {"mmpretrain": ("mmpretrain", "onedl-mmpretrain")}
LIBRARIES = ("albumentations", "numpy", "opencv-python", "opencv-python-headless")
LIBRARIES += ("pillow", "torch")


def fingerprint(
    cfg: Config, options: CacheOptions, dataset: ViewDataset
) -> dict[str, str]:
    """Hash of each part of a run that cached logits depend on.

    Runs with equal hashes can share a cache. Files of frames and labels are hashed by
    name and size, and up to 32 of them by content; the pixels of every view are
    compared when the store is read.

    Args:
        cfg: Config of the run.
        options: The parsed ``teacher_cache`` of the config.
        dataset: Training data set of the config.

    Returns:
        Name of the part -> SHA-256, hexadecimal.
    """
    model = cfg.model
    teacher = {
        "models": [
            _without(NOT_IN_LOGITS, config) for config in as_list(model.teacher)
        ],
        "class_mapping": model.get("class_mapping"),
        "ensemble": model.get("ensemble"),
        "weights": _weights_of(model),
    }
    if model.get("teacher_precision") == "bf16":  # others as in format 1
        teacher["precision"] = "bf16"
    preprocessors = [
        config.get("data_preprocessor")
        for config in (model, model.student, *as_list(model.teacher))
    ]
    allowed = (model.get("teacher_gate") or {}).get("allow", ())
    normalised = [preprocessors, "normalisation" in allowed]
    given = [_plain(each) for each in preprocessors if each is not None]
    if any(each != given[0] for each in given):
        normalised.append("images re-normalised for the teacher")
    return {
        "teacher": _hash(teacher),
        "normalisation": _hash(normalised),
        "pipeline": _hash(_view_keys(cfg[LOADER].dataset)),
        "frames": _hash(_files(dataset, _roots(cfg, LOADER))),
        "seed of the views": _hash(options.view_seed),
    }


def validation(cfg: Config) -> str:
    """Hash of the test of the teacher: frames, pipeline and metrics."""
    if not cfg.get("val_dataloader"):
        return ""
    loader = "val_dataloader"
    files = _files(unread_frames(cfg, loader), _roots(cfg, loader))
    pipelines = [leaf.get("pipeline") for leaf in loader_leaves(cfg, loader)]
    one = len(pipelines) == 1  # as in format 1
    return _hash([files, pipelines[0] if one else pipelines, cfg.get("val_evaluator")])


def unread_frames(cfg: Config, loader: str = LOADER) -> ViewDataset:
    """The data set of a loader, without reading labels or building a pipeline."""
    init_default_scope(cfg.get("default_scope") or "mmseg")
    frames = copy.deepcopy(cfg[loader].dataset)
    if is_a(frames, ViewDataset):  # a cached one would open its cache
        frames = frames["dataset"]
    for leaf in leaves(frames):
        leaf["pipeline"] = []
        if is_a(leaf, TimeSplitDataset):
            leaf["check_labels"] = False
    return DATASETS.build({"type": "ViewDataset", "dataset": frames})


def _view_keys(config: Mapping[str, Any]) -> Any:
    """What determines a view: keys of the data sets, and of wrappers inside theirs."""
    if next(leaves(config)) is config:
        keys = VIEW_KEYS.keys() & config.keys()
        return {VIEW_KEYS[key]: _of_pixels(key, config[key]) for key in keys}
    if is_a(config, ViewDataset):
        return _view_keys(config["dataset"])
    return {
        key: [_view_keys(each) for each in value]
        if key == "datasets"
        else _view_keys(value)
        if key == "dataset"
        else value
        for key, value in config.items()
    }


def _of_pixels(key: str, value: Any) -> Any:
    """A value in which frames from memory count as those from files: equal pixels."""
    if key != "pipeline":
        return value
    return [
        {**_without({"memory_share"}, step), "type": "LoadImageFromFile"}
        if is_a(step, LoadImageOnce) and not is_a(step, LoadClip)
        else step
        for step in value or ()
    ]


def _roots(cfg: Config, loader: str) -> list[Path]:
    """Data roots of the data sets of a loader."""
    return [Path(leaf.get("data_root") or "") for leaf in loader_leaves(cfg, loader)]


def building_packages(teacher: Any) -> list[str]:
    """Packages of which another version may build another teacher.

    Args:
        teacher: Config of a teacher, or of several.
    """
    found = dict.fromkeys(BUILDS_MODELS)
    for kind in _classes_of(teacher):
        for base, packages in OF_CLASS.items():
            if issubclass(kind, base):
                found |= dict.fromkeys(packages)
        found |= dict.fromkeys(OF_MODULE.get(kind.__module__.partition(".")[0], ()))
    return list(found)


def _classes_of(config: Any) -> Iterator[type]:
    if isinstance(config, Mapping):
        yield from classes(config.get("type"))
        config = list(config.values())
    if isinstance(config, list | tuple):
        for each in config:
            yield from _classes_of(each)


def versions(teacher: Any) -> dict[str, str]:
    """Versions of the installed libraries that draw views or compute logits.

    Args:
        teacher: Config of the teacher, or of several.
    """
    installed = {"mmseg_splashkd": __version__}
    for library in (*building_packages(teacher)[1:], *LIBRARIES):
        try:
            installed[library] = version(library)
        except PackageNotFoundError:
            continue
    return installed


def _hash(value: Any) -> str:
    text = json.dumps(_plain(value), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """JSON values, with each ``type`` as the bare name of its class."""
    if isinstance(value, Mapping):
        return {
            key: _class_name(item) if key == "type" else _plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return literal(value) if callable(value) else value


def _class_name(kind: Any) -> Any:
    """Name of a class without scope and module, so that all spellings have one hash."""
    scope, _, name = kind.rpartition(".") if isinstance(kind, str) else ("", "", kind)
    if isinstance(kind, type) or "." in scope:
        return next(map(registered_name, classes(kind)), name)
    return name if scope == "mmseg" else kind


def _without(keys: set[str], config: Any) -> Any:
    """A config without some keys, at any depth."""
    if isinstance(config, Mapping):
        return {k: _without(keys, v) for k, v in config.items() if k not in keys}
    if isinstance(config, list | tuple):
        return [_without(keys, item) for item in config]
    return config


def _weights_of(model: Mapping[str, Any]) -> list[str]:
    """Hashes of the weights of the teachers; of an untrained one, what they follow."""
    control = read_control(model)
    if not control.has_weights:
        return [f"{control.kind}, seed {control.seed}"]
    return [_weights(file) for file in as_list(model["teacher_checkpoint"])]


def _weights(pattern: str) -> str:
    """Hash of the tensors of a checkpoint of any format."""
    state = read_checkpoint(find_checkpoint(pattern, "teacher_checkpoint"))
    return tensors_sha256(state["state_dict"], separator="")  # as in format 1


def _files(dataset: ViewDataset, roots: Sequence[Path]) -> list[list]:
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    rows = [list(_pair(info, roots)) for info in infos]
    spread = np.linspace(0, len(infos) - 1, min(HASHED_FILES, len(infos)))
    for index in spread.astype(int):
        for key in ("img_path", "seg_map_path"):
            if path := infos[index].get(key):
                rows[index].append(file_sha256(path))
    return rows


def _pair(info: Mapping[str, Any], roots: Sequence[Path]) -> Iterable[Any]:
    for key in ("img_path", "seg_map_path"):
        if path := info.get(key):
            root = next((r for r in roots if Path(path).is_relative_to(r)), roots[0])
            yield Path(os.path.relpath(path, root)).as_posix()
            yield Path(path).stat().st_size

"""What a cache belongs to: a hash of each thing that an answer depends on."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint
from mmseg_splashkd.config.reading import dataset_of
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.views import ViewDataset
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.teacher_cache.options import CacheOptions
from mmseg_splashkd.version import __version__

LOADER = "train_dataloader"
# Parts of a segmentor's config that its answers do not depend on.
SILENT = {"init_cfg", "loss_decode", "auxiliary_head", "train_cfg", "test_cfg"}
CHECKED_WHOLE = 32  # files, spread over the data set, whose content is hashed
# Another version of these may be another network: a cache of it is refused.
BUILDS_MODELS = ("mmseg_splashkd", "mmsegmentation", "onedl-mmsegmentation", "mmcv")
BUILDS_MODELS += ("onedl-mmcv", "mmpretrain", "onedl-mmpretrain")
LIBRARIES = ("albumentations", "numpy", "opencv-python", "opencv-python-headless")
LIBRARIES += ("pillow", "torch")


def fingerprint(
    cfg: Config, options: CacheOptions, dataset: ViewDataset
) -> dict[str, str]:
    """Name of a part -> hash of it; equal for runs that can share a cache.

    Files of frames and labels count by name and size, and some by content; that every
    view has the pixels it had, the store checks when it is read.

    Args:
        cfg: Of the run.
        options: Its ``teacher_cache``.
        dataset: Its training data, loaded.
    """
    model = cfg.model
    frames = dataset_of(cfg, LOADER)
    own = {"type", "pipeline", "label_coding", "metainfo", "reduce_zero_label"}
    pipeline = {key: frames[key] for key in own & frames.keys()}
    teacher = {
        "models": [_audible(config) for config in as_list(model.teacher)],
        "class_mapping": model.get("class_mapping"),
        "ensemble": model.get("ensemble"),
        "weights": [_weights(file) for file in as_list(model.teacher_checkpoint)],
    }
    preprocessors = [
        config.get("data_preprocessor")
        for config in (model, model.student, *as_list(model.teacher))
    ]
    allowed = (model.get("teacher_gate") or {}).get("allow", ())
    return {
        "teacher": _hash(teacher),
        "normalisation": _hash([preprocessors, "normalisation" in allowed]),
        "pipeline": _hash(pipeline),
        "frames": _hash(_files(dataset, Path(frames.get("data_root") or ""))),
        "seed of the views": _hash(options.view_seed),
    }


def validation(cfg: Config) -> str:
    """Hash of what the teacher is tested on: frames, pipeline and metrics."""
    if not cfg.get("val_dataloader"):
        return ""
    frames = unread_frames(cfg, "val_dataloader")
    root = Path(dataset_of(cfg, "val_dataloader").get("data_root") or "")
    pipeline = dataset_of(cfg, "val_dataloader").get("pipeline")
    return _hash([_files(frames, root), pipeline, cfg.val_evaluator])


def unread_frames(cfg: Config, loader: str = LOADER) -> ViewDataset:
    """The data of a loader, without reading a label or building a pipeline."""
    init_default_scope(cfg.get("default_scope", "mmseg"))
    frames = dict(dataset_of(cfg, loader), pipeline=[])
    if is_a(frames, TimeSplitDataset):
        frames["check_labels"] = False
    return DATASETS.build({"type": "ViewDataset", "dataset": frames})


def versions() -> dict[str, str]:
    """Versions of what draws the views and of what answers."""
    found = {"mmseg_splashkd": __version__}
    for library in (*BUILDS_MODELS[1:], *LIBRARIES):
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value)


def _audible(config: Any) -> Any:
    """A segmentor's config without what its answers do not depend on."""
    if isinstance(config, Mapping):
        return {key: _audible(config[key]) for key in config if key not in SILENT}
    if isinstance(config, list | tuple):
        return [_audible(item) for item in config]
    return config


def _weights(pattern: str) -> str:
    """Hash of the tensors of a checkpoint, of whatever format."""
    state = read_checkpoint(find_checkpoint(pattern, "teacher_checkpoint"))
    digest = hashlib.sha256()
    for name, tensor in sorted(state["state_dict"].items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        raw = tensor.contiguous().flatten().view(torch.uint8)
        digest.update(memoryview(raw.numpy()))
    return digest.hexdigest()


def _files(dataset: ViewDataset, root: Path) -> list[list]:
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    rows = [list(_pair(info, root)) for info in infos]
    spread = np.linspace(0, len(infos) - 1, min(CHECKED_WHOLE, len(infos)))
    for index in spread.astype(int):
        for key in ("img_path", "seg_map_path"):
            if path := infos[index].get(key):
                rows[index].append(hashlib.sha256(Path(path).read_bytes()).hexdigest())
    return rows


def _pair(info: Mapping[str, Any], root: Path) -> Iterable[Any]:
    for key in ("img_path", "seg_map_path"):
        if path := info.get(key):
            yield Path(os.path.relpath(path, root)).as_posix()
            yield Path(path).stat().st_size

"""Describes a run before it begins: config, data, teacher and environment."""

import json
import shlex
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.frames import ListedFrame, frame_paths
from mmseg_splashkd.config.text import config_text, text_sha256
from mmseg_splashkd.config.types import distills
from mmseg_splashkd.config.walk import LOADERS, loader_leaves
from mmseg_splashkd.datasets.time_split import READ_AT_LOAD
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.records.environment import code, hardware, library_versions
from mmseg_splashkd.records.record import RUNNING, Data, RunRecord, Teacher
from mmseg_splashkd.records.train_frames import TRAIN_FRAMES, frames_text
from mmseg_splashkd.runs.network_code import network_code
from mmseg_splashkd.runs.outcome import weights_sha256

PARTS = ("train", "val", "test")


def describe(
    cfg: Config, config: str | Path, options: Mapping[str, Any] | None
) -> tuple[RunRecord, list[str] | None]:
    """Config, data, teacher, code, libraries and machine of a run.

    Args:
        cfg: Config as read from file and options, before a run changes it.
        config: The config file.
        options: Dotted keys that override it.

    Returns:
        A record without name and start time, and the names of the training frames; None
        if a data set does not list its frames.
    """
    text = config_text(cfg)
    data, frames = _data(cfg)
    loss = cfg.model.get("distill_loss") or {}
    record = RunRecord(
        id=uuid.uuid4().hex,
        name="",
        status=RUNNING,
        command=shlex.join([Path(sys.executable).name, *sys.argv]),
        config=str(config),
        config_sha256=text_sha256(text),
        config_text=text,
        options=json_values(options or {}),
        experiment=cfg.get("experiment"),
        teacher_ratio=json_values(loss.get("teacher_ratio")),
        fold=_first(cfg, "fold"),
        seed=(cfg.get("randomness") or {}).get("seed"),
        iterations=(cfg.get("train_cfg") or {}).get("max_iters"),
        data=data,
        code=replace(code(), sources=network_code(cfg)),
        host=library_versions(),
        hardware=hardware(),
        teacher=_teacher(cfg),
    )
    return record, frames


def _data(cfg: Config) -> tuple[Data, list[str] | None]:
    parts = frame_paths(cfg)
    train = parts.get("train")
    frames = None if train is None else [each.name for each in train]
    tables = split_tables(cfg)
    listed = None if frames is None else frames_text(frames)
    data = Data(
        root=_first(cfg, "data_root"),
        tables=tuple(table.as_posix() for table in tables),
        table_sha256=tuple(file_sha256(table) for table in tables),
        frames={part: _count(parts.get(part)) for part in PARTS},
        files_sha256=files_sha256(parts.values()),
        train_frames=None if listed is None else TRAIN_FRAMES,
        train_frames_sha256=None if listed is None else text_sha256(listed),
    )
    return data, frames


def _count(files: Sequence | None) -> int | None:
    return None if files is None else len(files)


def files_sha256(parts: Iterable[Iterable[ListedFrame] | None]) -> str:
    """Hash over labels (content) and images (size), independent of their folder.

    Of more than ``READ_AT_LOAD`` frames, labels count by size too.
    """
    files = {(f.name, f.image, f.label) for part in parts for f in part or ()}
    read = _label_sha256 if len(files) <= READ_AT_LOAD else _size
    rows = [f"{name} {_size(image)} {read(label)}" for name, image, label in files]
    return text_sha256("\n".join(sorted(rows)))


def _label_sha256(path: str) -> str:
    return file_sha256(Path(path)) if path and Path(path).is_file() else ""


def _size(path: str) -> str:
    return str(Path(path).stat().st_size) if path and Path(path).is_file() else ""


def split_tables(cfg: Config) -> list[Path]:
    """Existing files that list the frames of a config's data sets, each once."""
    tables = [
        Path(leaf.get("data_root") or "", table)
        for leaf in loader_leaves(cfg)
        if (table := leaf.get("split_table") or leaf.get("ann_file"))
    ]
    return [path for path in dict.fromkeys(tables) if path.is_file()]


def _first(cfg: Config, key: str) -> Any:
    """A key of the first data set that has it, that of validation before others."""
    for leaf in loader_leaves(cfg, "val_dataloader", *LOADERS):
        if (value := leaf.get(key)) is not None:
            return value
    return None


def _teacher(cfg: Config) -> Teacher | None:
    if not distills(cfg) or not cfg.model.get("teacher_checkpoint"):
        return None
    files = [
        find_checkpoint(pattern, "teacher_checkpoint")
        for pattern in as_list(cfg.model.teacher_checkpoint)
    ]
    return Teacher(
        checkpoints=tuple(file.as_posix() for file in files),
        sha256=tuple(weights_sha256(file) for file in files),
    )


def json_values(value: Any) -> Any:
    """A value as JSON returns it; text for what JSON cannot hold."""
    return json.loads(json.dumps(value, default=str))

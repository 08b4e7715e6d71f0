"""What is known of a run when it begins."""

import ast
import hashlib
import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from pprint import pformat
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint
from mmseg_splashkd.config.frames import FrameFiles, frame_files, leaves
from mmseg_splashkd.config.reading import LOADERS, dataset_of
from mmseg_splashkd.config.types import distills
from mmseg_splashkd.datasets.time_split import READ_AT_LOAD
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.models.teacher.teacher import as_list
from mmseg_splashkd.records.environment import code, hardware, host
from mmseg_splashkd.records.frame_list import FRAMES, frames_text
from mmseg_splashkd.records.outcome import tensors_sha256

LINE = 88
PARTS = ("train", "val", "test")


def describe(
    cfg: Config, config: str | Path, options: Mapping[str, Any] | None
) -> tuple[dict[str, Any], str | None]:
    """Config, data, teacher, code, libraries and machine of a run.

    Args:
        cfg: As its file and options make it, before a run changes it.
        config: The file.
        options: Dotted keys that override it.

    Returns:
        JSON values, and the text of its list of training frames; None if its data set
        does not list them.
    """
    text = config_text(cfg)
    data, frames = _data(cfg)
    loss = cfg.model.get("distill_loss") or {}
    about = {
        "command": shlex.join([Path(sys.executable).name, *sys.argv]),
        "config": str(config),
        "config_sha256": sha256(text),
        "config_text": text,
        "options": json_values(options or {}),
        "experiment": cfg.get("experiment"),
        "teacher_ratio": json_values(loss.get("teacher_ratio")),
        "fold": _first(cfg, "fold"),
        "seed": (cfg.get("randomness") or {}).get("seed"),
        "iterations": cfg.train_cfg.get("max_iters"),
        "iteration": 0,
        "data": data,
        "code": code(),
        "host": host(),
        "hardware": hardware(),
        "teacher": _teacher(cfg),
    }
    return about, frames


def config_text(cfg: Config) -> str:
    """A config as text that makes it again, without any file that it was made of."""
    values = cfg.to_dict()
    text = "".join(
        f"{key} = {pformat(value, width=LINE, sort_dicts=False)}\n"
        for key, value in values.items()
    )
    try:
        for value in values.values():
            ast.literal_eval(repr(value))
    except (SyntaxError, ValueError):  # classes in it: the host can write those
        return cfg.pretty_text
    return text


def _data(cfg: Config) -> tuple[dict[str, Any], str | None]:
    parts = frame_files(cfg)
    train = parts.get("train")
    frames = None if train is None else frames_text(file.name for file in train)
    tables = tables_of(cfg)
    data = {
        "root": _first(cfg, "data_root"),
        "table": _one_or_all([table.as_posix() for table in tables]),
        "table_sha256": _one_or_all([file_sha256(table) for table in tables]),
        "frames": {part: _count(parts.get(part)) for part in PARTS},
        "files_sha256": files_sha256(parts.values()),
        "train_frames": None if frames is None else FRAMES,
        "train_frames_sha256": None if frames is None else sha256(frames),
    }
    return data, frames


def _count(files: Sequence | None) -> int | None:
    return None if files is None else len(files)


def files_sha256(parts: Iterable[Iterable[FrameFiles] | None]) -> str:
    """Hash of labels by content, of images by size, whatever folder they lie in.

    Where there are more than ``READ_AT_LOAD``, labels count by size too.
    """
    files = {file for part in parts for file in part or ()}
    read = _label_sha256 if len(files) <= READ_AT_LOAD else _size
    rows = [f"{name} {_size(image)} {read(label)}" for name, image, label in files]
    return sha256("\n".join(sorted(rows)))


def _label_sha256(path: str) -> str:
    return file_sha256(Path(path)) if path and Path(path).is_file() else ""


def _size(path: str) -> str:
    return str(Path(path).stat().st_size) if path and Path(path).is_file() else ""


def _one_or_all(values: list) -> Any:
    """None, the one, or the list of several."""
    return (values or [None])[0] if len(values) < 2 else values


def tables_of(cfg: Config) -> list[Path]:
    """The files that list a config's frames, such as split tables, each once."""
    found = [
        Path(leaf.get("data_root") or "", table)
        for loader in filter(cfg.get, LOADERS)
        for leaf in leaves(cfg[loader].dataset)
        if (table := leaf.get("split_table") or leaf.get("ann_file"))
    ]
    return [path for path in dict.fromkeys(found) if path.is_file()]


def _first(cfg: Config, key: str) -> Any:
    """A key of the first data set that has it, the validation's before others'."""
    for loader in ("val_dataloader", *LOADERS):
        if cfg.get(loader) and (value := dataset_of(cfg, loader).get(key)) is not None:
            return value
    return None


def _teacher(cfg: Config) -> dict[str, Any] | None:
    if not distills(cfg) or not cfg.model.get("teacher_checkpoint"):
        return None
    files = [
        find_checkpoint(pattern, "teacher_checkpoint")
        for pattern in as_list(cfg.model.teacher_checkpoint)
    ]
    paths = [file.as_posix() for file in files]
    hashes = [weights_sha256(file) for file in files]
    return {"checkpoint": _one_or_all(paths), "sha256": _one_or_all(hashes)}


def weights_sha256(path: Path) -> str:
    """Hash of the tensors of a file of weights."""
    return tensors_sha256(read_checkpoint(path)["state_dict"])


def sha256(text: str) -> str:
    """Hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def json_values(value: Any) -> Any:
    """A value as JSON would give it back; text for what JSON has not."""
    return json.loads(json.dumps(value, default=str))

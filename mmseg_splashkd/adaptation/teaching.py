"""Configs in which a network teaches another one on the frames of two cameras."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_text
from mmseg_splashkd.config.types import is_a, type_name
from mmseg_splashkd.datasets.rare_class_sampler import RareClassSampler
from mmseg_splashkd.datasets.views import ViewSampler
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.models.teacher.controls import without_pretrained

SHARE = 0.5  # of a batch: frames of the target


def check_student(cfg: Config) -> None:
    """Check that a config can be that of a student, beyond ``check_adaptable``.

    Args:
        cfg: The resolved config of a segmentor.

    Raises:
        ValueError: Its frames are not drawn by a ``ViewSampler``, it has a share of
            frames of its own, or frames of the source without a label.
    """
    sampler = cfg.train_dataloader.sampler
    if not is_a(sampler, ViewSampler) or is_a(sampler, RareClassSampler):
        raise ValueError(
            f"train_dataloader of {cfg.filename} has a {type_name(sampler)}, and half "
            f"of the frames are drawn from the target by a ViewSampler: set "
            f"sampler=dict(type='ViewSampler')"
        )
    for share in ("focus_share", "unlabelled_share"):
        if sampler.get(share):
            raise ValueError(
                f"train_dataloader.sampler.{share}={sampler[share]} of {cfg.filename} "
                f"leaves no share for the target, which has {SHARE:g}: set it to None"
            )
    unlabelled = cfg.train_dataloader.dataset.dataset.get("unlabelled", "error")
    if unlabelled not in ("error", "skip"):
        raise ValueError(
            f"unlabelled={unlabelled!r} of the frames of {cfg.filename} would take the "
            f"place of those of the target: set it to 'skip'"
        )


def taught_options(
    cfg: Config,
    teacher: Mapping[str, Any],
    weights: str | Path,
    loss: Mapping[str, Any],
    target: Mapping[str, Any],
) -> dict[str, Any]:
    """Config keys that make a segmentor the student of a network on two cameras.

    Half of each batch has labels of the source, and half is of the target, whose labels
    are dropped. The teacher teaches on both.

    Args:
        cfg: The resolved config of the student, trained on the source.
        teacher: Config of the teacher's segmentor, of the same classes.
        weights: Its weights.
        loss: Config of a ``FocalModulatedKDLoss``.
        target: What the target's data set has in place of the source's arguments:
            ``data_root`` and ``split_table``.
    """
    source = cfg.train_dataloader.dataset.dataset
    other = {**source, "fold": None, **target, "unlabelled": "all"}
    return {
        "model": {
            "_delete_": True,
            "type": "DistillSegmentor",
            "student": cfg.model,
            "teacher": without_pretrained(dict(teacher)),
            "teacher_checkpoint": str(weights),
            "distill_loss": dict(loss),
        },
        "train_dataloader.dataset.dataset": {
            "_delete_": True,
            "type": "ConcatDataset",
            "datasets": [source, other],
        },
        "train_dataloader.sampler.unlabelled_share": SHARE,
    }


def write_taught(
    file: Path,
    student: Path,
    teacher: Mapping[str, Any],
    weights: Path,
    loss: Mapping[str, Any],
    table: Path,
) -> Path:
    """Write the config in which a network teaches on the frames of a target.

    Args:
        file: Python file to write.
        student: Config file of the student, trained on the source.
        teacher: Config of the teacher's segmentor.
        weights: Its weights.
        loss: Config of a ``FocalModulatedKDLoss``.
        table: Split table of the target's frames.
    """
    target = {"data_root": "", "split_table": str(table.resolve()), "embargo": 0}
    cfg = read_config(str(student))
    options = taught_options(cfg, teacher, weights.resolve(), loss, target)
    head = f"# Taught by the network of {weights} on the frames of {table}, too.\n"
    head += f"#   python tools/train.py {file}\n"
    return write_whole(file, head + config_text(read_config(str(student), options)))

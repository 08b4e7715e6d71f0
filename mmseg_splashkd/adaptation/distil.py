"""An adapted network teaches a small one on the frames of both cameras."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.adaptation.adapt import Adapted
from mmseg_splashkd.adaptation.agreed_threshold import agreed_point
from mmseg_splashkd.adaptation.asked import asked_of_student, keep_to
from mmseg_splashkd.adaptation.config_file import check_adaptable, write_plain
from mmseg_splashkd.adaptation.signs import Signs, signs_of
from mmseg_splashkd.adaptation.steps import Steps
from mmseg_splashkd.adaptation.teaching import check_student, write_taught
from mmseg_splashkd.adaptation.whole_frames import frames_of_target
from mmseg_splashkd.checkpoint import read_checkpoint, write_weights
from mmseg_splashkd.config.frames import time_splits
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.evaluation.operating_point.stored import OPERATING_POINT
from mmseg_splashkd.runs.open_network import open_network

LOSS = {
    "type": "FocalModulatedKDLoss",
    "teacher_ratio": 0.5,
    "modulate": "none",
    "label_loss": "student",
    "terms": [{"type": "KLDLoss"}],
}


@dataclass(frozen=True)
class Distilled:
    """A small network that an adapted one has taught.

    Attributes:
        cfg: Its own config.
        weights: Its weights.
        signs: Its predictions on the target, compared with those of the teacher.
        point: Its operating point, chosen on the target by agreement with the
            teacher's decisions; None where the teacher has none, or predicts nothing.
    """

    cfg: Config
    weights: Path
    signs: Signs
    point: Mapping[str, Any] | None


def read_student(
    student: str, teacher: Config, options: Mapping[str, Any] | None = None
) -> Config:
    """The config of a student, checked before anything takes time.

    Args:
        student: Config file of a segmentor, trained on the source.
        teacher: Config of the segmentor that is adapted.
        options: Dotted config keys of the student to override.

    Raises:
        ValueError: It cannot be a student, the teacher cannot be adapted, or they
            differ in their classes.
    """
    cfg = read_config(student, dict(options or {}))
    check_adaptable(teacher)
    check_adaptable(cfg)
    check_student(cfg)
    own, its = (frames_classes(each) for each in (cfg, teacher))
    if own != its:
        raise ValueError(
            f"--student {student} has the classes {', '.join(own)}, and the network "
            f"that is adapted {', '.join(its)}: give one of the same classes"
        )
    return cfg


def frames_classes(cfg: Config) -> tuple[str, ...]:
    """Names of the classes of a config's training frames."""
    (source,) = time_splits(cfg.train_dataloader.dataset)
    return tuple(source.coding.classes)


def distil(adapted: Adapted, student: Config, folder: Path) -> Distilled:
    """Train a student by an adapted network, or go on where it was interrupted.

    Args:
        adapted: The adaptation.
        student: Config of ``read_student``.
        folder: Folder of the adaptation, which also has that of the student.

    Raises:
        PoorTeacherError: The adapted network teaches nothing.
        ValueError: The folder holds another student of this method.
    """
    keep_to(folder, asked_of_student(student, adapted.method))
    name, table = f"student_{adapted.method}", adapted.target.table(folder)
    plain = write_plain(folder / "student_plain.py", student)
    file = write_taught(
        folder / f"{name}.py", plain, adapted.cfg.model, adapted.weights, LOSS, table
    )
    trained = Steps(folder, table).train(file)
    point, signs = _seen(adapted, student, trained, table)
    checkpoint = read_checkpoint(trained)
    out = folder / f"weights_{name}.safetensors"
    meta = {**checkpoint["meta"], OPERATING_POINT: point}
    write_weights(checkpoint["state_dict"], out, meta)
    return Distilled(student, out, signs, point)


def _seen(
    adapted: Adapted, student: Config, weights: Path, table: Path
) -> tuple[dict[str, Any] | None, Signs]:
    """Operating point and signs of a student on the target."""
    own = open_network(student, weights)
    teacher = open_network(adapted.cfg, adapted.weights)
    frames = frames_of_target(student, table), frames_of_target(adapted.cfg, table)
    signs = signs_of(own, teacher, *frames)
    point = agreed_point(own, teacher, frames, weights, adapted.weights)
    return point, signs

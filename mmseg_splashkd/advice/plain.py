"""Options that turn a distillation into its plain student with the same label loss."""

from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.types import distills
from mmseg_splashkd.config.walk import mappings
from mmseg_splashkd.models.teacher.controls import OF_TEACHER
from mmseg_splashkd.models.teacher.labels import LABELS

UNUSED = {"terms": None, "temperature": 1.0, "modulate": "none", "student_error": None}


def plain_options(cfg: Config) -> dict[str, Any]:
    """``--cfg-options`` with which a distilled student learns from labels only.

    Labels stand in the teacher's place, and ``teacher_ratio`` is 0, so that neither
    weights nor a cache are read. Frames without a label are left out: nothing is
    learnt from them.

    Args:
        cfg: The resolved config.

    Raises:
        ValueError: It does not distil, or a data set has frames without a label only.
    """
    if not distills(cfg):
        raise ValueError(
            f"{cfg.filename} does not distil: name a config whose model is a "
            f"DistillSegmentor, with the teacher that is thought of"
        )
    options: dict[str, Any] = {"model.teacher": LABELS}
    options["model.distill_loss.teacher_ratio"] = 0
    of_teacher = (*OF_TEACHER, "teacher_seed", "label_margin")
    options |= {f"model.{key}": None for key in of_teacher if cfg.model.get(key)}
    loss = cfg.model.distill_loss
    for key, value in UNUSED.items():
        if loss.get(key) is not None:
            options[f"model.distill_loss.{key}"] = value
    if cfg.get("teacher_cache"):
        options["teacher_cache"] = None
    for path, node in mappings(cfg.get("train_dataloader"), "train_dataloader"):
        if node.get("unlabelled") == "include":
            options[f"{path}.unlabelled"] = "skip"
        if node.get("unlabelled") in ("only", "all"):
            raise ValueError(
                f"{path}.unlabelled={node['unlabelled']!r} leaves a plain student "
                f"nothing to learn there: give one data set with "
                f"unlabelled='include' instead"
            )
        if node.get("unlabelled_share"):
            options[f"{path}.unlabelled_share"] = None
    return options

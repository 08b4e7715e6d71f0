"""A short look at a task: plain student, teacher, labels, and what a step takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_splashkd.advice.plain import plain_options
from mmseg_splashkd.advice.setting import Setting
from mmseg_splashkd.advice.stages import Stages
from mmseg_splashkd.config.class_shares import ClassShares, class_shares
from mmseg_splashkd.config.label_scan import focus_name
from mmseg_splashkd.config.length import length_key, of_length
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_text, text_sha256
from mmseg_splashkd.config.types import reads_teacher
from mmseg_splashkd.config.walk import mappings, plain_model
from mmseg_splashkd.hooks.teacher_report import measure_teacher
from mmseg_splashkd.models.foreign_weights import safe_files
from mmseg_splashkd.report.experiments.crossing import Saturation, saturation
from mmseg_splashkd.report.logs import logged
from mmseg_splashkd.runs.measure_steps import StepTime, ViewTime, measure_steps
from mmseg_splashkd.sweep.train_once import train_once

VALIDATIONS = 6
WORTH = 0.5  # points; a smaller gain in the last third is none
BINARY, MEAN = "OperatingPoint.Dice", "mIoU"


@dataclass(frozen=True)
class Look:
    """What was seen.

    Attributes:
        metric: Name of the score, of plain student and teacher.
        plain: Score of the plain student at the end of its run, in percent.
        length: Iterations, or epochs, of that run.
        whole: Those of the config.
        saturation: Whether it still gained.
        teacher: Figures of the teacher, see ``measure_teacher``.
        shares: Frames and classes of the training labels.
        setting: What the map is asked for.
        steps: Time of a step of ``'plain'`` and ``'distilled'`` (teacher in the loop).
        view: Time to cache a view; None without ``teacher_cache``.
    """

    metric: str
    plain: float
    length: int
    whole: int
    saturation: Saturation
    teacher: Mapping[str, Any]
    shares: ClassShares
    setting: Setting
    steps: Mapping[str, StepTime]
    view: ViewTime | None


def look(
    config: str,
    folder: Path,
    length: int | None = None,
    cfg_options: Mapping[str, Any] | None = None,
) -> Look:
    """Train a short plain student, test the teacher, read labels, and time steps.

    Args:
        config: Config file of the distillation that is thought of.
        folder: Folder of plain runs: an interrupted one is resumed, a finished one of
            the same config and length used again.
        length: Iterations, or epochs, of the plain run; default None: a quarter of the
            config's.
        cfg_options: Dotted config keys to override.

    Raises:
        FileNotFoundError: Data or the teacher's weights are missing.
        ValueError: The config does not distil from a trained teacher, or ``length`` is
            not in [``VALIDATIONS``, that of the config].
    """
    given = dict(cfg_options or {})
    cfg = read_config(config, given)
    plain = given | plain_options(cfg)
    if not reads_teacher(cfg):
        raise ValueError(
            f"{config} names no trained teacher: it is one of the controls. Name the "
            f"config with the teacher that is thought of"
        )
    whole = cfg.train_cfg[length_key(cfg)]
    length = max(VALIDATIONS, whole // 4) if length is None else length
    if not VALIDATIONS <= length <= whole:
        raise ValueError(
            f"--length {length} must be in [{VALIDATIONS}, {whole}], from as many "
            f"steps as validations to the length of {config}"
        )
    stages = Stages(folder / "advice.log")
    with stages.stage(f"reads the labels (log: {stages.log})"):
        shares = class_shares(cfg)
    with stages.stage("tests the teacher"):
        teacher = _teacher(cfg)
    metric = BINARY if len(shares.classes) == 2 else MEAN
    with stages.stage(f"trains the plain student, {length:,} of {whole:,} steps"):
        score, curve = _plain_run(config, plain, length, folder, metric)
    with stages.stage("times steps"):
        steps, view = _times(config, given, plain)
    lead = float(teacher["skill"]) - score
    setting = setting_of(cfg, shares, length, curve.is_flat, lead)
    return Look(
        metric, score, length, whole, curve, teacher, shares, setting, steps, view
    )


def setting_of(
    cfg: Config, shares: ClassShares, length: int, saturated: bool, lead: float
) -> Setting:
    """The setting of a student that is distilled.

    Args:
        cfg: The resolved config of the distillation.
        shares: Frames and classes of its training labels.
        length: Iterations, or epochs, of the plain run.
        saturated: Whether the plain student has stopped gaining.
        lead: Lead of the teacher on the validation part, in points.
    """
    student = plain_model(cfg.model)
    with safe_files(student) as safe:
        weights = MODELS.build(safe).parameters()
    return Setting(
        two_classes=len(shares.classes) == 2,
        pretrained=any(
            "checkpoint" in str(node.get("init_cfg")) or bool(node.get("pretrained"))
            for _, node in mappings(student, "")
        ),
        has_unlabelled=shares.unlabelled > 0,
        saturated=saturated,
        parameters=sum(each.numel() for each in weights) / 1e6,
        labelled=shares.labelled,
        rarest_share=100 * shares.share_of_rarest,
        passes=_passes(cfg, length, shares),
        lead=lead,
    )


def _passes(cfg: Config, length: int, shares: ClassShares) -> float:
    """Passes over the labelled frames."""
    if length_key(cfg) == "max_epochs":
        return float(length)
    loader = cfg.train_dataloader
    unlabelled = (loader.get("sampler") or {}).get("unlabelled_share") or 0.0
    draws = length * loader.get("batch_size", 1) * (1 - unlabelled)
    return draws / max(1, shares.labelled)


def _plain_run(
    config: str, options: dict[str, Any], length: int, folder: Path, metric: str
) -> tuple[float, Saturation]:
    """Last score of the short run, and whether it still gained."""
    cfg = read_config(config, options)
    options = options | of_length(cfg, length)
    options["train_cfg.val_interval"] = length // VALIDATIONS
    # A run of another config, or of another length, is another run.
    digest = text_sha256(config_text(read_config(config, options)))
    folder = folder / f"{length}_{digest[:8]}"
    train_once(config, folder, f"plain_{folder.name}", options)
    steps, values = logged(folder, metric)
    gained = saturation((np.array(steps), np.array(values)), WORTH)
    if gained is None:
        raise ValueError(
            f"the plain run in {folder} logged {metric} {len(steps)} times, and a "
            f"curve needs three: val_evaluator needs IoUMetric with mIoU, and two "
            f"classes the hook FrameScoresHook"
        )
    return values[-1], gained


def _teacher(cfg: Config) -> dict[str, Any]:
    """Figures of the teacher on the validation part."""
    init_default_scope(cfg.get("default_scope", "mmseg"))
    with safe_files(cfg.model) as safe:
        model = MODELS.build(safe)
    model.load_teacher()
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    loader = Runner.build_dataloader(cfg.val_dataloader, seed=0)
    return measure_teacher(model, loader, cfg.val_evaluator, focus_name(cfg))


def _times(
    config: str, given: dict[str, Any], plain: dict[str, Any]
) -> tuple[dict[str, StepTime], ViewTime | None]:
    """Times of a step with and without the teacher, and of a view in its cache."""
    cfg = read_config(config, given)
    cached = {"cache": cfg} if cfg.get("teacher_cache") else {}
    without = given | ({"teacher_cache": None} if cached else {})
    arms = {
        "plain": read_config(config, plain),
        "distilled": read_config(config, without),
    }
    steps, views = measure_steps(arms, cached)
    return steps, views.get("cache")

"""A short look at a task: plain student, teacher, labels, and what a step takes."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric
from mmseg.registry import MODELS

from mmseg_splashkd.advice.plain import plain_options
from mmseg_splashkd.advice.setting import Setting
from mmseg_splashkd.advice.stages import Stages
from mmseg_splashkd.advice.teacher_score import KEY, CrossFittedDice
from mmseg_splashkd.config.class_shares import ClassShares, class_shares
from mmseg_splashkd.config.frames import frame_paths
from mmseg_splashkd.config.label_scan import focus_name
from mmseg_splashkd.config.length import length_key, of_length
from mmseg_splashkd.config.loss_words import loss_words
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import config_text, text_sha256
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import leaves, mappings, metrics_of, plain_model
from mmseg_splashkd.evaluation.dice_metric import DiceMetric
from mmseg_splashkd.hooks import FrameScoresHook
from mmseg_splashkd.hooks.teacher_report import measure_teacher
from mmseg_splashkd.models import DistillRegressor
from mmseg_splashkd.models.foreign_weights import safe_files
from mmseg_splashkd.models.teacher.controls import read_control
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.report.experiments.crossing import Saturation, saturation
from mmseg_splashkd.report.logs import logged
from mmseg_splashkd.runs.describe import files_sha256
from mmseg_splashkd.runs.measure_steps import StepTime, ViewTime, measure_steps
from mmseg_splashkd.runs.train_once import train_once

VALIDATIONS, FEWEST = 6, 3
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
        teacher_score: Score of the teacher, in percent.
        teacher: Figures of the teacher, see ``measure_teacher``.
        shares: Frames and classes of the training labels.
        setting: What the map is asked for.
        steps: Time of a step of ``'plain'`` and ``'distilled'`` (teacher in the loop).
        view: Time to cache a view; None without ``teacher_cache``.
        losses: The losses of the config, see ``loss_words``.
    """

    metric: str
    plain: float
    length: int
    whole: int
    saturation: Saturation
    teacher_score: float
    teacher: Mapping[str, Any]
    shares: ClassShares
    setting: Setting
    steps: Mapping[str, StepTime]
    view: ViewTime | None
    losses: str


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
            the same config, data and length used again.
        length: Iterations, or epochs, of the plain run; default None: half of the
            config's.
        cfg_options: Dotted config keys to override.

    Raises:
        FileNotFoundError: Data or the teacher's weights are missing.
        ValueError: The config cannot be looked at (see ``check_lookable``), ``length``
            is not in [``FEWEST``, that of the config], or a score is not finite.
    """
    given = dict(cfg_options or {})
    cfg = read_config(config, given)
    plain = given | plain_options(cfg)
    check_lookable(cfg)
    whole = cfg.train_cfg[length_key(cfg)]
    length = max(FEWEST, whole // 2) if length is None else length
    if not FEWEST <= length <= whole:
        raise ValueError(
            f"--length {length} must be in [{FEWEST}, {whole}]: a curve needs as many "
            f"validations, and {config} has no more steps"
        )
    stages = Stages(folder / "advice.log")
    with stages.stage(f"reads the labels (log: {stages.log})"):
        shares = class_shares(cfg)
    metric = BINARY if len(shares.classes) == 2 else MEAN
    hooks = cfg.get("custom_hooks") or ()
    if metric == BINARY and not any(is_a(hook, FrameScoresHook) for hook in hooks):
        raise ValueError(
            f"the score of two classes, {BINARY}, is logged by FrameScoresHook: add "
            f"dict(type='FrameScoresHook') to custom_hooks"
        )
    with stages.stage("tests the teacher"):
        teacher, teacher_score = _teacher(cfg, metric)
    with stages.stage(f"trains the plain student, {length:,} of {whole:,} steps"):
        score, curve = _plain_run(config, plain, length, folder, metric)
    with stages.stage("times steps"):
        steps, view = _times(config, given, plain)
    draws = steps["plain"].iterations * batch_size(cfg)
    setting = setting_of(cfg, shares, draws, curve.is_flat, teacher_score - score)
    scores = {"plain student": score, "teacher": teacher_score}
    for name, value in (scores | asdict(setting)).items():
        if not math.isfinite(value):
            raise ValueError(
                f"{name} is {value}: {metric} is not defined on the validation part, "
                f"or no training label has a valid pixel: see tools/check_dataset.py"
            )
    return Look(
        metric=metric,
        plain=score,
        length=length,
        whole=whole,
        saturation=curve,
        teacher_score=teacher_score,
        teacher=teacher,
        shares=shares,
        setting=setting,
        steps=steps,
        view=view,
        losses=loss_words(cfg),
    )


def check_lookable(cfg: Config) -> None:
    """Check, before anything takes time, that a look would end.

    Args:
        cfg: The resolved config of a distillation.

    Raises:
        ValueError: It is a control or regresses maps, it has no validation or not the
            score that is compared, or it tests by sliding windows.
    """
    if read_control(cfg.model).kind is not None:
        raise ValueError(
            f"{cfg.filename} names no trained teacher: it is one of the controls. Name "
            f"the config with the teacher that is thought of"
        )
    if is_a(cfg.model, DistillRegressor):
        raise ValueError(
            f"{cfg.filename} distils maps, and the map of what pays holds classes only"
        )
    metrics = metrics_of(cfg.get("val_evaluator"))
    if not cfg.get("val_dataloader") or not any(map(_has_mean_iou, metrics)):
        raise ValueError(
            "the plain student is compared with its teacher in validations: set "
            "val_dataloader, val_cfg and val_evaluator with DiceMetric, or with "
            "IoUMetric and mIoU"
        )
    mode = (plain_model(cfg.model).get("test_cfg") or {}).get("mode", "whole")
    if mode != "whole":
        raise ValueError(
            f"model.student.test_cfg.mode={mode!r}: the teacher is tested on whole "
            f"frames, and cannot be compared with this student. Set 'whole'"
        )


def _has_mean_iou(metric: Any) -> bool:
    if is_a(metric, IoUMetric):
        return MEAN in metric.get("iou_metrics", [MEAN])
    return is_a(metric, DiceMetric)


def batch_size(cfg: Config) -> int:
    """Frames of a training step."""
    return cfg.train_dataloader.get("batch_size", 1)


def setting_of(
    cfg: Config, shares: ClassShares, draws: float, saturated: bool, lead: float
) -> Setting:
    """The setting of a student that is distilled.

    Args:
        cfg: The resolved config of the distillation.
        shares: Frames and classes of its training labels.
        draws: Labelled frames that a whole plain run draws, with repetitions.
        saturated: Whether the plain student has stopped gaining.
        lead: Lead of the teacher on the validation part, in points.
    """
    student = plain_model(cfg.model)
    # A study whose runs are all kept has built nothing before.
    init_default_scope(cfg.get("default_scope") or "mmseg")
    with safe_files(student) as safe:
        weights = MODELS.build(safe).parameters()
    return Setting(
        two_classes=len(shares.classes) == 2,
        pretrained=bool(cfg.get("load_from")) or is_pretrained(student),
        has_unlabelled=shares.unlabelled > 0,
        clip=any(
            leaf.get("clip")
            for leaf in leaves(cfg.train_dataloader.dataset, targets=False)
        ),
        saturated=saturated,
        parameters=sum(each.numel() for each in weights) / 1e6,
        labelled=shares.labelled,
        rarest_share=100 * shares.share_of_rarest,
        passes=draws / max(1, shares.labelled),
        lead=lead,
    )


def is_pretrained(model: Any) -> bool:
    """Whether the config of a model names weights to start from."""
    return any(
        bool(node.get("pretrained"))
        or bool(node.get("checkpoint") and "init_cfg" in path)
        for path, node in mappings(model, "")
    )


def _plain_run(
    config: str, options: dict[str, Any], length: int, folder: Path, metric: str
) -> tuple[float, Saturation]:
    """Last score of the short run, and whether it still gained."""
    cfg = read_config(config, options)
    options = options | of_length(cfg, length)
    options["train_cfg.val_interval"] = length // min(VALIDATIONS, length)
    options |= {
        f"train_cfg.{key}": value
        for key, value in (("val_begin", 1), ("dynamic_intervals", None))
        if cfg.train_cfg.get(key)
    }
    # A run of another config or length, or with other files, is another run.
    files = files_sha256(frame_paths(cfg).values())
    digest = text_sha256(config_text(read_config(config, options)) + files)
    folder = folder / f"{length}_{digest[:8]}"
    train_once(config, folder, f"plain_{folder.name}", options)
    steps, values = logged(folder, metric)
    _check_whole(folder)
    gained = saturation((np.array(steps), np.array(values)), WORTH)
    if gained is None:
        raise ValueError(
            f"the plain run in {folder} logged {metric} in {len(steps)} validations, "
            f"and a curve needs {FEWEST}: does a hook end it early, or does "
            f"log_processor place them at one step?"
        )
    return values[-1], gained


def _check_whole(folder: Path) -> None:
    record = read_record(folder)
    if record and record.iterations and record.iteration < record.iterations:
        raise ValueError(
            f"the plain run in {folder} ended at {record.iteration:,} of "
            f"{record.iterations:,} iterations: a hook such as EarlyStoppingHook ended "
            f"it, and whether it still gained is not known. Remove it with "
            f"--cfg-options"
        )


def _teacher(cfg: Config, metric: str) -> tuple[dict[str, Any], float]:
    """Figures of the teacher on the validation part, and its score."""
    init_default_scope(cfg.get("default_scope", "mmseg"))
    with safe_files(cfg.model) as safe:
        model = MODELS.build(safe)
    model.load_teacher()
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    loader = Runner.build_dataloader(cfg.val_dataloader, seed=0)
    metrics: list[Any] = metrics_of(cfg.val_evaluator)
    focus = focus_name(cfg)
    if metric == BINARY:
        metrics = [*metrics, CrossFittedDice(loader.dataset, focus)]
    report = measure_teacher(model, loader, metrics, focus)
    return report, report["metrics"][KEY if metric == BINARY else metric]


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

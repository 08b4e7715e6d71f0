"""Predictions of held-out frames, each by the run of its fold."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import MODELS
from rich.progress import track

from mmseg_splashkd.checkpoint import find_checkpoint, load_strict, read_checkpoint
from mmseg_splashkd.config.data_root import check_data_root
from mmseg_splashkd.config.embedded import check_inert, embedded_values
from mmseg_splashkd.config.frames import ListedFrame, listed_frames
from mmseg_splashkd.config.leaf_coding import leaf_coding
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.walk import loader_leaves, plain_model
from mmseg_splashkd.config.wrapper_checks import check_evaluated
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.models.foreign_weights import safe_files
from mmseg_splashkd.records.record import FAILED, FINISHED
from mmseg_splashkd.records.run_file import RECORD, read_record
from mmseg_splashkd.records.store import NOT_RECORDED, read_run
from mmseg_splashkd.records.traces import status_words
from mmseg_splashkd.records.train_frames import TRAIN_FRAMES, read_train_frames

WEIGHTS = ("last", "best")


@dataclass(frozen=True, eq=False)
class FoldRun:
    """A run and its held-out frames.

    Args:
        work_dir: Folder of the run.
        cfg: Config of the run.
        weights: File of its weights.
        frames: Labelled validation frames, in the order of the data loader.
        trained: Names of its training frames.
        coding: Label coding of the data set.
    """

    work_dir: Path
    cfg: Config
    weights: Path
    frames: list[ListedFrame]
    trained: frozenset[str]
    coding: LabelCoding


class Prediction(NamedTuple):
    """A held-out frame, its label, and the predicted probabilities.

    Attributes:
        frame: Files of frame and label.
        label: (H, W) uint8, trainIds or 255.
        probability: (C, H, W) float32, at the size of the frame.
    """

    frame: Frame
    label: np.ndarray
    probability: np.ndarray


def open_runs(
    work_dirs: Sequence[str | Path],
    config: str | Path | None = None,
    weights: str = "last",
    cfg_options: dict[str, Any] | None = None,
    trust: bool = False,
) -> tuple[list[FoldRun], list[str]]:
    """Open the runs of an arm, one per fold, with their held-out frames.

    Args:
        work_dirs: Work directories of the runs.
        config: Config file to read instead of the recorded configs; the recorded
            options of each run apply to it.
        weights: ``'last'``, or ``'best'``, which are selected on the held-out frames.
        cfg_options: Dotted config keys to override in each config.
        trust: Whether recorded configs may name code that is in no registry.

    Returns:
        The runs, and the names of the training frames that are held out by no run.

    Raises:
        FileNotFoundError: A folder, its weights or its data are missing.
        ValueError: A folder has no record or no list of training frames, its validation
            frames are not listed or have no label, a run was trained on its validation
            frames, two runs hold out the same frame, or the classes of the runs differ.
    """
    if weights not in WEIGHTS:
        raise ValueError(f"weights={weights!r} is not one of {WEIGHTS}")
    runs = [
        _open(Path(path), config, weights, cfg_options, trust) for path in work_dirs
    ]
    if len({run.coding.classes for run in runs}) > 1:
        raise ValueError("the runs have different classes: give runs of one arm")
    judged = Counter(frame.name for run in runs for frame in run.frames)
    twice = [name for name, count in judged.items() if count > 1]
    if twice:
        raise ValueError(
            f"{len(twice)} frames are held out by more than one run, such as "
            f"{twice[0]}: give one run per fold, each with validation frames of its "
            f"own"
        )
    trained = frozenset().union(*(run.trained for run in runs))
    return runs, sorted(trained - judged.keys())


def _open(
    work_dir: Path,
    config: str | Path | None,
    weights: str,
    cfg_options: dict[str, Any] | None,
    trust: bool,
) -> FoldRun:
    if not work_dir.is_dir():
        raise FileNotFoundError(f"run {work_dir} does not exist")
    _check_ended(work_dir)
    cfg = _config(work_dir, config, cfg_options, trust)
    if not cfg.get("val_dataloader"):
        raise ValueError(f"run {work_dir} has no val_dataloader: it held out no frame")
    check_data_root(cfg, "val_dataloader")
    check_evaluated(cfg, "val_dataloader")
    run = FoldRun(
        work_dir=work_dir,
        cfg=cfg,
        weights=find_checkpoint(
            str(work_dir / f"weights_*_{weights}.safetensors"), "run"
        ),
        frames=_held_out(cfg, work_dir),
        trained=frozenset(_trained(work_dir)),
        coding=_coding(cfg, work_dir),
    )
    _check_held_out(run)
    return run


def _held_out(cfg: Config, work_dir: Path) -> list[ListedFrame]:
    frames = listed_frames(cfg, "val_dataloader")
    if frames is None:
        raise ValueError(
            f"run {work_dir}: its validation data set does not list its frames "
            f"(get_data_info without img_path)"
        )
    without = [frame for frame in frames if not frame.label]
    if without:
        raise ValueError(
            f"run {work_dir}: {len(without)} of {len(frames)} validation frames have "
            f"no label, such as {without[0].image}: leave them out"
        )
    return frames


def _coding(cfg: Config, work_dir: Path) -> LabelCoding:
    first, *others = map(leaf_coding, loader_leaves(cfg, "val_dataloader"))
    if any(coding != first for coding in others):
        raise ValueError(
            f"run {work_dir}: the data sets of its val_dataloader differ in label "
            f"coding"
        )
    return first


def _check_ended(work_dir: Path) -> None:
    run = read_run(work_dir)
    if run is None or run.status in (FINISHED, NOT_RECORDED):
        return
    status = status_words(run.status, run.record.reason, run.record.iteration)
    if run.status == FAILED:
        raise ValueError(f"run {work_dir} {status}: give a finished run")
    print_log(f"run {work_dir}: {status}", logger="current", level=logging.WARNING)


def _trained(work_dir: Path) -> list[str]:
    names = read_train_frames(work_dir)
    if names is None:
        raise ValueError(
            f"run {work_dir} has no list of its training frames ({TRAIN_FRAMES}): "
            f"train it with this version, which writes the list"
        )
    return names


def _check_held_out(run: FoldRun) -> None:
    both = [frame for frame in run.frames if frame.name in run.trained]
    if both:
        raise ValueError(
            f"run {run.work_dir} was trained on {len(both)} of its {len(run.frames)} "
            f"validation frames, such as {both[0].name}, and reproduces their "
            f"labels: give a run that held them out"
        )


def _config(
    work_dir: Path,
    config: str | Path | None,
    cfg_options: dict[str, Any] | None,
    trust: bool,
) -> Config:
    record = read_record(work_dir)
    if record is None:
        raise ValueError(f"{work_dir} holds no run: there is no {RECORD}")
    if config is not None:
        if not trust:
            check_inert(record.options, f"{work_dir / RECORD}: options")
        return read_config(config, {**record.options, **(cfg_options or {})})
    try:
        cfg = Config(embedded_values(record, trust))
    except ValueError as error:
        raise ValueError(
            f"{work_dir / RECORD}: {error}: or give the file of the config by --config"
        ) from error
    cfg.merge_from_dict(cfg_options or {})
    return cfg


def predictions(run: FoldRun, progress: bool = True) -> Iterator[Prediction]:
    """Predict the held-out frames of a run, in the order of its loader.

    Args:
        run: The run.
        progress: Whether to show a progress bar.

    Raises:
        RuntimeError: The weights do not fit the config, or a frame cannot be read.
        ValueError: The weights are damaged.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with safe_files(plain_model(run.cfg.model)) as safe:
        model = MODELS.build(safe)
    source = f"weights {run.weights}"
    load_strict(model, read_checkpoint(run.weights)["state_dict"], source)
    model = model.eval().to(device)
    loader = Runner.build_dataloader(run.cfg.val_dataloader)
    batches = track(loader, str(run.work_dir.name), disable=not progress)
    by_image = {each.image: each.frame for each in run.frames}
    for batch in batches:
        with torch.no_grad():
            samples = model.test_step(batch)
        for sample in samples:  # in any order
            yield _prediction(by_image[sample.img_path], sample)


def _prediction(frame: Frame, sample: Any) -> Prediction:
    logits = sample.seg_logits.data.float()
    if len(logits) == 1:  # of a sigmoid, which the host has applied
        probability = torch.cat([1 - logits, logits])
    else:
        probability = logits.softmax(0)
    return Prediction(
        frame=frame,
        label=sample.gt_sem_seg.data[0].cpu().numpy().astype(np.uint8),
        probability=probability.cpu().numpy(),
    )

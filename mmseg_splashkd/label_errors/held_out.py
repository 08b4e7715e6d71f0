"""Predictions of held-out frames, each by the run of its fold."""

import ast
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
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from rich.progress import track

from mmseg_splashkd.checkpoint import find_checkpoint, load_strict, read_checkpoint
from mmseg_splashkd.config.frames import frame_name, time_splits
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.training import check_data_root
from mmseg_splashkd.config.walk import plain_model
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import LabelCoding
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
    frames: list[Frame]
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
) -> tuple[list[FoldRun], list[str]]:
    """Open the runs of an arm, one per fold, with their held-out frames.

    Args:
        work_dirs: Work directories of the runs.
        config: Config file to read instead of the recorded configs; the recorded
            options of each run apply to it.
        weights: ``'last'``, or ``'best'``, which are selected on the held-out frames.
        cfg_options: Dotted config keys to override in each config.

    Returns:
        The runs, and the names of the training frames that are held out by no run.

    Raises:
        FileNotFoundError: A folder, its weights or its data are missing.
        ValueError: A folder has no record or no list of training frames, a run was
            trained on its validation frames, two runs hold out the same frame, or the
            classes of the runs differ.
    """
    if weights not in WEIGHTS:
        raise ValueError(f"weights={weights!r} is not one of {WEIGHTS}")
    runs = [_open(Path(path), config, weights, cfg_options) for path in work_dirs]
    if len({run.coding.classes for run in runs}) > 1:
        raise ValueError("the runs have different classes: give runs of one arm")
    judged = Counter(frame_name(frame) for run in runs for frame in run.frames)
    twice = [name for name, count in judged.items() if count > 1]
    if twice:
        raise ValueError(
            f"{len(twice)} frames are held out by more than one run, such as "
            f"{twice[0]}: give one run per fold"
        )
    trained = frozenset().union(*(run.trained for run in runs))
    return runs, sorted(trained - judged.keys())


def _open(
    work_dir: Path,
    config: str | Path | None,
    weights: str,
    cfg_options: dict[str, Any] | None,
) -> FoldRun:
    if not work_dir.is_dir():
        raise FileNotFoundError(f"run {work_dir} does not exist")
    _check_ended(work_dir)
    cfg = _config(work_dir, config, cfg_options)
    check_data_root(cfg, "val_dataloader")
    init_default_scope(cfg.get("default_scope", "mmseg"))
    datasets = time_splits(cfg.val_dataloader.dataset)
    if len(datasets) != 1:
        raise ValueError(
            f"run {work_dir}: its val_dataloader reads no TimeSplitDataset, or several"
        )
    (dataset,) = datasets
    run = FoldRun(
        work_dir=work_dir,
        cfg=cfg,
        weights=find_checkpoint(
            str(work_dir / f"weights_*_{weights}.safetensors"), "run"
        ),
        frames=dataset.chosen_frames(),
        trained=frozenset(_trained(work_dir)),
        coding=dataset.coding,
    )
    _check_held_out(run)
    return run


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
    both = [frame for frame in run.frames if frame_name(frame) in run.trained]
    if both:
        raise ValueError(
            f"run {run.work_dir} was trained on {len(both)} of its {len(run.frames)} "
            f"validation frames, such as {frame_name(both[0])}, and reproduces their "
            f"labels: give a run that held them out"
        )


def _config(
    work_dir: Path, config: str | Path | None, cfg_options: dict[str, Any] | None
) -> Config:
    record = read_record(work_dir)
    if record is None:
        raise ValueError(f"{work_dir} holds no run: there is no {RECORD}")
    if config is not None:
        return read_config(config, {**record.options, **(cfg_options or {})})
    cfg = Config(_values(record.config_text or "", work_dir / RECORD))
    cfg.merge_from_dict(cfg_options or {})
    return cfg


def _values(text: str, source: Path) -> dict[str, Any]:
    """The values of a recorded config, without executing it."""
    try:
        return {
            target.id: ast.literal_eval(line.value)
            for line in ast.parse(text).body
            if isinstance(line, ast.Assign)
            for target in line.targets
            if isinstance(target, ast.Name)
        }
    except (SyntaxError, ValueError) as error:
        raise ValueError(
            f"the config in {source} holds more than values ({error}): give the file "
            f"of the config by --config"
        ) from error


def predictions(run: FoldRun, progress: bool = True) -> Iterator[Prediction]:
    """Predict the held-out frames of a run, in their order.

    Args:
        run: The run.
        progress: Whether to show a progress bar.

    Raises:
        RuntimeError: The weights do not fit the config, or a frame cannot be read.
        ValueError: The weights are damaged, or the model has a single output.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = MODELS.build(plain_model(run.cfg.model))
    source = f"weights {run.weights}"
    load_strict(model, read_checkpoint(run.weights)["state_dict"], source)
    model = model.eval().to(device)
    loader = Runner.build_dataloader(run.cfg.val_dataloader)
    batches = track(loader, str(run.work_dir.name), disable=not progress)
    index = 0
    for batch in batches:
        with torch.no_grad():
            samples = model.test_step(batch)
        for sample in samples:
            yield _prediction(run.frames[index], sample)
            index += 1


def _prediction(frame: Frame, sample: Any) -> Prediction:
    logits = sample.seg_logits.data
    if len(logits) < 2:
        raise ValueError("the model has one output channel: probabilities need two")
    return Prediction(
        frame=frame,
        label=sample.gt_sem_seg.data[0].cpu().numpy().astype(np.uint8),
        probability=logits.float().softmax(0).cpu().numpy(),
    )

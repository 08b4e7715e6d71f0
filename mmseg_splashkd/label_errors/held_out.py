"""Every frame as a model sees it that was not trained on it: the folds of an arm."""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from rich.progress import track

from mmseg_splashkd.checkpoint import find_checkpoint, load_strict, read_checkpoint
from mmseg_splashkd.config.frames import name_of, time_splits
from mmseg_splashkd.config.reading import (
    check_data_root,
    plain_model,
    read_config,
)
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.records.run_file import RECORD, read_record
from mmseg_splashkd.records.train_frames import TRAIN_FRAMES, read_train_frames

WEIGHTS = ("last", "best")


@dataclass(frozen=True, eq=False)
class FoldRun:
    """A run and the frames that it was held out from.

    Args:
        work_dir: Its folder.
        cfg: Its config.
        weights: The file of its weights.
        frames: Its labelled validation frames, in the order of its loader.
        trained: Names of the frames that it was trained on.
        coding: How labels are coded.
    """

    work_dir: Path
    cfg: Config
    weights: Path
    frames: list[Frame]
    trained: frozenset[str]
    coding: LabelCoding


class Answer(NamedTuple):
    """A frame, its label, and what a model thinks that has not seen it.

    Attributes:
        frame: Where frame and label are.
        label: (H, W) uint8, trainIds or 255.
        probability: (C, H, W) float32, at the frame's own size.
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
    """Read the runs of an arm, one a fold, and see which frames they can judge.

    Args:
        work_dirs: Their work directories.
        config: Config file to read instead of the config that each run recorded; with
            the options that the run recorded.
        weights: ``'last'``, or ``'best'``, which were chosen on the frames they judge.
        cfg_options: Dotted config keys to override in each.

    Returns:
        The runs, and the names of the frames that one of them was trained on and none
        can judge.

    Raises:
        FileNotFoundError: A folder, its weights or its data are missing.
        ValueError: A folder does not say what its run was, or which frames it was
            trained on; a run was trained on frames that it would judge; two would judge
            the same frame; or their classes differ.
    """
    if weights not in WEIGHTS:
        raise ValueError(f"weights={weights!r} is none of {WEIGHTS}")
    runs = [_open(Path(path), config, weights, cfg_options) for path in work_dirs]
    if len({run.coding.classes for run in runs}) > 1:
        raise ValueError("the runs have different classes: give those of one arm")
    judged = Counter(name_of(frame) for run in runs for frame in run.frames)
    twice = [name for name, count in judged.items() if count > 1]
    if twice:
        raise ValueError(
            f"{len(twice)} frames would be judged by more than one run, such as "
            f"{twice[0]}: give one run a fold"
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
    _check_apart(run)
    return run


def _trained(work_dir: Path) -> list[str]:
    names = read_train_frames(work_dir)
    if names is None:
        raise ValueError(
            f"run {work_dir} does not say which frames it was trained on "
            f"({TRAIN_FRAMES}): train it with this version, which writes that"
        )
    return names


def _check_apart(run: FoldRun) -> None:
    seen = [frame for frame in run.frames if name_of(frame) in run.trained]
    if seen:
        raise ValueError(
            f"run {run.work_dir} was trained on {len(seen)} of the {len(run.frames)} "
            f"frames that it would judge, such as {name_of(seen[0])}: it has learnt "
            f"their labels, right or wrong. Give a run that held them out"
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
    """The values of a recorded config, of which nothing is run."""
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
            f"the config in {source} holds more than values ({error}): give the "
            f"config's file by --config"
        ) from error


def answers(run: FoldRun, progress: bool = True) -> Iterator[Answer]:
    """Let a run judge its frames, in their order.

    Raises:
        RuntimeError: The weights do not fit the config, or a frame cannot be read.
        ValueError: The weights are damaged, or the model has one output for two
            classes, of which there are no probabilities.
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
            yield _answer(run.frames[index], sample)
            index += 1


def _answer(frame: Frame, sample: Any) -> Answer:
    logits = sample.seg_logits.data
    if len(logits) < 2:
        raise ValueError("the model has one output for two classes: no probabilities")
    return Answer(
        frame=frame,
        label=sample.gt_sem_seg.data[0].cpu().numpy().astype(np.uint8),
        probability=logits.float().softmax(0).cpu().numpy(),
    )

"""Untrained runs as training leaves them on disk: predictions are distorted labels."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.label_coding import SPLASH, read_gray
from mmseg_splashkd.datasets.split_table import read_table, select_frames
from mmseg_splashkd.evaluation.frame_scores import FrameScores, save_scores
from mmseg_splashkd.records.record import (
    BestAndLast,
    Code,
    Data,
    Hardware,
    Memory,
    RunRecord,
    Teacher,
    Weights,
)
from mmseg_splashkd.records.store import read_record, write_record

PLAIN, TEACHER = "farm_b0", "farm_b1"
DISTILLED = ("farm_b0_kd", "farm_b0_kd_pe001", "farm_b0_kd_none")
RATIOS = (0.25, 0.5, 0.75)
# Splash pixels of ten that are missed.
MISSED = {PLAIN: 3.0, TEACHER: 1.0, "farm_b0_kd": 2.0, "farm_b0_kd_none": 4.5}
EXPERIMENTS = {"farm_b0_kd": "0616", "farm_b0_kd_pe001": "0627"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = """experiment = {experiment!r}
model = dict(type='EncoderDecoder')
custom = [print('a record is data: nothing in it is executed')]
val_dataloader = dict(
    dataset=dict(
        type='TimeSplitDataset', split_table={table!r}, split='val', fold={fold}))
test_dataloader = dict(
    dataset=dict(
        type='TimeSplitDataset', split_table={table!r}, split='test', fold={fold}))
"""

KINDS = (
    (TEACHER, None),
    (PLAIN, None),
    *((config, ratio) for config in DISTILLED for ratio in RATIOS),
)


def run_name(config, ratio, fold, seed=0):
    """Name of a run; it differs from the config as that of a real one does."""
    suffix = "" if ratio is None else f"_{round(100 * ratio)}"
    return f"{config}_1125{suffix}_fold{fold}_seed{seed}"


def write_sweep(folder, table, kinds=KINDS, folds=3, fails=True):
    """Write the runs of a sweep.

    Args:
        folder: Folder of the sweep.
        table: Split table with folds.
        kinds: Config and teacher_ratio of each arm.
        folds: Number of folds.
        fails: Whether the last arm fails in fold 1.
    """
    frames = {
        fold: select_frames(read_table(table), "val", fold) for fold in range(folds)
    }
    for number, (config, ratio) in enumerate(kinds):
        for fold in range(folds):
            work_dir = folder / run_name(config, ratio, fold)
            failed = fails and (config, ratio) == kinds[-1] and fold == 1
            if not failed:
                rng = np.random.default_rng([folds * number + fold, fold])
                missed = MISSED.get(config, 3.0) + (ratio or 0)
                write_outputs(work_dir, frames[fold], missed, rng, fold)
            write_record(work_dir, record(config, ratio, fold, table, failed))
    return folder


def change_records(folder, change):
    """Rewrite all records of a folder.

    Args:
        folder: Folder of work directories.
        change: Maps a record to the changes of its fields.
    """
    for path in sorted(folder.glob("*/run.json")):
        old = read_record(path.parent)
        assert old is not None
        change_record(path.parent, **change(old))


def change_record(work_dir, **changes):
    """Rewrite the record of a run with other values of some fields."""
    old = read_record(work_dir)
    assert old is not None
    write_record(work_dir, replace(old, **changes))


def write_outputs(work_dir, frames, missed, rng, fold=0):
    """Write scores, predictions and log of a run."""
    confusion, histogram = [], []
    for frame in frames:
        truth = SPLASH.to_train_ids(read_gray(frame.label), frame.label)
        predicted = distort(truth, missed, rng)
        confusion.append(count(truth, predicted))
        histogram.append(probabilities(truth, predicted, rng))
        name = Path(frame.recording, Path(frame.image).name)
        path = work_dir / "predictions" / "val" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(predicted).save(path)
    scores = FrameScores(
        confusion=np.stack(confusion),
        histogram=np.stack(histogram),
        frames=tuple(frame.image for frame in frames),
        recordings=tuple(frame.recording for frame in frames),
        timestamps=np.array([frame.timestamp for frame in frames]),
        classes=tuple(SPLASH.classes),
        focus="splash",
        about={"run": work_dir.name, "part": "val", "weights": "last", "fold": fold},
    )
    save_scores(scores, work_dir / "scores" / "val_last.npz")
    write_log(work_dir, missed, rng)


def distort(truth, missed, rng):
    """Miss the upper part of the splash, and add false alarms beside it."""
    predicted = np.zeros_like(truth)
    rows, columns = np.nonzero(truth == 1)
    if len(rows):
        share = np.clip(missed / 10 + rng.normal(0, 0.05), 0.02, 0.9)
        keep = rows >= np.quantile(rows, share)
        predicted[rows[keep], columns[keep]] = 1
        predicted |= np.roll(predicted, int(rng.integers(1, 3)), axis=1)
    elif rng.random() < 0.1:
        predicted[-6:-2, 4:12] = 1
    return predicted


def count(truth, predicted, classes=2):
    """(C, C) confusion, counted class by class."""
    valid = truth != 255
    return np.array(
        [
            [(valid & (truth == t) & (predicted == p)).sum() for p in range(classes)]
            for t in range(classes)
        ]
    )


def probabilities(truth, predicted, rng):
    """(2, 256) histogram with probabilities above 1/2 where the class is predicted."""
    p = np.where(predicted == 1, 0.5, 0.0) + rng.beta(2, 4, truth.shape) / 2
    bins = np.clip((p * 256).astype(int), 0, 255)
    return np.stack([np.bincount(bins[truth == t], minlength=256) for t in (0, 1)])


def write_log(work_dir, missed, rng, iterations=300):
    """Write a training log with a validation every 60 iterations."""
    lines = []
    for step in range(10, iterations + 1, 10):
        loss = (1 + missed / 10) * np.exp(-step / 120) + rng.normal(0, 0.02) + 0.2
        lines.append({"loss": float(loss), "step": step})
        if step % 60 == 0:
            dice = (92 - 5 * missed) * (1 - np.exp(-step / 90)) + rng.normal(0, 1)
            lines.append({"mIoU": dice / 2 + 48, "Dice.splash": dice, "step": step})
    write_lines(work_dir / "20261125_010000", lines)


def write_lines(folder, lines, rest=""):
    """Write the log of one start; ``rest`` is an incomplete last line."""
    path = folder / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + rest)


def record(config, ratio, fold, table, failed=False, seed=0, **changes):
    """The record of a run."""
    name = run_name(config, ratio, fold, seed)
    experiment = EXPERIMENTS.get(config)
    options = {"fold": fold, "randomness.seed": seed}
    if ratio is not None:
        options["model.distill_loss.teacher_ratio"] = ratio
    given = " ".join(f"{key}={value}" for key, value in options.items())
    teacher = run_name(TEACHER, None, fold)
    weights = Weights(f"weights_{name}_last.safetensors", f"of {name}")
    values = {
        "id": f"id of {name}",
        "name": name,
        "status": "failed" if failed else "finished",
        "began": "2026-11-25T01:00:00+00:00",
        "ended": "2026-11-25T01:03:10+00:00",
        "wall_s": 190.0,
        "reason": "RuntimeError: the loss is NaN at iteration 120" if failed else None,
        "command": f"python tools/train.py configs/farm/{config}.py "
        f"--work-dir work_dirs/sweep/{name} --cfg-options {given}",
        "config": f"configs/farm/{config}.py",
        "config_sha256": "c" * 64,
        "config_text": CONFIG.format(
            experiment=experiment, table=str(table), fold=fold
        ),
        "options": options,
        "experiment": experiment,
        "teacher_ratio": ratio,
        "fold": fold,
        "seed": seed,
        "iterations": 300,
        "iteration": 120 if failed else 300,
        "data": Data(
            root=str(Path(table).parent),
            tables=(str(table),),
            table_sha256=("d" * 64,),
            frames={"train": 48, "val": 24, "test": 0},
        ),
        "code": Code("0.5.0", COMMIT, False),
        "host": {"python": "3.11.7", "torch": "2.13.0", "mmseg": "1.4.2"},
        "hardware": Hardware("x86_64", "A CPU", cores=2, threads=1),
        "memory": Memory(rss_mib=900),
        "scores": BestAndLast(last=None if failed else "scores/val_last.npz"),
        "weights": BestAndLast(last=None if failed else weights),
        "teacher": None
        if ratio is None
        else Teacher((f"{teacher}/w.safetensors",), (f"of {teacher}",)),
    }
    return RunRecord(**(values | changes))

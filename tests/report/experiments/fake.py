"""A sweep as runs leave it on disk, untrained: what was found are spoiled labels."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.label_coding import SPLASH, read_gray
from mmseg_splashkd.datasets.split_table import read_table, select_frames
from mmseg_splashkd.evaluation.frame_scores import FrameScores, save_scores

DAY = "1125"
PLAIN, TEACHER = "farm_b0", "farm_b1"
DISTILLED = ("farm_b0_kd", "farm_b0_kd_pe001", "farm_b0_kd_none")
RATIOS = (0.25, 0.5, 0.75)
# How many splash pixels of ten are missed.
MISSED = {PLAIN: 3.0, TEACHER: 1.0, "farm_b0_kd": 2.0, "farm_b0_kd_none": 4.5}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = """experiment = {experiment!r}
model = dict(type='EncoderDecoder')
custom = [print('a ledger is data: none of it is run')]
val_dataloader = dict(
    dataset=dict(
        type='TimeSplitDataset', split_table={table!r}, split='val', fold={fold}))
"""


KINDS = (
    (TEACHER, None),
    (PLAIN, None),
    *((config, ratio) for config in DISTILLED for ratio in RATIOS),
)


def run_name(config, ratio, fold, seed=0):
    share = "" if ratio is None else f"_{round(100 * ratio)}"
    return f"{config}_{DAY}{share}_fold{fold}_seed{seed}"


def write_sweep(folder, table, kinds=KINDS, folds=3, fails=True):
    """Write runs, and the ledger that tells of them.

    Args:
        folder: Of the sweep.
        table: Split table with folds.
        kinds: Config and teacher's share of each arm.
        folds: Number of folds.
        fails: Let the last arm fail in fold 1.
    """
    frames = {
        fold: select_frames(read_table(table), "val", fold) for fold in range(folds)
    }
    lines = []
    for config, ratio in kinds:
        for fold in range(folds):
            name = run_name(config, ratio, fold)
            failed = fails and (config, ratio) == kinds[-1] and fold == 1
            (folder / name).mkdir(parents=True)
            if not failed:
                rng = np.random.default_rng([len(lines), fold])
                missed = MISSED.get(config, 3.0) + (ratio or 0)
                write_run(folder / name, frames[fold], missed, rng, fold)
            lines.append(record(name, config, ratio, fold, table, failed))
    write_ledger(folder, lines)
    return folder


def write_ledger(folder, lines):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "records.jsonl").write_text(text)


def read_lines(folder):
    text = (folder / "records.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def write_run(work_dir, frames, missed, rng, fold=0):
    """Counts, label maps and log of a run."""
    confusion, histogram = [], []
    for frame in frames:
        truth = SPLASH.to_train_ids(read_gray(frame.label), frame.label)
        found = spoil(truth, missed, rng)
        confusion.append(count(truth, found))
        histogram.append(likely(truth, found, rng))
        path = work_dir / "predictions" / "val" / Path(frame.image).name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(found).save(path)
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


def spoil(truth, missed, rng):
    """Miss the upper part of the splash, and take some water beside it for splash."""
    found = np.zeros_like(truth)
    rows, columns = np.nonzero(truth == 1)
    if len(rows):
        share = np.clip(missed / 10 + rng.normal(0, 0.05), 0.02, 0.9)
        keep = rows >= np.quantile(rows, share)
        found[rows[keep], columns[keep]] = 1
        found |= np.roll(found, int(rng.integers(1, 3)), axis=1)
    elif rng.random() < 0.1:
        found[-6:-2, 4:12] = 1
    return found


def count(truth, found, classes=2):
    """(C, C), counted pixel by pixel class."""
    valid = truth != 255
    return np.array(
        [
            [(valid & (truth == t) & (found == f)).sum() for f in range(classes)]
            for t in range(classes)
        ]
    )


def likely(truth, found, rng):
    """(2, 256): probabilities above 1/2 where the class was found."""
    chance = np.where(found == 1, 0.5, 0.0) + rng.beta(2, 4, truth.shape) / 2
    bins = np.clip((chance * 256).astype(int), 0, 255)
    return np.stack([np.bincount(bins[truth == t], minlength=256) for t in (0, 1)])


def write_log(work_dir, missed, rng, iterations=300):
    path = work_dir / "20261125_010000" / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    lines = []
    for step in range(10, iterations + 1, 10):
        loss = (1 + missed / 10) * np.exp(-step / 120) + rng.normal(0, 0.02) + 0.2
        lines.append({"loss": float(loss), "step": step})
        if step % 60 == 0:
            done = 1 - np.exp(-step / 90)
            dice = (92 - 5 * missed) * done + rng.normal(0, 1)
            lines.append({"mIoU": dice / 2 + 48, "Dice.splash": dice, "step": step})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def record(name, config, ratio, fold, table, failed=False, seed=0):
    """A line of the ledger."""
    experiments = {"farm_b0_kd": "0616", "farm_b0_kd_pe001": "0627"}
    experiment = experiments.get(config)
    options = {"fold": fold, "randomness.seed": seed}
    given = " ".join(f"{key}={value}" for key, value in options.items())
    teacher = run_name(TEACHER, None, fold)
    why = "RuntimeError: the loss is NaN at iteration 120" if failed else None
    weights = {"path": f"weights_{name}_last.safetensors", "sha256": f"of {name}"}
    return {
        "version": 1,
        "id": f"id of {name}",
        "run": name,
        "work_dir": name,
        "began": "2026-11-25T01:00:00+00:00",
        "ended": "2026-11-25T01:03:10+00:00",
        "wall_s": 190.0,
        "how": "failed" if failed else "finished",
        "why": why,
        "resumed": False,
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
        "data": {
            "root": str(Path(table).parent),
            "table": str(table),
            "table_sha256": "d" * 64,
            "frames": {"train": 48, "val": 24, "test": 0},
            "train_frames": "train_frames.txt",
            "train_frames_sha256": "e" * 64,
        },
        "code": {"version": "0.5.0", "commit": COMMIT, "dirty": False},
        "host": {"python": "3.11.7", "torch": "2.13.0", "mmseg": "1.4.2"},
        "hardware": {"machine": "x86_64", "cpu": "A CPU", "cores": 2, "threads": 1},
        "memory": {"rss_mib": 900, "gpu_mib": None},
        "metrics": {"best": None, "last": None if failed else {"mIoU": 80.0}},
        "scores": {"best": None, "last": None if failed else "scores/val_last.npz"},
        "weights": {"best": None, "last": None if failed else weights},
        "teacher": None
        if ratio is None
        else {"checkpoint": f"{teacher}/w.safetensors", "sha256": f"of {teacher}"},
    }

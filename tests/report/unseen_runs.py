"""Runs tested on recordings of which training has seen some."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mmseg_splashkd.config.text import text_sha256
from mmseg_splashkd.datasets.label_coding import SPLASH, read_gray
from mmseg_splashkd.datasets.split_table import read_table, select_frames
from mmseg_splashkd.datasets.timestamps import format_timestamp
from mmseg_splashkd.evaluation.frame_scores import FrameScores, save_scores
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.records.store import write_record
from mmseg_splashkd.records.train_frames import frames_text, write_train_frames
from tests.report.fake_runs import count, distort, record

CONFIG = """train_dataloader = dict(dataset=dict(type='RepeatDataset', times=2,
    dataset=dict(type='TimeSplitDataset', split='train', fold={fold},
        data_root={root!r}, split_table={table!r})))
test_dataloader = dict(dataset=dict(type='TimeSplitDataset', split='test',
    data_root={root!r}, split_table={table!r}))
"""


def write_tested(
    folder: Path,
    table: Path,
    missed: dict[str, float],
    config: str = "farm_b0",
    ratio: float | None = None,
    fold: int | None = None,
    seed: int = 0,
) -> Path:
    """Write a run as training and ``tools/test.py --scores`` leave it.

    Args:
        folder: Folder of runs.
        table: Split table with a test part.
        missed: Recording -> pixels of ten of its splash that the run misses.
        config: Stem of its config.
        ratio: Its teacher_ratio.
        fold: Its fold.
        seed: Its seed.
    """
    run = record(config, ratio, fold, table, seed=seed)
    work_dir = folder / run.name
    frames = read_table(table)
    trained = [
        f"{frame.recording}/{format_timestamp(frame.timestamp)}"
        for frame in select_frames(frames, "train", fold)
    ]
    write_train_frames(work_dir, trained)
    write_record(work_dir, replace(run, **_changes(run, table, trained, fold)))
    rng = np.random.default_rng(seed)
    tested = select_frames(frames, "test", None)
    truths = [SPLASH.to_train_ids(read_gray(f.label), f.label) for f in tested]
    scores = FrameScores(
        confusion=np.stack(
            [
                count(truth, distort(truth, missed[frame.recording], rng))
                for frame, truth in zip(tested, truths, strict=True)
            ]
        ),
        histogram=None,
        frames=tuple(frame.image for frame in tested),
        recordings=tuple(frame.recording for frame in tested),
        timestamps=np.array([frame.timestamp for frame in tested]),
        classes=tuple(SPLASH.classes),
        focus="splash",
        about={
            **{"run": run.name, "part": "test", "split": "test", "weights": "last"},
            **{"table": str(table), "table_sha256": file_sha256(table)},
        },
    )
    save_scores(scores, work_dir / "scores" / "test_last.npz")
    return work_dir


def _changes(run: RunRecord, table: Path, trained: list[str], fold: int | None) -> dict:
    data = replace(
        run.data,
        tables=(table.as_posix(),),
        table_sha256=(file_sha256(table),),
        train_frames="train_frames.txt",
        train_frames_sha256=text_sha256(frames_text(trained)),
    )
    names = {"root": str(table.parent), "table": table.name, "fold": fold}
    return {"data": data, "config_text": CONFIG.format(**names)}

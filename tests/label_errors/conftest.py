"""Fixtures: a tiny run of the first of three folds."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mmseg_splashkd.config.frames import frame_name
from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.records.store import read_record, write_record
from mmseg_splashkd.records.train_frames import write_train_frames
from mmseg_splashkd.runs.train import train
from tests.conftest import PLAIN, tiny_run

FOLDS, BLOCK = 3, 7  # frames


@pytest.fixture(scope="session")
def folds(pond, tmp_path_factory) -> Path:
    """The pond's table in three blocks of time; the last ten frames are the test."""
    frames = read_table(pond / "frames.csv")
    split = [
        replace(frame, split="train", fold=index // BLOCK)
        if index < BLOCK * FOLDS
        else replace(frame, split="test")
        for index, frame in enumerate(frames)
    ]
    return write_table(tmp_path_factory.mktemp("folds") / "folds.csv", split)


@pytest.fixture(scope="session")
def fold_run(pond, folds, tmp_path_factory) -> Path:
    """Work directory of a run that held out fold 0."""
    work_dir = tmp_path_factory.mktemp("arm") / "fold0"
    options = tiny_run(pond, "model") | {"split_table": str(folds), "fold": 0}
    options["data_check"] = {"allow": ["border"]}
    return train(PLAIN, work_dir, cfg_options=options)


@pytest.fixture
def arm(fold_run, folds, tmp_path) -> list[Path]:
    """The run of fold 0, and copies of it with the records of the other folds."""
    frames = [frame for frame in read_table(folds) if frame.fold is not None]
    runs = []
    for fold in range(FOLDS):
        run = shutil.copytree(fold_run, tmp_path / f"fold{fold}")
        record = read_record(run)
        assert record is not None
        text = (record.config_text or "").replace("'fold': 0", f"'fold': {fold}")
        options = {**record.options, "fold": fold}
        write_record(run, replace(record, fold=fold, options=options, config_text=text))
        write_train_frames(
            run, [frame_name(frame) for frame in frames if frame.fold != fold]
        )
        runs.append(run)
    return runs

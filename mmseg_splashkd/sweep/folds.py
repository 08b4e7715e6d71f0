"""The split table of a config and its folds."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.frames import time_splits
from mmseg_splashkd.datasets.time_split import TimeSplitDataset

SPLIT = (
    "python tools/split_dataset.py DATA_ROOT --strategy blocked --folds {folds} "
    "--embargo 10s --out {table}"
)


def training_data(cfg: Config) -> TimeSplitDataset | None:
    """Build the training data set without its frames; None for another class."""
    datasets = time_splits(cfg.train_dataloader.dataset)
    return datasets[0] if datasets else None


def table_of(cfg: Config) -> Path | None:
    """Path of the split table that a config reads; None without one."""
    dataset = training_data(cfg)
    if dataset is None or not dataset.ann_file:
        return None
    return Path(dataset.ann_file)


def check_folds(cfg: Config, folds: int) -> None:
    """Check that a config's split table has exactly these folds.

    Raises:
        FileNotFoundError: The table does not exist.
        ValueError: The config reads no table or has no key ``fold``, or the table has
            other folds.
    """
    name, table = cfg.filename, table_of(cfg)
    if table is None:
        raise ValueError(
            f"--folds {folds}: {name} reads no split table. Make one: "
            f"{SPLIT.format(folds=folds, table='DATA_ROOT/folds.csv')}, then set "
            f"split_table=folds.csv in the config or by --cfg-options"
        )
    if "fold" not in cfg:
        raise ValueError(
            f"--folds {folds}: {name} has no key fold: inherit "
            f"configs/_base_/datasets/splash_1024.py, or add fold = None and pass it "
            f"to the data sets"
        )
    frames: Any = training_data(cfg)
    existing = sorted({f.fold for f in frames.all_frames() if f.fold is not None})
    if existing != list(range(folds)):
        named = f"folds{folds}.csv"
        command = SPLIT.format(folds=folds, table=table.with_name(named))
        has = (
            f"the folds {existing}: give --folds {len(existing)}"
            if existing
            else "no folds"
        )
        raise ValueError(
            f"--folds {folds}: {table} of {name} has {has}. A table of {folds} folds: "
            f"{command}, then set split_table={named} in the config or by --cfg-options"
        )


def has_test_part(cfg: Config) -> bool:
    """Whether the test part of a config shares no frame with its validation part."""
    loaders = [cfg.get(f"{part}_dataloader") for part in ("val", "test")]
    if not all(loaders):
        return False
    val, test = (time_splits(loader.dataset) for loader in loaders)
    if not val or not test:
        return loaders[0].dataset != loaders[1].dataset
    frames = [
        {frame.image for dataset in part for frame in dataset.frames_of_split()}
        for part in (val, test)
    ]
    return bool(frames[1]) and not frames[0] & frames[1]

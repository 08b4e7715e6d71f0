"""The split tables of a config and their folds."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_splashkd.config.frames import listed_frames, real_path, time_splits
from mmseg_splashkd.config.text import text_sha256
from mmseg_splashkd.config.types import is_a, type_name
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.files import file_sha256

SPLIT = (
    "python tools/split_dataset.py DATA_ROOT --strategy blocked --folds {folds} "
    "--embargo 10s --out {table}"
)


def tables_of(cfg: Config) -> tuple[Path, ...]:
    """Paths of the split tables of a config's training data, each once."""
    datasets = time_splits(cfg.train_dataloader.dataset)
    tables = [Path(each.ann_file) for each in datasets if each.ann_file]
    return tuple(dict.fromkeys(tables))


def tables_sha256(tables: Iterable[Path]) -> str | None:
    """Hash of the content of split tables; None without one."""
    hashes = [file_sha256(table) for table in tables]
    if len(hashes) > 1:
        return text_sha256("".join(hashes))
    return hashes[0] if hashes else None


def check_folds(cfg: Config, folds: int) -> None:
    """Check that all training data of a config are in tables with exactly these folds.

    Raises:
        FileNotFoundError: A table does not exist.
        ValueError: A data set has no folds or reads no table, the config has no key
            ``fold``, or a table has other folds.
    """
    name = cfg.filename
    for leaf in loader_leaves(cfg, "train_dataloader"):
        if not is_a(leaf, TimeSplitDataset):
            raise ValueError(
                f"--folds {folds}: {name} trains on a {type_name(leaf)}, which has no "
                f"folds. Use a TimeSplitDataset with a split table "
                f"(timestamp='none' for photos), or leave --folds out"
            )
    datasets: list[Any] = time_splits(cfg.train_dataloader.dataset)
    if not all(each.ann_file for each in datasets):
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
    for dataset in datasets:
        _check_table(dataset, folds, name)


def _check_table(dataset: TimeSplitDataset, folds: int, name: str) -> None:
    table, frames = Path(dataset.ann_file), dataset.all_frames()
    existing = sorted({f.fold for f in frames if f.fold is not None})
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
    if not (cfg.get("val_dataloader") and cfg.get("test_dataloader")):
        return False
    val, test = (listed_frames(cfg, f"{part}_dataloader") for part in ("val", "test"))
    if val is None or test is None:
        return cfg.val_dataloader.dataset != cfg.test_dataloader.dataset
    images = [{real_path(frame.image) for frame in part} for part in (val, test)]
    return bool(images[1]) and not images[0] & images[1]

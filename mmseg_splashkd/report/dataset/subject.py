"""What of a data set to examine: the parts that a config, a table or a folder gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from mmseg_splashkd.config.data_check import coding_of, frames_of, time_splits
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.datasets.split_table import SPLITS, select_frames


@dataclass(frozen=True)
class Subject:
    """What to examine.

    Args:
        title: What it is called.
        parts: Name -> frames; folds are parts of their own.
        runs: Name of a fold, or of nothing, -> train, val and test of a training run.
        coding: How its labels are coded.
    """

    title: str
    parts: Mapping[str, list[Frame]]
    runs: Mapping[str, Mapping[str, list[Frame]]]
    coding: LabelCoding


def subject_of_config(cfg: Config, title: str) -> Subject:
    """What a config trains and tests on."""
    parts = frames_of(cfg)
    return Subject(title, parts, {"": parts}, coding_of(cfg))


def subject_of_data(
    table: str | Path | None,
    data_root: str | Path | None,
    label_coding: str,
    fold: int | None = None,
) -> Subject:
    """What a split table, or else a folder cut by the default ratios, holds.

    A table of folds is examined for every fold, unless ``fold`` names one.
    """
    cfg = _config_of(table, data_root, label_coding, fold)
    frames = time_splits(cfg.train_dataloader)[0].all_frames()
    folds = sorted({frame.fold for frame in frames if frame.fold is not None})
    title = _title(table, data_root)
    if fold is not None or not folds:
        parts = _without_empty_test(frames_of(cfg))
        return Subject(title, parts, {"": parts}, coding_of(cfg))
    runs = {
        f"fold {k}": _without_empty_test(
            {s: select_frames(frames, s, k) for s in SPLITS}
        )
        for k in folds
    }
    parts = {f"fold {k}": select_frames(frames, "val", k) for k in folds}
    parts |= _without_empty_test({"test": select_frames(frames, "test", None)})
    return Subject(title, parts, runs, coding_of(cfg))


def _title(table: str | Path | None, data_root: str | Path | None) -> str:
    if table is None:
        return Path(data_root or "").resolve().name
    table = Path(table).resolve()
    return f"{table.parent.name}_{table.stem}"


def _config_of(
    table: str | Path | None,
    data_root: str | Path | None,
    label_coding: str,
    fold: int | None,
) -> Config:
    common = {"type": "TimeSplitDataset", "label_coding": label_coding, "fold": fold}
    common |= {"unlabelled": "include", "data_root": str(data_root or "")}
    if table is not None:
        common["split_table"] = str(Path(table).absolute())
    datasets = {split: {**common, "split": split} for split in SPLITS}
    return Config({f"{s}_dataloader": {"dataset": d} for s, d in datasets.items()})


def _without_empty_test(parts: dict[str, list[Frame]]) -> dict[str, list[Frame]]:
    return {part: of for part, of in parts.items() if of or part != "test"}

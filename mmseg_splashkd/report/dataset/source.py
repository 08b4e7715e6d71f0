"""The parts of a data set to check, from a config, a split table or a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config

from mmseg_splashkd.config.data_check import coding_of
from mmseg_splashkd.config.frames import frame_paths, frames_by_part, time_splits
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import loader_leaves
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.datasets.split_table import SPLITS, select_frames


class CheckedDataset(NamedTuple):
    """A data set to check.

    Attributes:
        title: Name of the data set.
        parts: Name -> frames; each fold is a part.
        runs: Name of a fold (empty without folds) -> frames of the train, val and test
            part of a training run.
        coding: Label coding.
        unchanged: Whether a pipeline reads all channels and bits of the frames.
    """

    title: str
    parts: Mapping[str, list[Frame]]
    runs: Mapping[str, Mapping[str, list[Frame]]]
    coding: LabelCoding
    unchanged: bool = False


def dataset_of_config(cfg: Config, title: str) -> CheckedDataset:
    """The frames that a config trains, validates and tests on.

    Args:
        cfg: The config.
        title: Name of the data set.

    Raises:
        ValueError: A data set does not list its frames, or has no class names, or the
            data sets differ in their label coding.
    """
    parts = {}
    for part, files in frame_paths(cfg).items():
        if files is None:
            raise ValueError(
                f"the data set of the {part} part does not list its frames, so that "
                f"they cannot be checked: its folder is missing, or its samples have "
                f"no img_path"
            )
        parts[part] = [file.frame for file in files]
    runs = {"": parts}
    return CheckedDataset(title, parts, runs, coding_of(cfg), reads_unchanged(cfg))


def reads_unchanged(cfg: Config) -> bool:
    """Whether a pipeline of a config reads frames with ``color_type='unchanged'``."""
    steps = (step for leaf in loader_leaves(cfg) for step in leaf.get("pipeline") or ())
    return any(
        is_a(step, LoadImageFromFile) and step.get("color_type") == "unchanged"
        for step in steps
    )


def dataset_of_files(
    table: str | Path | None,
    data_root: str | Path | None,
    label_coding: str,
    fold: int | None = None,
) -> CheckedDataset:
    """The frames of a split table, or of a folder split by the default ratios.

    Args:
        table: Split table; None for a folder.
        data_root: Folder with ``images`` and ``labels``.
        label_coding: Name or YAML file of the label coding.
        fold: Fold of the table; by default all folds are checked.
    """
    common = {"type": "TimeSplitDataset", "label_coding": label_coding, "fold": fold}
    common |= {"unlabelled": "include", "data_root": str(data_root or "")}
    title = Path(data_root or "").resolve().name
    if table is not None:
        path = Path(table)
        common["split_table"] = str(path.absolute())
        title = f"{path.resolve().parent.name}_{path.resolve().stem}"
    datasets = {split: {**common, "split": split} for split in SPLITS}
    cfg = Config({f"{s}_dataloader": {"dataset": d} for s, d in datasets.items()})
    frames = time_splits(cfg.train_dataloader)[0].all_frames()
    folds = sorted({frame.fold for frame in frames if frame.fold is not None})
    if fold is not None or not folds:
        parts = _without_empty_test(frames_by_part(cfg))
        return CheckedDataset(title, parts, {"": parts}, coding_of(cfg))
    runs = {
        f"fold {k}": _without_empty_test(
            {s: select_frames(frames, s, k) for s in SPLITS}
        )
        for k in folds
    }
    parts = {name: run["val"] for name, run in runs.items()}
    parts |= _without_empty_test({"test": select_frames(frames, "test", None)})
    return CheckedDataset(title, parts, runs, coding_of(cfg))


def _without_empty_test(parts: dict[str, list[Frame]]) -> dict[str, list[Frame]]:
    return {part: of for part, of in parts.items() if of or part != "test"}

"""The frames that the loaders of a config read, before anything is built."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.walk import LOADERS, leaves
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.timestamps import format_timestamp


def frames_by_part(cfg: Config) -> dict[str, list[Frame]]:
    """``'train'``, ``'val'`` and ``'test'`` -> frames that the loaders will read.

    Data sets other than ``TimeSplitDataset`` are skipped.
    """
    parts = {}
    for loader in filter(cfg.get, LOADERS):
        datasets = time_splits(cfg[loader].dataset)
        frames = [frame for dataset in datasets for frame in _frames(dataset)]
        if datasets:
            parts[_part(loader)] = frames
    if parts.get("test") == parts.get("val"):
        parts.pop("test", None)  # a config without a test part tests on val
    return parts


class FramePaths(NamedTuple):
    """Name and files of a frame of any data set.

    Attributes:
        name: ``<recording>/<timestamp>`` in a ``TimeSplitDataset``, independent of the
            path; otherwise the path of the image.
        image: Path of the image.
        label: Path of the label; empty without one.
    """

    name: str
    image: str
    label: str


def frame_names(cfg: Config) -> dict[str, list[str] | None]:
    """``'train'``, ``'val'`` and ``'test'`` -> names of frames; see ``frame_paths``."""
    return {
        part: None if files is None else [file.name for file in files]
        for part, files in frame_paths(cfg).items()
    }


def frame_paths(cfg: Config) -> dict[str, list[FramePaths] | None]:
    """``'train'``, ``'val'`` and ``'test'`` -> frames, labelled or not, each once.

    The value is None for a data set that does not list its frames. The test part is
    omitted if it equals the validation part.
    """
    init_default_scope(cfg.get("default_scope", "mmseg"))
    parts = {
        _part(loader): _paths_in(cfg[loader].dataset)
        for loader in filter(cfg.get, LOADERS)
    }
    if parts.get("test") == parts.get("val"):
        parts.pop("test", None)
    return parts


def _paths_in(config: Any) -> list[FramePaths] | None:
    files: dict[FramePaths, None] = {}
    for leaf in leaves(config):
        found = _paths(leaf)
        if found is None:
            return None
        files.update(dict.fromkeys(found))
    return list(files)


def frame_name(frame: Frame) -> str:
    """``<recording>/<timestamp>``, independent of where the file lies."""
    return f"{frame.recording}/{format_timestamp(frame.timestamp)}"


def time_splits(config: Any) -> list[TimeSplitDataset]:
    """Every ``TimeSplitDataset`` in a loader's data set, built without its frames."""
    return [_unread(found) for found in _find(config)]


def _unread(config: dict) -> TimeSplitDataset:
    return DATASETS.build({**config, "pipeline": [], "lazy_init": True})


def _part(loader: str) -> str:
    return loader.removesuffix("_dataloader")


def _find(config: Any) -> Iterator[dict]:
    """Includes data sets inside wrappers, such as those for views."""
    if isinstance(config, dict):
        if is_a(config, TimeSplitDataset):
            yield config
        else:
            yield from (found for value in config.values() for found in _find(value))
    elif isinstance(config, (list, tuple)):
        yield from (found for value in config for found in _find(value))


def _paths(leaf: dict) -> list[FramePaths] | None:
    if is_a(leaf, TimeSplitDataset):
        frames = _frames(_unread(leaf))
        return [FramePaths(frame_name(each), each.image, each.label) for each in frames]
    try:
        dataset = DATASETS.build({**leaf, "pipeline": []})
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        return [
            FramePaths(
                info["img_path"], info["img_path"], info.get("seg_map_path") or ""
            )
            for info in infos
        ]
    except Exception:  # a foreign data set may be built and read in any way
        return None


def _frames(dataset: TimeSplitDataset) -> list[Frame]:
    if dataset.unlabelled == "skip":  # without the log line of chosen_frames
        return [frame for frame in dataset.frames_of_split() if frame.label]
    return dataset.chosen_frames()

"""The frames that the loaders of a config read, before anything is built."""

import os
from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_splashkd.config.types import is_a, type_name
from mmseg_splashkd.config.walk import LOADERS, leaves, target_leaves
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.timestamps import NO_TIME, format_timestamp

TARGET = "target/"  # before names of recordings of another camera


def frames_by_part(cfg: Config) -> dict[str, list[Frame]]:
    """``'train'``, ``'val'`` and ``'test'`` -> frames that the loaders will read.

    Data sets other than ``TimeSplitDataset`` are skipped.
    """
    parts, roots = {}, target_roots(cfg)
    for loader in filter(cfg.get, LOADERS):
        config = cfg[loader].dataset
        unused = [id(leaf) for leaf in target_leaves(config)]
        splits = [leaf for leaf in leaves(config) if is_a(leaf, TimeSplitDataset)]
        frames: list[Frame] = []
        for leaf in splits:
            own = _frames(_unread(leaf))
            if id(leaf) in unused:
                own = [replace(each, label="", splash_share=None) for each in own]
            frames += [_of_camera(each, leaf, roots) for each in own]
        if splits:
            parts[part_of(loader)] = frames
    if parts.get("test") == parts.get("val"):
        parts.pop("test", None)  # a config without a test part tests on val
    return parts


def target_roots(cfg: Config) -> set[str]:
    """Folders that hold frames of a target only, which another camera recorded.

    A target is that of a ``SourceTargetDataset``, or a data set of the training whose
    labels are all left out (``unlabelled='all'``), beside another one. Their frames are
    no neighbours of those of the source, whatever their names are.
    """
    train = (cfg.get("train_dataloader") or {}).get("dataset")
    if not train:
        return set()
    own = [*leaves(train, targets=False)]
    others = [leaf for leaf in own if leaf.get("unlabelled") == "all"]
    if len(others) == len(own):  # there is no source, whose camera they would not have
        others = []
    roots, theirs = (
        {str(leaf.get("data_root")) for leaf in found}
        for found in (
            [leaf for leaf in own if leaf not in others],
            [*target_leaves(train), *others],
        )
    )
    return theirs - roots


def _of_camera(frame: Frame, leaf: Any, roots: Set[str]) -> Frame:
    """The frame, of a recording of its own name if it lies in one of the folders."""
    if str(leaf.get("data_root")) not in roots:
        return frame
    return replace(frame, recording=f"{TARGET}{frame.recording}")


class ListedFrame(NamedTuple):
    """A frame of any data set, and its name.

    Attributes:
        name: ``<recording>/<timestamp>`` in a ``TimeSplitDataset`` (see
            ``frame_name``), independent of the path; otherwise the path of the image.
        frame: The frame; of another data set, without time, and of a recording named
            after the folder of the image in the data root.
    """

    name: str
    frame: Frame

    @property
    def image(self) -> str:
        """Path of the image."""
        return self.frame.image

    @property
    def label(self) -> str:
        """Path of the label; empty without one."""
        return self.frame.label

    @property
    def is_named_by_path(self) -> bool:
        """Whether its data set is no ``TimeSplitDataset``."""
        return self.name == self.image


def frame_paths(cfg: Config) -> dict[str, list[ListedFrame] | None]:
    """``'train'``, ``'val'`` and ``'test'`` -> frames, labelled or not, each once.

    The value is None for a data set that does not list its frames. The test part is
    omitted if it equals the validation part.
    """
    parts = {}
    for loader in filter(cfg.get, LOADERS):
        listed = listed_frames(cfg, loader)
        parts[part_of(loader)] = listed and list(dict.fromkeys(listed))
    if parts.get("test") == parts.get("val"):
        parts.pop("test", None)
    return parts


def listed_frames(cfg: Config, loader: str) -> list[ListedFrame] | None:
    """Frames of all data sets inside the wrappers of a loader, in their order.

    Args:
        cfg: A config that has the loader.
        loader: One of ``LOADERS``.

    Returns:
        The frames; those of several data sets one after the other, without the
        repetitions of a wrapper. None if one of them does not list its frames.
    """
    init_default_scope(cfg.get("default_scope") or "mmseg")
    frames: list[ListedFrame] = []
    roots = target_roots(cfg)
    for leaf in leaves(cfg[loader].dataset):
        found = listed_of(leaf)
        if found is None:
            return None
        frames += [_listed_of_camera(each, leaf, roots) for each in found]
    return frames


def _listed_of_camera(listed: ListedFrame, leaf: Any, roots: Set[str]) -> ListedFrame:
    if listed.is_named_by_path:
        return listed
    frame = _of_camera(listed.frame, leaf, roots)
    return ListedFrame(frame_name(frame), frame)


def frame_name(frame: Frame) -> str:
    """``<recording>/<timestamp>``, independent of where the file lies.

    A frame without time is named ``<recording>/<stem of its image>``.
    """
    if frame.timestamp == NO_TIME:
        return f"{frame.recording}/{Path(frame.image).stem}"
    return f"{frame.recording}/{format_timestamp(frame.timestamp)}"


def real_path(path: str) -> str:
    """Absolute path without links; texts that are no paths remain distinct."""
    return os.path.realpath(path)


def time_splits(config: Any) -> list[TimeSplitDataset]:
    """Every ``TimeSplitDataset`` in a loader's data set, built without its frames."""
    found = leaves(config) if config else ()
    return [_unread(leaf) for leaf in found if is_a(leaf, TimeSplitDataset)]


def part_of(loader: str) -> str:
    """``'train_dataloader'`` -> ``'train'``."""
    return loader.removesuffix("_dataloader")


def _unread(config: dict) -> TimeSplitDataset:
    return DATASETS.build({**config, "pipeline": [], "lazy_init": True})


def listed_of(leaf: dict) -> list[ListedFrame] | None:
    """Frames of a data set without wrappers; None if it does not list them."""
    if is_a(leaf, TimeSplitDataset):
        return [ListedFrame(frame_name(each), each) for each in _drawn(_unread(leaf))]
    try:
        dataset = unread_dataset(leaf)
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        root = leaf.get("data_root") or ""
        return [
            _foreign(root, info["img_path"], info.get("seg_map_path")) for info in infos
        ]
    except Exception:  # a foreign data set may be built and read in any way
        return None


def _is_known(kind: Any) -> bool:
    """Whether a type is a class of a registry, or a data set of MMEngine.

    The config of a record may name any function, which would be called.
    """
    if isinstance(kind, type):
        return True
    found = DATASETS.get(kind)
    registered = (DATASETS.module_dict, DATASETS.root.module_dict)
    return isinstance(found, type) and (
        issubclass(found, BaseDataset)
        or any(found in registry.values() for registry in registered)
    )


def _foreign(root: str, image: str, label: str | None) -> ListedFrame:
    folder = Path(image).parent
    recording = folder.relative_to(root) if folder.is_relative_to(root) else folder
    return ListedFrame(image, Frame(recording.as_posix(), NO_TIME, image, label or ""))


def unread_dataset(leaf: dict) -> Any:
    """Build a data set of any class without its pipeline.

    Raises:
        ValueError: Its type is neither registered nor a data set of MMEngine.
    """
    if not _is_known(leaf["type"]):
        raise ValueError(f"{type_name(leaf)} is no registered data set")
    empty = {"pipeline": []} if "pipeline" in leaf else {}
    return DATASETS.build({**leaf, **empty})


def _drawn(dataset: TimeSplitDataset) -> list[Frame]:
    """The frames, and in training those that are read beside one only."""
    frames = _frames(dataset)
    if dataset.split != "train":  # what is read beside them is of the same part
        return frames
    known = {frame.key for frame in frames}
    others = {other.key: other for other in dataset.beside(frames)}
    return frames + [other for key, other in others.items() if key not in known]


def _frames(dataset: TimeSplitDataset) -> list[Frame]:
    if dataset.unlabelled == "skip":  # without the log line of chosen_frames
        frames = [frame for frame in dataset.frames_of_split() if frame.label]
    else:
        frames = dataset.chosen_frames()
    return _subset(frames, dataset._indices)


def _subset(frames: list[Frame], indices: int | Sequence[int] | None) -> list[Frame]:
    """The frames that MMEngine keeps for the argument ``indices`` of a data set."""
    if indices is None:
        return frames
    if isinstance(indices, int):
        return frames[:indices] if indices >= 0 else frames[indices:]
    return [frames[index] for index in indices]

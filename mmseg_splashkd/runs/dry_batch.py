"""Batches for the dry pass, without the loader's workers and sampler."""

import copy
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmcv.transforms import BaseTransform
from mmengine.dataset import DefaultSampler

from mmseg_splashkd.config.faults import ConfigError, cause_of, explains_itself, shown
from mmseg_splashkd.datasets.image_file import read_header
from mmseg_splashkd.datasets.views import View, ViewSampler

LOOKED_AT = 512  # frames whose sizes are read to find a batch of several sizes


def load_batch(loader: Any, key: str, size: int) -> Any:
    """A batch of frames spread over the data set, as the loader collates it.

    Args:
        loader: A ``DataLoader``, which is not iterated.
        key: Its key in the config, for errors.
        size: Number of frames.

    Raises:
        ConfigError: A frame cannot be loaded.
    """
    frames = _number_of_frames(loader, key)
    return _collated(loader, key, [i * frames // size % frames for i in range(size)])


def validation_batch(loader: Any, key: str) -> Any:
    """A batch that the loader yields: one of several picture sizes if there is one.

    Arguments and errors as for ``load_batch``.
    """
    size = min(loader.batch_size or 1, _number_of_frames(loader, key))
    # Its order is a function of its seed: iterating it leaves no trace.
    if size == 1 or not isinstance(loader.sampler, DefaultSampler):
        return load_batch(loader, key, size)
    batches = [list(batch) for batch in loader.batch_sampler]
    return _collated(loader, key, _most_varied(loader.dataset, batches))


def _number_of_frames(loader: Any, key: str) -> int:
    if frames := len(loader.dataset):
        return frames
    raise ConfigError(
        f"{key}.dataset has no frame: check its data_root, data_prefix and ann_file"
    )


def _most_varied(dataset: Any, batches: list[list[int]]) -> list[int]:
    looked_at = batches[: max(1, LOOKED_AT // len(batches[0]))]
    return max(looked_at, key=lambda batch: _variety(dataset, batch))


def _variety(dataset: Any, batch: Sequence[int]) -> tuple[int, int]:
    """Number of aspect ratios, and of sizes, of the pictures of a batch."""
    sizes = {size for size in (_size_of(dataset, index) for index in batch) if size}
    return len({round(width / height, 3) for width, height in sizes}), len(sizes)


def _size_of(dataset: Any, index: int) -> tuple[int, int] | None:
    info = getattr(dataset, "get_data_info", lambda _: {})(index)
    path = info.get("img_path") if isinstance(info, dict) else None
    if not isinstance(path, str) or not Path(path).is_file():
        return None
    try:
        return read_header(path, "frame").size
    except ValueError:  # of another format: no reason to end a run
        return None


def _collated(loader: Any, key: str, indices: Sequence[int]) -> Any:
    sampler = loader.sampler
    keys: Sequence[Any] = indices
    if isinstance(sampler, ViewSampler):
        keys = [View(index, 0, sampler.view_seed) for index in indices]
    try:
        dataset = _with_own_pipeline(loader.dataset)
        return loader.collate_fn([dataset[each] for each in keys])
    except Exception as error:
        if explains_itself(error):
            raise
        raise ConfigError(_explain(key, error)) from error


def _with_own_pipeline(dataset: Any) -> Any:
    """A data set with the same frames and copies of its transforms.

    Transforms may keep a state, such as a random generator, which workers inherit.
    """
    own = copy.copy(dataset)
    for name in ("pipeline", "dataset", "datasets", "source", "target"):
        value = vars(own).get(name)
        if value is None:
            continue
        if name == "pipeline":
            value = copy.deepcopy(value)
        elif name == "datasets":
            value = [_with_own_pipeline(each) for each in value]
        else:
            value = _with_own_pipeline(value)
        object.__setattr__(own, name, value)
    return own


def _explain(key: str, error: Exception) -> str:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    transforms = [
        each
        for each in (frame.f_locals.get("self") for frame in frames)
        if isinstance(each, BaseTransform)
    ]
    what = f"{key}.dataset"
    if transforms:
        what += f".pipeline: {shown(transforms[-1])}"
    return f"a frame of {what} cannot be loaded: {cause_of(error)}"

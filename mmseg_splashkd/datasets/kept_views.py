"""Samples that stay in memory, so that a repeated view is not loaded again."""

import copy
from typing import Any

from mmengine.structures import BaseDataElement
from torch import Tensor

MIB = 2**20


class KeptViews:
    """Samples by view, until a share of memory is full.

    Later views are then loaded as without it: those that were drawn first stay, because
    all views repeat in the same order.

    Args:
        limit: Memory for tensors in MiB, above 0, of each process that loads.

    Raises:
        ValueError: ``limit`` is not above 0.
    """

    def __init__(self, limit: float) -> None:
        if not limit > 0:
            raise ValueError(
                f"keep_views={limit!r} must be memory in MiB, above 0; omit it to load "
                f"every view anew"
            )
        self.free = limit * MIB
        self.samples: dict[Any, dict] = {}

    def get(self, view: Any) -> dict | None:
        """A copy of the sample of a view; None if it is not kept."""
        sample = self.samples.get(view)
        return None if sample is None else _copied(sample)

    def put(self, view: Any, sample: dict) -> None:
        """Keep a copy of a sample while there is room."""
        size = sum(map(_size, sample.values()))
        if size <= self.free:
            self.free -= size
            self.samples[view] = _copied(sample)


def _copied(sample: dict) -> dict:
    """A sample whose changes do not change the other; it shares pixels of the image.

    A preprocessor makes a new batch of the images, but pads the maps of the samples
    in place.
    """
    return {
        key: value if isinstance(value, Tensor) else copy.deepcopy(value)
        for key, value in sample.items()
    }


def _size(value: Any) -> int:
    """Bytes of the tensors of a value."""
    if isinstance(value, Tensor):
        return value.nbytes
    if isinstance(value, BaseDataElement):
        return sum(map(_size, value.values()))
    return 0

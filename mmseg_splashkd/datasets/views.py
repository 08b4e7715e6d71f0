"""Views: every augmented look at a frame is a function of (seed, frame, visit).

The host seeds a worker once, so what a frame looks like depends on all that was drawn
before it, and a resumed run sees other views than an uninterrupted one. Here each view
is drawn under a seed of its own: any number of workers, any interruption, same views.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import BaseDataset, InfiniteSampler
from mmseg.registry import DATA_SAMPLERS, DATASETS
from torch import Tensor
from torch.utils.data import Dataset


class View(NamedTuple):
    """What the sampler asks the data set for."""

    index: int
    visit: int
    seed: int


def seed_cpu(*entropy: int) -> None:
    """Seed Python, NumPy and torch on the CPU with a hash of non-negative numbers."""
    words = np.random.SeedSequence(entropy).generate_state(3)
    random.seed(int(words[0]))
    np.random.seed(words[1])  # noqa: NPY002 - the transforms of the host draw from it
    torch.default_generator.manual_seed(int(words[2]))


def seed_all(*entropy: int) -> None:
    """Like ``seed_cpu``, and torch on every other device too."""
    seed_cpu(*entropy)
    torch.manual_seed(torch.initial_seed())


@contextmanager
def seeded(*entropy: int) -> Iterator[None]:
    """Draw under a seed of its own, and leave no trace in the outer random state."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    seed_cpu(*entropy)  # without workers, a model on a GPU draws in this process too
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])


@DATA_SAMPLERS.register_module()
class ViewSampler(InfiniteSampler):
    """``InfiniteSampler`` that also says which view of a frame to draw.

    Args:
        dataset: A ``ViewDataset``.
        shuffle: Draw frames in random order.
        seed: Of the order; by default the run's.
        views: How many views a frame has; drawn again in turn from then on. By default
            there is no end of them.
        view_seed: Of the views; by default ``seed``. With one of their own, runs of
            several seeds meet the same views, each in an order of its own.
        unlabelled_share: Share in (0, 1) of all draws that are frames without a label,
            spread evenly, on every rank alike. By default frames are drawn as if they
            were all of one kind.

    Raises:
        ValueError: An argument is out of its range, or the data set lacks frames of one
            kind.
    """

    def __init__(
        self,
        dataset: Any,
        shuffle: bool = True,
        seed: int | None = None,
        views: int | None = None,
        view_seed: int | None = None,
        unlabelled_share: float | None = None,
    ) -> None:
        super().__init__(dataset, shuffle, seed)
        if views is not None and views < 1:
            raise ValueError(f"views must be >= 1, got {views}; None is without end")
        self.views = views
        self.view_seed = self.seed if view_seed is None else view_seed
        self.unlabelled_share = unlabelled_share
        if unlabelled_share is not None:
            self._pools = _pools(dataset, unlabelled_share)

    def _infinite_indices(self) -> Iterator[View]:
        for index, visit in self._visits():
            yield View(index, visit % (self.views or visit + 1), self.view_seed)

    def _visits(self) -> Iterator[tuple[int, int]]:
        if self.unlabelled_share is None:
            for position, index in enumerate(super()._infinite_indices()):
                yield int(index), position // self.size
            return
        streams = [self._draw(pool, salt) for salt, pool in enumerate(self._pools)]
        for position in count():
            # Ranks take turns, so each turn of all of them is of one kind.
            turn, share = position // self.world_size, self.unlabelled_share
            unlabelled = int((turn + 1) * share) > int(turn * share)
            yield next(streams[unlabelled])

    def _draw(self, pool: Tensor, salt: int) -> Iterator[tuple[int, int]]:
        generator = torch.Generator().manual_seed(self.seed + salt)
        for visit in count():
            order = torch.arange(len(pool))
            if self.shuffle:
                order = torch.randperm(len(pool), generator=generator)
            for index in pool[order].tolist():
                yield index, visit


def _pools(dataset: Any, share: float) -> tuple[Tensor, Tensor]:
    """Indices of frames with a label, and of those without."""
    if not 0 < share < 1:
        raise ValueError(
            f"unlabelled_share must lie in (0, 1), got {share}: leave it out, or leave "
            f"the frames without a label out (unlabelled='skip')"
        )
    labelled = torch.tensor(dataset.labelled)
    pools = labelled.nonzero().flatten(), (~labelled).nonzero().flatten()
    if not all(map(len, pools)):
        raise ValueError(
            f"unlabelled_share={share} mixes frames with a label and without: there "
            f"are {len(pools[0])} and {len(pools[1])}. Is unlabelled='include' set in "
            f"the data set?"
        )
    return pools


@DATASETS.register_module()
class ViewDataset(Dataset):
    """Wraps a data set; a ``View`` of it is drawn under the view's own seed.

    Args:
        dataset: Config of, or, any mmengine data set. An integer index gives its
            sample as it is.

    Raises:
        RuntimeError: A frame cannot be loaded; the message names it.
    """

    def __init__(self, dataset: BaseDataset | dict) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset

    @property
    def metainfo(self) -> dict:
        """Classes and palette."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Load the annotations."""
        self.dataset.full_init()

    def get_data_info(self, index: int) -> dict:
        """Annotation of one frame."""
        return self.dataset.get_data_info(index)

    @property
    def labelled(self) -> list[bool]:
        """Whether each frame has a label."""
        infos = map(self.get_data_info, range(len(self)))
        return [info.get("seg_map_path") is not None for info in infos]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, view: View | int) -> dict:
        try:
            return self._draw(view)
        except (OSError, AssertionError) as error:  # of the host's loading; nameless
            index = view.index if isinstance(view, View) else view
            frame = self.get_data_info(index)["img_path"]
            raise RuntimeError(f"frame {frame} cannot be used: {error}") from error

    def _draw(self, view: View | int) -> dict:
        if not isinstance(view, View):
            return self.dataset[view]
        with seeded(view.seed, view.index, view.visit):
            return self.dataset[view.index]

"""Views: every augmented look at a frame is a function of (seed, frame, visit).

The host seeds a worker once, so what a frame looks like depends on all that was drawn
before it, and a resumed run sees other views than an uninterrupted one. Here each view
is drawn under a seed of its own: any number of workers, any interruption, same views.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from mmengine.dataset import BaseDataset, InfiniteSampler
from mmseg.registry import DATA_SAMPLERS, DATASETS
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
    """``InfiniteSampler`` that also says how often a frame was drawn before."""

    def _infinite_indices(self) -> Iterator[View]:
        for position, index in enumerate(super()._infinite_indices()):
            yield View(int(index), position // self.size, self.seed)


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

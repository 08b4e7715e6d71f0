"""Views: each augmentation of a frame is a function of (seed, frame, visit).

mmengine seeds each worker once, so an augmentation depends on all random numbers drawn
before it, and a resumed run augments differently from an uninterrupted one. Here each
view has its own seed: the views are the same for any number of workers and after any
interruption.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import (
    BaseDataset,
    ConcatDataset,
    InfiniteSampler,
    RepeatDataset,
)
from mmseg.registry import DATA_SAMPLERS, DATASETS
from torch import Tensor
from torch.utils.data import Dataset

from mmseg_splashkd.datasets.kept_views import KeptViews


class View(NamedTuple):
    """One augmentation of one frame, as requested by the sampler."""

    index: int  # of the frame in the data set
    visit: int  # how often the frame was drawn before, modulo the number of views
    seed: int


def seed_cpu(*entropy: int) -> None:
    """Seed Python, NumPy and torch on the CPU with a hash of non-negative integers."""
    words = np.random.SeedSequence(entropy).generate_state(3)
    random.seed(int(words[0]))
    np.random.seed(words[1])  # noqa: NPY002 - mmcv's transforms use this generator
    torch.default_generator.manual_seed(int(words[2]))


def seed_all(*entropy: int) -> None:
    """Like ``seed_cpu``, and also seed torch on every other device."""
    seed_cpu(*entropy)
    torch.manual_seed(torch.initial_seed())


@contextmanager
def seeded(*entropy: int) -> Iterator[None]:
    """Use a separate CPU seed inside the context, then restore the outer state."""
    states = random_states()
    seed_cpu(*entropy)  # not the GPU: without workers it is used by the model
    try:
        yield
    finally:
        set_random_states(states)


def random_states() -> tuple[Any, Any, Tensor]:
    """States of the generators of Python, NumPy and torch on the CPU."""
    return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002


def set_random_states(states: tuple[Any, Any, Tensor]) -> None:
    """Return to the states of ``random_states``."""
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    torch.set_rng_state(states[2])


@DATA_SAMPLERS.register_module()
class ViewSampler(InfiniteSampler):
    """``InfiniteSampler`` that yields a ``View`` instead of an index.

    Args:
        dataset: A ``ViewDataset``.
        shuffle: Draw frames in random order; default True.
        seed: Seed of the order, at least 0; default the seed of the run.
        views: Number of different views per frame, at least 1; they repeat in turn
            after that. Default None: unlimited.
        view_seed: Seed of the views, at least 0; default ``seed``. If it is given, runs
            with different seeds use the same views in different orders.
        unlabelled_share: Share of draws that are frames without a label, in (0, 1),
            spread evenly and identically on all ranks. Default None: labels are not
            considered.
        focus_share: Share of draws that are frames whose label has ``focus_class``, in
            (0, 1), spread in the same way. All labels are read once. Default None. Not
            with ``unlabelled_share``.
        focus_class: Name of that class; default the last class.

    Raises:
        ValueError: An argument is out of range, both shares are given, there is no
            class ``focus_class``, the data set has frames of one kind only, or it keeps
            views and ``views`` is None.
    """

    def __init__(
        self,
        dataset: Any,
        shuffle: bool = True,
        seed: int | None = None,
        views: int | None = None,
        view_seed: int | None = None,
        unlabelled_share: float | None = None,
        focus_share: float | None = None,
        focus_class: str | None = None,
    ) -> None:
        super().__init__(dataset, shuffle, seed)
        if views is not None and views < 1:
            raise ValueError(f"views must be >= 1, got {views}; None is unlimited")
        if views is None and getattr(dataset, "kept", None) is not None:
            raise ValueError(
                "keep_views of the data set has no effect without views of the "
                "sampler, the number of views per frame: no view would repeat"
            )
        self.views = views
        self.view_seed = self.seed if view_seed is None else view_seed
        if unlabelled_share is not None and focus_share is not None:
            raise ValueError(
                f"unlabelled_share={unlabelled_share} and focus_share={focus_share}: "
                f"give one of them"
            )
        if focus_class is not None and focus_share is None:
            raise ValueError(
                f"focus_class={focus_class!r} has no effect without focus_share"
            )
        # Share of draws from the second pool of frames; None draws from all alike.
        self.share = focus_share if unlabelled_share is None else unlabelled_share
        if unlabelled_share is not None:
            self._pools = _pools_by_label(dataset, unlabelled_share)
        elif focus_share is not None:
            self._pools = _pools_by_class(dataset, focus_share, focus_class)

    def _infinite_indices(self) -> Iterator[View]:
        for index, visit in self._visits():
            yield View(index, visit % (self.views or visit + 1), self.view_seed)

    def _visits(self) -> Iterator[tuple[int, int]]:
        if self.share is None:
            for position, index in enumerate(super()._infinite_indices()):
                yield int(index), position // self.size
            return
        streams = [self._draw(pool, salt) for salt, pool in enumerate(self._pools)]
        for position in count():
            # All ranks draw the same kind in each turn.
            turn, share = position // self.world_size, self.share
            second = int((turn + 1) * share) > int(turn * share)
            yield next(streams[second])

    def _draw(self, pool: Tensor, salt: int) -> Iterator[tuple[int, int]]:
        generator = torch.Generator().manual_seed(self.seed + salt)
        for visit in count():
            order = torch.arange(len(pool))
            if self.shuffle:
                order = torch.randperm(len(pool), generator=generator)
            for index in pool[order].tolist():
                yield index, visit


def _pools_by_label(dataset: Any, share: float) -> tuple[Tensor, Tensor]:
    """Indices of frames with a label, and of frames without one."""
    if not 0 < share < 1:
        raise ValueError(
            f"unlabelled_share must lie in (0, 1), got {share}: omit it, or omit the "
            f"frames without a label (unlabelled='skip')"
        )
    pools = _split(dataset.labelled)
    if not all(map(len, pools)):
        raise ValueError(
            f"unlabelled_share={share} needs frames with and without a label, but the "
            f"data set has {len(pools[0])} and {len(pools[1])}: "
            f"include frames without a label (unlabelled='include' in the data set), "
            f"or omit unlabelled_share"
        )
    return pools


def _pools_by_class(
    dataset: Any, share: float, name: str | None
) -> tuple[Tensor, Tensor]:
    """Indices of frames without a class in their label, and of frames with it."""
    if not 0 < share < 1:
        raise ValueError(
            f"focus_share must lie in (0, 1), got {share}: omit it to draw all frames "
            f"alike"
        )
    classes = list(dataset.metainfo["classes"])
    if name is not None and name not in classes:
        raise ValueError(f"focus_class={name!r} is not a class: take one of {classes}")
    focus = classes[-1] if name is None else name
    has_class = _with_class(dataset, classes.index(focus))
    pools = _split([not each for each in has_class])
    if not all(map(len, pools)):
        raise ValueError(
            f"focus_share={share} needs frames with and without {focus!r}, but the "
            f"data set has {len(pools[1])} and {len(pools[0])}: omit it; crops of "
            f"frames that have the class can be drawn around it"
        )
    return pools


def _with_class(dataset: Any, class_id: int) -> list[bool]:
    """Whether the label of each frame has a class; each label is read once."""
    known: dict[Any, bool] = {None: False}
    labels = []
    for index in range(len(dataset)):
        label = dataset.get_data_info(index).get("seg_map_path")
        if label not in known:
            known[label] = class_id in dataset.get_cat_ids(index)
        labels.append(known[label])
    return labels


def _split(first: list[bool]) -> tuple[Tensor, Tensor]:
    """Indices of the true and of the false elements."""
    chosen = torch.tensor(first, dtype=torch.bool)
    return chosen.nonzero().flatten(), (~chosen).nonzero().flatten()


@DATASETS.register_module()
class ViewDataset(Dataset):
    """Wrapper of a data set that draws each ``View`` with the seed of the view.

    Indexing with an integer returns the sample of the wrapped data set unchanged.

    Args:
        dataset: An mmengine data set, or its config. It may be a wrapper, such as
            ``RepeatDataset``, of which every repetition is a frame of its own.
        keep_views: Memory in MiB for views that stay loaded, of each process that
            loads. They are the same as if they were loaded again, because a view is a
            function of (seed, frame, visit). Needs a sampler with ``views``. Default
            None: every view is loaded when it is drawn.

    Raises:
        ValueError: ``keep_views`` is not above 0.
        RuntimeError: A frame cannot be loaded; the message names it.
    """

    def __init__(
        self, dataset: BaseDataset | dict, keep_views: float | None = None
    ) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        self.kept = None if keep_views is None else KeptViews(keep_views)

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

    def get_cat_ids(self, index: int) -> list[int]:
        """Classes in the label of one frame, read from the label.

        Raises:
            ValueError: The data set does not tell them.
        """
        return self._of_label("get_cat_ids", index)

    def get_class_pixels(self, index: int) -> np.ndarray:
        """(C,) pixels of each class in the label of one frame, read from the label.

        Raises:
            ValueError: The data set does not tell them.
        """
        return self._of_label("get_class_pixels", index)

    def _of_label(self, asked: str, index: int) -> Any:
        """What the data set inside all wrappers says of the label of a frame."""
        dataset: Any = self.dataset
        while isinstance(dataset, ConcatDataset | RepeatDataset):
            if isinstance(dataset, ConcatDataset):
                which, index = dataset._get_ori_dataset_idx(index)
                dataset = dataset.datasets[which]
            else:
                index = dataset._get_ori_dataset_idx(index)
                dataset = dataset.dataset
        try:
            return getattr(dataset, asked)(index)
        except (AttributeError, NotImplementedError) as error:
            raise ValueError(
                f"the sampler needs the classes in each label, and "
                f"{type(dataset).__name__} has no {asked}(index): use "
                f"TimeSplitDataset, or a subclass that defines it"
            ) from error

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
        except (OSError, AssertionError) as error:  # raised by mmcv without the path
            index = view.index if isinstance(view, View) else view
            frame = self.get_data_info(index)["img_path"]
            raise RuntimeError(f"frame {frame} cannot be used: {error}") from error

    def _draw(self, view: View | int) -> dict:
        if not isinstance(view, View):
            return self.dataset[view]
        kept = None if self.kept is None else self.kept.get(view)
        if kept is not None:
            return kept
        with seeded(view.seed, view.index, view.visit):
            sample = self.dataset[view.index]
        if self.kept is not None:
            self.kept.put(view, sample)
        return sample

import random
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, InfiniteSampler, pseudo_collate
from mmseg.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import DataLoader

from mmseg_splashkd.datasets.views import (
    View,
    ViewDataset,
    ViewSampler,
    seed_all,
    seeded,
)
from tests.datasets.builders import (
    draw_frames,
    halve,
    splash_label,
    stamp,
    write_frame,
    write_label,
)

Draws = tuple[float, float, float]


def draw() -> Draws:
    """Draw one number from each generator used by transforms."""
    return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002


def draw_sample(info: dict) -> dict:
    return {"number": info["number"], "draws": draw()}


class Numbers(BaseDataset):
    """Data set whose samples are random numbers of the generators."""

    METAINFO: ClassVar = {"classes": ("background", "splash")}

    def __init__(self, size: int = 5, lazy_init: bool = False) -> None:
        self.size = size
        super().__init__(pipeline=[draw_sample], lazy_init=lazy_init)

    def load_data_list(self) -> list[dict]:
        return [{"number": number} for number in range(self.size)]


# Views


def test_a_view_does_not_depend_on_what_was_drawn_before():
    dataset = ViewDataset(Numbers())
    views = [View(index, visit, 3) for index in range(5) for visit in range(4)]
    in_order = {view: dataset[view]["draws"] for view in views}
    other = ViewDataset(Numbers())
    for view in random.Random(0).sample(views, len(views)):
        draw()
        assert other[view] == {"number": view.index, "draws": in_order[view]}


def test_views_differ_by_index_visit_and_seed_in_every_generator():
    dataset = ViewDataset(Numbers())
    views = [View(i, v, s) for i in range(5) for v in range(5) for s in range(5)]
    for draws in zip(*(dataset[view]["draws"] for view in views), strict=True):
        assert len(set(draws)) == 125


def test_random_numbers_of_views_are_uniform():
    dataset = ViewDataset(Numbers(size=40))
    views = [View(index, visit, 0) for index in range(40) for visit in range(25)]
    draws = np.array([dataset[view]["draws"] for view in views])
    counts = [np.histogram(column, bins=10, range=(0, 1))[0] for column in draws.T]
    chi_square = ((np.array(counts) - 100) ** 2 / 100).sum(1)
    assert chi_square.max() < 27.9  # 99.9 % of chi square with 9 degrees of freedom
    assert abs(np.corrcoef(draws.T) - np.eye(3)).max() < 0.1


def test_outer_random_states_are_restored():
    dataset = ViewDataset(Numbers())
    seed_all(7)
    expected = [draw() for _ in range(3)]
    seed_all(7)
    drawn = []
    for index in range(3):
        dataset[View(index, 0, 0)]
        drawn.append(draw())
    assert drawn == expected


def test_outer_random_states_are_restored_after_an_error():
    dataset = ViewDataset(Numbers())
    seed_all(7)
    expected = draw()
    seed_all(7)
    with pytest.raises(IndexError):
        dataset[View(99, 0, 0)]
    assert draw() == expected


def test_second_value_of_a_gaussian_pair_is_kept():
    seed_all(7)
    expected = [random.gauss(0, 1) for _ in range(2)]
    seed_all(7)
    drawn = [random.gauss(0, 1)]
    ViewDataset(Numbers())[View(0, 0, 0)]
    assert [*drawn, random.gauss(0, 1)] == expected


def test_seeds_can_be_nested():
    with seeded(1):
        expected = [draw(), draw()]
    with seeded(1):
        drawn = [draw()]
        with seeded(2):
            draw()
        drawn.append(draw())
    assert drawn == expected


def test_seed_all_seeds_the_gpu_and_a_view_does_not(monkeypatch: pytest.MonkeyPatch):
    seeds = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    ViewDataset(Numbers())[View(0, 0, 0)]
    assert seeds == []
    seed_all(0, 1, 2)
    assert seeds == [torch.initial_seed()]


def test_seed_all_depends_on_every_number():
    drawn = set()
    for entropy in [(0, 0, 1), (0, 1, 0), (1, 0, 0), (2**40, 0, 1)]:
        seed_all(*entropy)
        drawn.update(draw())
    assert len(drawn) == 12


# Sampler


def sampler_of(
    size: int = 5, shuffle: bool = True, rank: int = 0, world_size: int = 1
) -> ViewSampler:
    sampler = ViewSampler(range(size), shuffle=shuffle, seed=3)
    sampler.rank, sampler.world_size = rank, world_size
    return sampler


def first(count: int, sampler: InfiniteSampler) -> list[Any]:
    return list(islice(sampler, count))


def test_order_of_frames_is_that_of_mmengine():
    indices = [view.index for view in first(23, sampler_of())]
    assert indices == first(23, InfiniteSampler(range(5), seed=3))


def test_every_epoch_is_a_new_permutation_and_visit():
    views = first(50, sampler_of())
    epochs = [views[start : start + 5] for start in range(0, 50, 5)]
    for visit, epoch in enumerate(epochs):
        assert sorted(epoch) == [View(index, visit, 3) for index in range(5)]
    assert len({tuple(view.index for view in epoch) for epoch in epochs}) > 5


def test_visit_is_how_often_the_frame_was_drawn_before():
    drawn = [0] * 5
    for view in first(37, sampler_of()):
        assert view.visit == drawn[view.index]
        drawn[view.index] += 1


def test_without_shuffling_frames_come_in_order():
    views = first(5, sampler_of(size=3, shuffle=False))
    expected = [(0, 0, 3), (1, 0, 3), (2, 0, 3), (0, 1, 3), (1, 1, 3)]
    assert views == expected


@pytest.mark.parametrize("world_size", [2, 3, 7])
def test_ranks_partition_the_stream(world_size: int):
    ranks = [
        first(6, sampler_of(rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    shared = [view for step in zip(*ranks, strict=True) for view in step]
    assert shared == first(6 * world_size, sampler_of())


@pytest.mark.parametrize(("rank", "world_size"), [(0, 1), (0, 2), (1, 2)])
@pytest.mark.parametrize("skipped", [0, 1, 5, 13])
def test_skipping_continues_the_uninterrupted_stream(
    skipped: int, rank: int, world_size: int
):
    sampler = sampler_of(rank=rank, world_size=world_size)
    sampler.skip(skipped)
    uninterrupted = first(30, sampler_of(rank=rank, world_size=world_size))
    assert first(30 - skipped, sampler) == uninterrupted[skipped:]


def test_sampler_is_registered_and_has_the_length_of_the_data_set():
    config = {"type": "ViewSampler", "dataset": Numbers(7), "seed": 3}
    sampler = DATA_SAMPLERS.build(config)
    assert isinstance(sampler, ViewSampler)
    assert len(sampler) == 7


# Data set


def test_wraps_an_instance_or_a_config():
    instance = Numbers(7)
    assert ViewDataset(instance).dataset is instance
    built = DATASETS.build({"type": "ViewDataset", "dataset": {"type": Numbers}})
    assert isinstance(built, ViewDataset)
    assert isinstance(built.dataset, Numbers)
    assert built[View(3, 1, 4)] == ViewDataset(instance)[View(3, 1, 4)]


def test_has_the_interface_of_an_mmengine_data_set():
    dataset = ViewDataset(Numbers(7, lazy_init=True))
    assert dataset.metainfo == {"classes": ("background", "splash")}
    assert not dataset.dataset._fully_initialized
    dataset.full_init()
    assert dataset.dataset._fully_initialized
    assert len(dataset) == 7
    assert dataset.get_data_info(4) == {"number": 4, "sample_idx": 4}


def test_integer_index_returns_the_sample_unchanged():
    seed_all(5)
    expected = [draw(), draw()]
    seed_all(5)
    dataset = ViewDataset(Numbers())
    assert [dataset[4], dataset[-1]] == [
        {"number": 4, "draws": draws} for draws in expected
    ]


@pytest.mark.parametrize("index", [View(1, 0, 0), 1, -1], ids=["view", "int", "last"])
def test_error_names_a_frame_that_cannot_be_loaded(tmp_path: Path, index: View | int):
    size = (80, 60)  # large enough to be truncated within its pixels
    for seed, stem in enumerate("ab"):
        write_frame(tmp_path / "images" / f"{stem}.jpg", seed, size)
        write_label(tmp_path / "labels" / f"{stem}.png", splash_label(seed, size))
    frames = {
        "type": "BaseSegDataset",
        "data_root": str(tmp_path),
        "data_prefix": {"img_path": "images", "seg_map_path": "labels"},
        "metainfo": {"classes": ("background", "splash")},
        "pipeline": [{"type": "LoadImageFromFile", "imdecode_backend": "pillow"}],
    }
    config = {"type": "ViewDataset", "_scope_": "mmseg", "dataset": frames}
    dataset: Any = DATASETS.build(config)
    assert dataset[index]["img"].shape == (60, 80, 3)
    frame = tmp_path / "images" / "b.jpg"
    halve(frame)
    message = f"frame {frame} cannot be used: .*truncated"
    with pytest.raises(RuntimeError, match=message):
        dataset[index]
    assert dataset[View(0, 0, 0)]["img"].shape == (60, 80, 3)


# In a loader


def loader_of(dataset: ViewDataset, num_workers: int, skip: int = 0) -> DataLoader:
    """Loader of batches of two, after skipping some batches."""
    sampler = ViewSampler(dataset, seed=3)
    if skip:
        sampler.skip(2 * skip)
    torch.manual_seed(num_workers)  # a different initial state of the workers each time
    return DataLoader(
        dataset,
        batch_size=2,
        sampler=sampler,
        num_workers=num_workers,
        collate_fn=pseudo_collate,
    )


@pytest.mark.parametrize("num_workers", [0, 1, 2])
@pytest.mark.parametrize("skip", [0, 4])
def test_workers_and_interruptions_change_nothing(num_workers: int, skip: int):
    dataset = ViewDataset(Numbers())
    views = first(20, ViewSampler(dataset, seed=3))
    expected = [pseudo_collate([dataset[v], dataset[w]]) for v, w in pairs(views)]
    loader = loader_of(dataset, num_workers, skip)
    assert list(islice(loader, 10 - skip)) == expected[skip:]


def pairs(views: list[View]) -> zip:
    return zip(views[::2], views[1::2], strict=True)


def test_augmented_frames_do_not_depend_on_the_number_of_workers(tmp_path: Path):
    draw_frames(tmp_path, [stamp(number) for number in range(10)])
    pipeline = [
        {"type": "LoadImageFromFile", "imdecode_backend": "pillow"},
        {"type": "LoadGrayLabels"},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "PhotoMetricDistortion"},
        {"type": "PackSegInputs"},
    ]
    frames = {"type": "TimeSplitDataset", "split": "train", "data_root": str(tmp_path)}
    dataset = DATASETS.build(
        {
            "type": "ViewDataset",
            "_scope_": "mmseg",
            "dataset": {**frames, "pipeline": pipeline},
        }
    )
    samples = [
        [
            (sample.img_path, sample.flip, frame.numpy().tobytes())
            for batch in islice(loader_of(dataset, num_workers), 14)
            for frame, sample in zip(*batch.values(), strict=True)
        ]
        for num_workers in (0, 1, 2)
    ]
    assert samples[0] == samples[1] == samples[2]
    assert len(set(samples[0])) == 28  # four visits of seven frames
    assert {flip for _, flip, _ in samples[0]} == {False, True}

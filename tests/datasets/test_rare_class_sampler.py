"""Rare-class sampling against DAFormer's formula."""

from collections import Counter
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import pytest

from mmseg_splashkd.datasets.rare_class_sampler import (
    RareClassSampler,
    rare_class_probabilities,
)
from mmseg_splashkd.datasets.views import View, ViewDataset
from tests.datasets.test_view_sampler import Frames

# Frames 0 to 4 have a label; class 3 is in none.
PIXELS = np.array([[90, 10, 0, 0], [100, 0, 0, 0], [80, 0, 20, 0],
                   [99, 0, 1, 0], [0, 60, 40, 0]])  # fmt: skip


class Counted(Frames):
    """Ten frames; five of them have a label."""

    metainfo: ClassVar = {"classes": ("water", "net", "splash", "foam")}
    labelled: ClassVar = [True] * 5 + [False] * 5
    pixels = PIXELS

    def get_data_info(self, index: int) -> dict:
        return {"seg_map_path": f"{index}.png"} if self.labelled[index] else {}

    def get_class_pixels(self, index: int) -> np.ndarray:
        return self.pixels[index]


def drawn(count: int, **options: Any) -> list[View]:
    sampler: Any = RareClassSampler(Counted(), **{"seed": 3, **options})
    return list(islice(sampler, count))


@pytest.mark.parametrize("temperature", [0.01, 0.5])
def test_probabilities_are_those_of_the_paper(temperature):
    pixels = np.array([9_000.0, 900.0, 100.0])
    e = np.exp((1 - pixels / 10_000) / temperature)
    found = rare_class_probabilities(pixels, temperature)
    np.testing.assert_allclose(found, e / e.sum(), rtol=1e-12)


def test_a_class_without_a_pixel_is_never_drawn():
    found = rare_class_probabilities(np.array([10, 0]), 0.5)
    assert found.tolist() == [1.0, 0.0]


def test_frames_are_drawn_by_class_and_then_alike():
    total = PIXELS.sum(0)
    p = np.exp((1 - total / total.sum()) / 0.5) * (total > 0)
    p /= p.sum()
    # Frame 3 has 1 pixel of class 2, 1/20 of the 61/3 of the others.
    expected = [p[0] / 4 + p[1] / 2, p[0] / 4, p[0] / 4 + p[2] / 2, p[0] / 4,
                p[1] / 2 + p[2] / 2]  # fmt: skip
    counts = Counter(view.index for view in drawn(20_000, temperature=0.5))
    found = [counts[index] / 20_000 for index in range(5)]
    assert sum(found) == 1  # those without a label are not drawn
    np.testing.assert_allclose(found, expected, atol=0.012)  # 3.4 standard errors
    every = Counter(v.index for v in drawn(20_000, temperature=0.5, least=0.0))
    assert every[3] > counts[3]


def test_visits_are_counted_by_frame():
    views = drawn(300, views=4)
    for index in range(5):
        visits = [view.visit for view in views if view.index == index]
        assert visits == [i % 4 for i in range(len(visits))]
    assert drawn(300) == drawn(300) != drawn(300, seed=4)
    assert {view.seed for view in drawn(5, view_seed=7)} == {7}


def test_ranks_share_one_sequence(monkeypatch):
    alone, ranks = drawn(200), []
    for rank in range(2):
        monkeypatch.setattr(
            "mmengine.dataset.sampler.get_dist_info", lambda rank=rank: (rank, 2)
        )
        ranks.append(drawn(100))
    assert [v for pair in zip(*ranks, strict=True) for v in pair] == alone


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature=0.0 must be above 0"),
        ({"temperature": float("nan")}, "temperature=nan must be above 0"),
        ({"least": 1.5}, r"least=1.5 must lie in \[0, 1\]"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        drawn(1, **options)


def test_frames_without_a_class_or_counts_are_refused(monkeypatch):
    monkeypatch.setattr(Counted, "pixels", np.zeros_like(PIXELS))
    with pytest.raises(ValueError, match="needs frames whose label has a class"):
        drawn(1)
    frames: Any = ViewDataset.__new__(ViewDataset)
    frames.dataset, frames.kept = Labelled(), None
    with pytest.raises(ValueError, match=r"Labelled has no get_class_pixels\(index\)"):
        RareClassSampler(frames, seed=0)


class Labelled(Frames):
    """Frames whose data set does not count pixels."""

    metainfo: ClassVar = {"classes": ("water", "splash")}

    def get_data_info(self, index: int) -> dict:
        return {"seg_map_path": f"{index}.png"}

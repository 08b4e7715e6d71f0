"""Crops a stated share of which hold a rare class, by Albumentations and a sampler."""

import random
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import pytest
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset

from mmseg_splashkd.datasets.transforms import Albumentations
from mmseg_splashkd.datasets.views import View, ViewDataset, ViewSampler
from tests.datasets.transforms.builders import IGNORE

HEIGHT, WIDTH, SIDE = 40, 60, 16
SPLASH = slice(25, 27), slice(41, 44)  # rows and columns of class 1


def label(with_class: bool = True) -> np.ndarray:
    """A frame of class 0 with some ignored and, if wanted, six pixels of class 1."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[:5] = IGNORE
    ids[SPLASH] = 1 if with_class else 0
    return ids


def crop(share: float) -> Albumentations:
    """The recipe of docs/distillation.md: a share of crops is drawn around class 1."""
    size = {"height": SIDE, "width": SIDE}
    around = {
        "type": "CropNonEmptyMaskIfExists",
        "ignore_values": [0],
        "p": share,
        **size,
    }
    anywhere = {"type": "RandomCrop", "p": 1 - share, **size}
    one = {"type": "OneOf", "p": 1.0, "transforms": [around, anywhere]}
    return Albumentations([one])


def by_chance() -> float:
    """Share of all crops that hold class 1."""
    rows, columns = HEIGHT - SIDE + 1, WIDTH - SIDE + 1
    hits = [
        (label()[y : y + SIDE, x : x + SIDE] == 1).any()
        for y in range(rows)
        for x in range(columns)
    ]
    return float(np.mean(hits))


class Frames(BaseDataset):
    """Six frames, two of which have class 1; an image is its label."""

    METAINFO: ClassVar = {"classes": ("background", "splash")}
    with_class = (1, 4)

    def __init__(self, share: float) -> None:
        self.crop = crop(share)
        super().__init__(pipeline=[self.draw])

    def load_data_list(self) -> list[dict]:
        return [{"number": each, "seg_map_path": f"{each}.png"} for each in range(6)]

    def get_cat_ids(self, idx: int) -> list[int]:
        return [0, 1] if idx in self.with_class else [0]

    def draw(self, info: dict) -> Any:
        ids = label(info["number"] in self.with_class)
        image = np.repeat(ids[..., None], 3, 2)
        sample = {"img": image, "gt_seg_map": ids, "seg_fields": ["gt_seg_map"]}
        return self.crop(sample)


def holds(sample: Any) -> bool:
    return bool((sample["gt_seg_map"] == 1).any())


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_the_share_of_crops_around_a_class_is_the_stated_one(share):
    random.seed(0)
    frames = Frames(share)
    crops = [frames.draw({"number": 1}) for _ in range(1000)]
    assert {each["img"].shape for each in crops} == {(SIDE, SIDE, 3)}
    for each in crops:
        assert np.array_equal(each["img"][..., 0], each["gt_seg_map"])
    chance = by_chance()
    assert 0.05 < chance < 0.3
    expected = share + (1 - share) * chance
    found = np.mean([holds(each) for each in crops])
    assert found == pytest.approx(expected, abs=3 * np.sqrt(0.25 / 1000))


def test_ignored_pixels_are_no_class_to_crop_around():
    random.seed(0)
    frames = Frames(1.0)
    empty = [frames.draw({"number": 0})["gt_seg_map"] for _ in range(200)]
    rows, columns = HEIGHT - SIDE + 1, WIDTH - SIDE + 1
    touching = np.mean([(each == IGNORE).any() for each in empty])
    assert touching == pytest.approx(5 / rows, abs=0.1)  # as anywhere in the frame
    assert columns > 1


def test_with_the_sampler_exactly_the_share_of_all_crops_holds_the_class():
    views = ViewDataset(Frames(1.0))
    sampler: Any = ViewSampler(views, seed=3, focus_share=0.5)
    order = list(islice(sampler, 100))
    assert sum(holds(views[view]) for view in order) == 50


def test_a_view_is_the_same_crop_whatever_was_drawn_before():
    frames = Frames(0.5)
    views = ViewDataset(frames)
    asked = [View(index, visit, 7) for index in (1, 4) for visit in range(5)]
    first = {view: views[view]["img"].tobytes() for view in asked}
    random.seed(5)
    again = {view: ViewDataset(Frames(0.5))[view]["img"].tobytes() for view in asked}
    backwards = {view: views[view]["img"].tobytes() for view in reversed(asked)}
    assert first == again == backwards
    assert len(set(first.values())) > 5


def test_classes_are_found_through_wrappers():
    frames = {"type": Frames, "share": 0.5}
    repeated = {"type": RepeatDataset, "dataset": frames, "times": 2}
    twice = ViewDataset({"type": ConcatDataset, "datasets": [repeated, frames]})
    found = [index for index in range(18) if 1 in twice.get_cat_ids(index)]
    assert found == [1, 4, 7, 10, 13, 16]

    class Silent(Frames):
        get_cat_ids = BaseDataset.get_cat_ids  # type: ignore[assignment]

    with pytest.raises(
        ValueError, match=r"Silent has no get_cat_ids\(index\): use Tim"
    ):
        ViewSampler(ViewDataset(Silent(0.5)), seed=0, focus_share=0.5)

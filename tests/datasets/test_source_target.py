"""A frame of the source is what it is without a target."""

import random
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_splashkd.datasets import source_target
from mmseg_splashkd.datasets.source_target import SourceTargetDataset
from mmseg_splashkd.datasets.views import View, ViewDataset


def pack(info: dict) -> dict:
    """An image of one number that is drawn, and the number of the frame in it."""
    noise = random.random() + float(np.random.rand())  # noqa: NPY002
    image = torch.full((3, 2, 2), info["number"] + noise / 2)
    sample = SegDataSample()
    sample.set_data({"gt_sem_seg": PixelData(data=torch.zeros(1, 2, 2).long())})
    return {"inputs": image, "data_samples": sample}


class Frames(BaseDataset):
    """Frames of numbers from a first one on."""

    METAINFO: ClassVar = {"classes": ("background", "splash")}

    def __init__(self, first: int, count: int, labelled: bool = True, steps=(pack,)):
        self.first, self.count, self.labelled = first, count, labelled
        super().__init__(pipeline=list(steps), serialize_data=count > 0)

    def load_data_list(self) -> list[dict]:
        label = "label.png" if self.labelled else None
        numbers = range(self.first, self.first + self.count)
        return [
            {"number": n, "img_path": f"{n}.png", "seg_map_path": label}
            for n in numbers
        ]

    def get_cat_ids(self, idx: int) -> list[int]:
        return [idx % 2]


def number_of(image: torch.Tensor) -> int:
    return int(image[0, 0, 0])


def paired(**changes) -> ViewDataset:
    data = {"source": Frames(0, 5), "target": Frames(100, 7, labelled=False)} | changes
    both: Any = SourceTargetDataset(**data)
    return ViewDataset(both)


VIEWS = [View(index, visit, 3) for index in range(5) for visit in range(30)]


def test_the_source_is_drawn_as_without_a_target():
    alone, both = ViewDataset(Frames(0, 5)), paired()
    for view in VIEWS:
        assert torch.equal(both[view]["inputs"], alone[view]["inputs"])


def test_every_frame_of_the_target_comes_and_a_view_repeats_its_own():
    both = paired()
    images = {view: both[view]["data_samples"].target.data for view in VIEWS}
    assert {number_of(image) for image in images.values()} == set(range(100, 107))
    for view in reversed(VIEWS):
        assert torch.equal(both[view]["data_samples"].target.data, images[view])


def test_it_is_the_source_in_all_that_is_asked_of_it():
    both = paired()
    assert len(both) == 5
    assert both.metainfo["classes"] == ("background", "splash")
    assert both.get_data_info(3)["number"] == 3
    assert both.get_cat_ids(3) == [1]
    assert both.labelled == [True] * 5
    both.full_init()


def test_labels_of_the_target_are_not_used_and_told_of(monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(source_target, "print_log", lambda text, _: said.append(text))
    both = paired(target=Frames(100, 7))
    (text,) = said
    assert text.startswith("7 of 7 frames of the target have a label")
    sample = both[View(0, 0, 0)]["data_samples"]
    assert set(sample.keys()) == {"gt_sem_seg", "target"}
    assert set(sample.target.keys()) == {"data"}


def lost(info: dict) -> dict:
    raise FileNotFoundError("no such file")


def test_a_broken_frame_of_the_target_is_named():
    both = paired(target=Frames(100, 7, steps=(lost,)))
    with pytest.raises(RuntimeError, match=r"frame 10\d.png of the target cannot be"):
        both[View(0, 0, 0)]


def test_a_target_without_frames_and_pipelines_that_do_not_pack_are_errors():
    with pytest.raises(ValueError, match="target has no frames"):
        paired(target=Frames(0, 0))
    bare = Frames(0, 3, steps=(lambda info: {"inputs": torch.zeros(3, 2, 2)},))
    with pytest.raises(ValueError, match="pipeline of target must end with"):
        paired(target=bare)[View(0, 0, 0)]
    with pytest.raises(ValueError, match="pipeline of source must end with"):
        paired(source=bare)[View(0, 0, 0)]

from typing import ClassVar

import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_splashkd.datasets.kept_views import MIB, KeptViews
from mmseg_splashkd.datasets.views import View, ViewDataset, ViewSampler

BYTES = 3 * 4 * 4 + 8 * 4 * 4  # of an image (uint8) and its label (int64)


def sample_of(info: dict) -> dict:
    info["loaded"].append(info["number"])
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.randint(2, (1, 4, 4))))
    image = torch.randint(255, (3, 4, 4), dtype=torch.uint8)
    return {"inputs": image, "data_samples": sample}


class Frames(BaseDataset):
    METAINFO: ClassVar = {"classes": ("background", "splash")}

    def __init__(self) -> None:
        self.loaded: list[int] = []
        super().__init__(pipeline=[sample_of], serialize_data=False)

    def load_data_list(self) -> list[dict]:
        return [{"number": number, "loaded": self.loaded} for number in range(3)]

    def get_data_info(self, idx: int) -> dict:
        return self.load_data_list()[idx]


def test_a_kept_view_is_the_view_and_is_not_loaded_again():
    frames = Frames()
    kept, anew = ViewDataset(frames, keep_views=1), ViewDataset(Frames())
    views = [View(index, visit, 3) for index in range(3) for visit in range(2)]
    for view in (*views, *views, *views):
        sample, expected = kept[view], anew[view]
        assert torch.equal(sample["inputs"], expected["inputs"])
        label, true = sample["data_samples"], expected["data_samples"]
        assert torch.equal(label.gt_sem_seg.data, true.gt_sem_seg.data)
    assert len(frames.loaded) == len(views)


def test_a_changed_sample_does_not_change_the_kept_one():
    dataset, view = ViewDataset(Frames(), keep_views=1), View(0, 0, 0)
    first = dataset[view]["data_samples"]
    before = first.gt_sem_seg.data.clone()
    del first.gt_sem_seg.data
    first.gt_sem_seg.data = torch.full((1, 8, 8), 255)  # as a preprocessor pads it
    dataset[view]["data_samples"].gt_sem_seg.data.fill_(7)
    assert torch.equal(dataset[view]["data_samples"].gt_sem_seg.data, before)


def test_views_are_kept_until_the_memory_is_used():
    frames = Frames()
    dataset = ViewDataset(frames, keep_views=2.5 * BYTES / MIB)
    for _ in range(2):
        for index in range(3):
            dataset[View(index, 0, 0)]
    assert frames.loaded == [0, 1, 2, 2]


def test_frames_by_number_are_loaded_every_time():
    frames = Frames()
    dataset = ViewDataset(frames, keep_views=1)
    assert not torch.equal(dataset[0]["inputs"], dataset[0]["inputs"])


def test_memory_that_keeps_nothing_is_refused():
    with pytest.raises(ValueError, match=r"keep_views=0 must be memory in MiB"):
        KeptViews(0)


def test_views_that_never_repeat_are_not_kept():
    dataset = ViewDataset(Frames(), keep_views=1)
    with pytest.raises(ValueError, match=r"keep_views .* has no effect without views"):
        ViewSampler(dataset)
    ViewSampler(dataset, views=2)

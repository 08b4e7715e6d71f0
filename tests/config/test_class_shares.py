"""Frames and classes of the labels of a config."""

import math

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_splashkd.config.class_shares import ClassShares, class_shares
from mmseg_splashkd.datasets import TimeSplitDataset

SIZE = (4, 5)


def draw(folder, labels: dict[str, np.ndarray | None]) -> Config:
    """A config whose training part is all frames; a label holds gray values."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    for name, label in labels.items():
        Image.new("RGB", (SIZE[1], SIZE[0])).save(folder / "images" / f"{name}.png")
        if label is not None:
            Image.fromarray(label).save(folder / "labels" / f"{name}.png")
    leaf = {
        "type": TimeSplitDataset,
        "split": "train",
        "data_root": str(folder),
        "ratios": (1.0, 0.0, 0.0),
        "unlabelled": "include",
    }
    return Config({"train_dataloader": {"dataset": leaf}})


def gray(splash: int) -> np.ndarray:
    """A label of 20 pixels, of which the first are splash."""
    from mmseg_splashkd.datasets.label_coding import load_label_coding

    table = load_label_coding("splash").gray_to_train_id
    value = {train_id: gray for gray, train_id in table.items()}
    pixels = np.full(math.prod(SIZE), value[0], np.uint8)
    pixels[:splash] = value[1]
    return pixels.reshape(SIZE)


def test_pixels_of_all_labels_are_counted(tmp_path):
    names = [f"{1683000000 + 3 * i}-000000000" for i in range(4)]
    labels = dict(zip(names, (gray(1), gray(0), None, gray(5)), strict=True))
    found = class_shares(draw(tmp_path / "data", labels))
    assert found.classes == ("background", "splash")
    assert found.shares == pytest.approx((54 / 60, 6 / 60))
    assert (found.labelled, found.unlabelled) == (3, 1)
    assert (found.rarest, found.share_of_rarest) == ("splash", pytest.approx(0.1))


def test_the_rarest_class_has_pixels():
    found = ClassShares(("sky", "car", "boat"), (0.9, 0.1, 0.0), 1, 0)
    assert (found.rarest, found.share_of_rarest) == ("car", 0.1)


def test_frames_of_several_data_sets_count_once_and_neighbours_not(tmp_path):
    names = [f"{1683000000 + 3 * i}-000000000" for i in range(3)]
    labels = dict(zip(names, (gray(1), gray(0), None), strict=True))
    cfg = draw(tmp_path / "data", labels)
    leaf = cfg.train_dataloader.dataset
    one = {**leaf, "unlabelled": "skip", "neighbour": "3s"}
    cfg.train_dataloader.dataset = {"type": "ConcatDataset", "datasets": [one, one]}
    found = class_shares(cfg)
    assert (found.labelled, found.unlabelled) == (2, 0)
    assert found.shares[1] == pytest.approx(1 / 40)


def test_data_sets_of_other_classes_are_refused(tmp_path):
    cfg = draw(tmp_path / "data", {"1683000000-000000000": gray(1)})
    leaf = cfg.train_dataloader.dataset
    other = {**leaf, "label_coding": "camvid"}
    cfg.train_dataloader.dataset = {"type": "ConcatDataset", "datasets": [leaf, other]}
    with pytest.raises(ValueError, match="train_dataloader differ in their classes"):
        class_shares(cfg)

"""The data doctor on the config of a data set of MMSegmentation itself."""

import pytest

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.report.dataset.source import dataset_of_config
from tests.photos import loaders, part, write_config


def test_photos_of_any_data_set_are_checked(photos, tmp_path):
    cfg = read_config(write_config(tmp_path / "photos.py", photos))
    dataset = dataset_of_config(cfg, "photos")
    assert {name: len(of) for name, of in dataset.parts.items()} == {
        "train": 8,
        "val": 4,
    }
    assert dataset.coding.classes == ("ground", "stone", "leaf")
    recordings = {frame.recording for frame in dataset.parts["val"]}
    assert recordings == {"img_dir/val"}


def test_frames_that_are_not_listed_are_no_clean_data(photos):
    cfg = loaders(train=part(photos, "train"), val={"type": "NoSuchDataset"})
    with pytest.raises(ValueError, match="data set of the val part does not list its"):
        dataset_of_config(cfg, "photos")

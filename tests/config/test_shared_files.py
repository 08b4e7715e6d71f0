import pytest

from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.config.shared_files import shared_files
from tests.photos import loaders, part, pond_part


def files_of_pond(pond, number: int) -> dict:
    """The first frames of the pond, read as photos."""
    prefix = {"img_path": "images", "seg_map_path": "labels"}
    keys = {"data_root": str(pond), "data_prefix": prefix, "indices": number}
    return {"type": "BaseSegDataset", "img_suffix": ".png", **keys}


def test_a_photo_in_two_parts_is_an_error(photos):
    cfg = loaders(train=part(photos, "train"), val=part(photos, "train", indices=2))
    (finding,) = shared_files(cfg)
    assert (finding.level, finding.code) == ("error", "shared_frame")
    assert finding.message == "2 frames in both train and val"
    assert [path[-10:] for path in finding.frames] == ["leaf_0.jpg", "leaf_1.jpg"]
    with pytest.raises(ValueError, match=r"\[shared_frame\] 2 frames in both train"):
        check_data(cfg)
    allowed = {"allow": ["shared_frame"]}
    cfg.data_check = allowed
    assert len(check_data(cfg)) == 1


def test_data_sets_of_two_classes_may_not_share_a_file(pond):
    cfg = loaders(train=files_of_pond(pond, 31), val=pond_part(pond, "val"))
    (finding,) = shared_files(cfg)
    assert finding.message == "6 frames in both train and val"


def test_other_photos_of_the_same_name_are_others(photos):
    cfg = loaders(train=part(photos, "train"), val=part(photos, "val"))
    assert not list(shared_files(cfg))
    assert check_data(cfg) == []

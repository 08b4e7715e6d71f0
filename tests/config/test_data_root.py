import re

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.data_root import check_data_root

LOADER = "val_dataloader"


def check(dataset: dict) -> None:
    check_data_root(Config({LOADER: {"dataset": dataset}}), LOADER, "test_dataloader")


@pytest.mark.parametrize("kind", ["BaseSegDataset", "ADE20KDataset"])
@pytest.mark.parametrize("depth", [0, 2])
def test_a_missing_root_is_named_inside_any_wrapper(tmp_path, kind, depth):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.jpg").touch()
    dataset = {"type": kind, "data_root": str(tmp_path / "here")}  # no data_prefix
    check(dataset)
    missing = dataset | {"data_root": str(tmp_path / "gone")}
    for _ in range(depth):
        missing = {"type": "ConcatDataset", "datasets": [dataset, missing]}
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "gone"))):
        check(missing)


def test_a_prefix_may_be_none_or_absolute(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").touch()
    prefix = {"img_path": str(tmp_path / "images"), "seg_map_path": None}
    check({"type": "BaseSegDataset", "data_root": "gone", "data_prefix": prefix})


@pytest.mark.parametrize(
    "keys", [{"backend_args": {"backend": "local"}}, {"data_root": "s3://bucket/data"}]
)
def test_remote_data_are_not_looked_for(keys):
    check({"type": "BaseSegDataset", "data_root": "gone", **keys})

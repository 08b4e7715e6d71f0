import pytest
from mmengine.config import Config

from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.sweep.checks import check_spec, complete
from mmseg_splashkd.sweep.folds import (
    check_folds,
    has_test_part,
    tables_of,
    tables_sha256,
)
from mmseg_splashkd.sweep.spec import SweepSpec
from tests.photos import loaders, part, pond_part, write_config
from tests.sweep.conftest import write_folds


def with_tables(pond, *tables) -> Config:
    inner = [
        pond_part(pond, "train", split_table=str(table), fold=0) for table in tables
    ]
    both = {"type": "ConcatDataset", "datasets": inner}
    cfg = loaders(train={"type": "ViewDataset", "dataset": both})
    cfg.fold = None
    return cfg


def test_tables_of_all_data_sets_inside_wrappers_count(pond, folds, tmp_path):
    other = write_folds(pond, tmp_path / "other.csv", folds=3)
    one, two = with_tables(pond, folds, folds), with_tables(pond, folds, other)
    assert tables_of(one) == (folds,)
    assert tables_sha256(tables_of(one)) == file_sha256(folds)
    assert tables_of(two) == (folds, other)
    assert tables_sha256(tables_of(two)) not in (file_sha256(folds), None)
    assert tables_sha256(()) is None
    check_folds(one, 2)
    with pytest.raises(ValueError, match=r"other\.csv of .* has the folds \[0, 1, 2\]"):
        check_folds(two, 2)


@pytest.mark.parametrize("wrapped", [False, True])
def test_folds_of_other_data_sets_are_refused_with_the_way_to_them(
    pond, folds, photos, wrapped
):
    cfg = with_tables(pond, folds)
    inner = [cfg.train_dataloader.dataset, part(photos, "train")]
    both = {"type": "ConcatDataset", "datasets": inner}
    cfg.train_dataloader.dataset = both if wrapped else inner[1]
    message = "trains on a BaseSegDataset, which has no folds. Use a TimeSplitDataset"
    with pytest.raises(ValueError, match=message):
        check_folds(cfg, 2)


def test_photos_are_swept_without_folds(photos, tmp_path):
    config = str(write_config(tmp_path / "photos.py", photos))
    spec = complete(SweepSpec((config,), seeds=2))
    assert spec.metric == "mIoU"
    assert list(check_spec(spec)) == [config]


def test_several_best_metrics_choose_none_for_a_sweep(photos, tmp_path):
    both = 'default_hooks["checkpoint"]["save_best"] = ["mIoU", "aAcc"]\n'
    config = str(write_config(tmp_path / "photos.py", photos, both))
    with pytest.raises(ValueError, match="selects no best weights by"):
        complete(SweepSpec((config,)))


@pytest.mark.parametrize(
    ("test", "expected"), [("train", True), ("val", False), (None, False)]
)
def test_a_test_part_of_photos_has_frames_of_its_own(photos, test, expected):
    parts = {"val": part(photos, "val")}
    parts |= {"test": part(photos, test)} if test else {}
    assert has_test_part(loaders(**parts)) is expected


def test_a_test_part_with_one_validation_frame_is_none(photos, pond):
    inner = [part(photos, "train"), part(photos, "val", indices=1)]
    both = {"type": "ConcatDataset", "datasets": inner}
    assert not has_test_part(loaders(val=part(photos, "val"), test=both))
    val, test = pond_part(pond, "val"), pond_part(pond, "test")
    assert has_test_part(loaders(val=val, test=test))

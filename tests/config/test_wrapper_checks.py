import pytest
from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.config.training import check_training
from mmseg_splashkd.config.wrapper_checks import check_evaluated, check_wrappers
from tests.photos import loaders, part, pond_part


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("RepeatDataset", {"times": 2}),
        ("ClassBalancedDataset", {"oversample_thr": 0.1}),
        ("MultiImageMixDataset", {"pipeline": []}),
    ],
)
@pytest.mark.parametrize("loader", ["val", "test"])
def test_repeated_frames_are_refused_where_scores_are_counted(pond, kind, keys, loader):
    repeated = {"type": kind, "dataset": pond_part(pond, "val"), **keys}
    repeated = {"type": "ViewDataset", "dataset": repeated}
    message = rf"{loader}_dataloader repeats or mixes frames \({kind}\), which would"
    cfg = loaders(**{loader: repeated})
    with pytest.raises(ValueError, match=message):
        check_evaluated(cfg, "val_dataloader", "test_dataloader")


def test_one_repetition_is_none(pond):
    once = {"type": "RepeatDataset", "times": 1, "dataset": pond_part(pond, "val")}
    check_evaluated(loaders(val=once), "val_dataloader")


def test_a_file_in_two_data_sets_of_one_loader_is_refused(photos, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(photos)
    inner = [part(photos, "val"), part(photos, "train"), part(link, "val", indices=3)]
    cfg = loaders(test={"type": "ConcatDataset", "datasets": inner})
    message = r"test_dataloader reads 3 of 12 frames more than once, such as .*leaf_"
    with pytest.raises(ValueError, match=message):
        check_evaluated(cfg, "test_dataloader")
    check_evaluated(loaders(train=cfg.test_dataloader.dataset), "test_dataloader")


def test_wrappers_around_training_data_pass_the_data_check(pond):
    repeated = {
        "type": "RepeatDataset",
        "times": 2,
        "dataset": pond_part(pond, "train"),
    }
    cfg = loaders(train=repeated, val=pond_part(pond, "val"))
    assert {finding.code for finding in check_data(cfg)} == {"border"}


def test_a_repeated_evaluation_fails_the_data_check(pond):
    repeated = {"type": "RepeatDataset", "times": 2, "dataset": pond_part(pond, "val")}
    with pytest.raises(ValueError, match="val_dataloader repeats or mixes frames"):
        check_data(loaders(train=pond_part(pond, "train"), val=repeated))


class Labelled(BaseSegDataset):
    """A data set that knows the classes of its frames."""

    def get_cat_ids(self, idx: int) -> list[int]:
        return [idx % 2]


def test_frames_are_balanced_only_by_classes_that_a_data_set_tells(pond):
    def balanced(dataset: dict) -> Config:
        keys = {"type": "ClassBalancedDataset", "oversample_thr": 0.1}
        return loaders(train={**keys, "dataset": dataset})

    message = (
        r"train_dataloader: ClassBalancedDataset .* BaseSegDataset has no get_cat_ids"
    )
    with pytest.raises(ValueError, match=message):
        check_wrappers(balanced({"type": "BaseSegDataset"}))
    check_wrappers(balanced(pond_part(pond, "train")))
    DATASETS.register_module(name="Labelled", module=Labelled)
    try:
        check_wrappers(balanced({"type": "Labelled"}))
    finally:
        DATASETS.module_dict.pop("Labelled")


@pytest.mark.parametrize(
    "keys",
    [
        {"sampler": {"type": "InfiniteSampler"}, "batch_size": 2},
        {"batch_sampler": {"type": "BatchSampler", "batch_size": 2}},
    ],
    ids=["sampler", "batch sampler"],
)
def test_a_loader_may_draw_batches_in_its_own_way(photos, tmp_path, keys):
    cfg = loaders(train=part(photos, "train"))
    cfg.train_dataloader.update(keys)
    (tmp_path / "w.safetensors").touch()
    cfg.model = {"type": "DistillSegmentor", "distill_loss": {"teacher_ratio": 0.5}}
    cfg.model.student = {"type": "EncoderDecoder"}
    cfg.model.teacher_checkpoint = str(tmp_path / "w.safetensors")
    check_training(cfg)

import pytest

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.temporal_check import check_clips, check_temporal
from tests.conftest import CONFIGS, PLAIN

TEMPORAL = CONFIGS / "temporal"
NEIGHBOUR = "train_dataloader.dataset.dataset.neighbour"


@pytest.mark.parametrize("name", ["temporal_farm_b0", "temporal_farm_b0_kd"])
def test_pairs_and_their_loss_belong_together(name):
    check_temporal(read_config(TEMPORAL / f"{name}.py"))
    with pytest.raises(ValueError, match="set neighbour of a TimeSplitDataset"):
        check_temporal(read_config(TEMPORAL / f"{name}.py", {NEIGHBOUR: None}))


def test_pairs_that_nothing_compares_are_refused():
    path = CONFIGS / "study" / "study_farm_b0.py"
    check_temporal(read_config(path))
    with pytest.raises(ValueError, match="'4s' of train_dataloader draws pairs"):
        check_temporal(read_config(path, {NEIGHBOUR: "4s"}))


def test_a_data_set_without_time_has_no_pairs():
    loss = {"type": "TemporalConsistencyLoss"}
    path = CONFIGS / "camvid" / "segformer_b0_camvid.py"
    kind = {"model.type": "TemporalEncoderDecoder"}
    cfg = read_config(path, kind | {"model.temporal_loss": loss})
    with pytest.raises(ValueError, match="the BaseSegDataset of train_dataloader"):
        check_temporal(cfg)


@pytest.mark.parametrize("name", ["clip_ponds_ce", "clip_ponds_kd"])
@pytest.mark.parametrize("loader", ["train_dataloader", "val_dataloader"])
def test_clips_are_loaded_where_they_are_named(name, loader):
    path = TEMPORAL / f"{name}.py"
    check_temporal(read_config(path))
    nested = ".dataset" if loader == "train_dataloader" else ""
    place = f"{loader}.dataset{nested}"
    with pytest.raises(ValueError, match="LoadClip in the pipeline of a TimeSplit"):
        check_temporal(read_config(path, {f"{place}.clip": None}))
    loads = {f"{place}.pipeline.0.type": "LoadImageFromFile"}
    with pytest.raises(ValueError, match="clip='2s' of a data set names frames"):
        check_temporal(read_config(path, loads))


def test_a_test_with_flips_loads_clips_too():
    path = TEMPORAL / "clip_ponds_ce.py"
    cfg = read_config(path)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    check_clips(cfg)
    cfg.test_dataloader.dataset.pipeline = read_config(PLAIN).tta_pipeline
    with pytest.raises(ValueError, match="clip='2s' of a data set names frames"):
        check_clips(cfg)


def test_loaders_of_others_may_load_clips():
    path = TEMPORAL / "clip_ponds_ce.py"
    cfg = read_config(path)
    for step in ({"type": "LoadDepthClip"}, {"type": "Resize"}):
        cfg.val_dataloader.dataset.pipeline = [step]
        check_clips(cfg)

"""The chain of configs/ssl: pretrain without labels, then start from the encoder."""

import re
import shutil

import pytest
import torch
from mmseg.registry import MODELS

from benchmarks.short_runs import tiny
from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.config.frames import frame_paths
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.teacher_overlap import start_overlaps
from mmseg_splashkd.models.foreign_weights import safe_init
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.runs.train import train
from tests.conftest import CONFIGS, ROOT, tiny_run

pytest.importorskip("mmpretrain")

BYOL, SIMSIAM = (CONFIGS / "ssl" / f"{name}_b0_farm.py" for name in ("byol", "simsiam"))
FINE = CONFIGS / "ssl" / "farm_b0_byol.py"
# A BYOL of the smallest encoder, on frames that are split by their time.
SMALL = {key: value for key, value in tiny("model").items() if ".backbone." in key}
SMALL |= {"model.neck.in_channels": 8, "split_table": "", "view_size": 32}
SMALL |= {"train_dataloader.batch_size": 2, "max_iters": 2}


@pytest.fixture(scope="module")
def frames(pond, tmp_path_factory):
    """The frames without their labels."""
    folder = tmp_path_factory.mktemp("frames")
    shutil.copytree(pond / "images", folder / "images")
    return folder


@pytest.fixture(scope="module")
def pretrained(frames, tmp_path_factory):
    options = SMALL | {"data_root": str(frames)}
    return train(BYOL, tmp_path_factory.mktemp("ssl") / "run", cfg_options=options)


def fine_tuning(pond, start, **options):
    start = {"model.backbone.init_cfg.checkpoint": str(start), "split_table": ""}
    return read_config(FINE, tiny_run(pond, "model", **options) | start)


def test_pretraining_shows_the_frames_of_the_training_part_only(pretrained, pond):
    record = read_record(pretrained)
    assert record is not None
    assert (record.status, record.iteration) == ("finished", 2)
    parts = frame_paths(fine_tuning(pond, pretrained / "iter_2.pth"))
    shown = (pretrained / "train_frames.txt").read_text().split()
    assert shown == [frame.name for frame in parts["train"] or ()]
    assert len(shown) == 22


@pytest.mark.parametrize("file", ["iter_2.pth", "weights_*_last.safetensors"])
def test_every_tensor_of_the_encoder_is_taken_over(pretrained, pond, file):
    (path,) = pretrained.glob(file)
    model = MODELS.build(fine_tuning(pond, path).model)
    with safe_init(model):
        model.init_weights()
    trained = read_checkpoint(path, own=True)["state_dict"]
    encoder = {
        f"backbone.{key}": value for key, value in model.backbone.state_dict().items()
    }
    assert encoder.keys() == {key for key in trained if key.startswith("backbone.")}
    torch.testing.assert_close(
        encoder, {key: trained[key] for key in encoder}, rtol=0, atol=0
    )


def test_the_encoder_has_been_trained(pretrained):
    """The second network lags behind: both are equal before the first step."""
    weights = read_checkpoint(pretrained / "iter_2.pth", own=True)["state_dict"]
    moved = [
        key
        for key, value in weights.items()
        if key.startswith("backbone.")
        and not torch.equal(value, weights[f"target_net.module.0.{key[9:]}"])
    ]
    assert len(moved) > 50


def test_evaluated_frames_that_were_shown_are_refused(pretrained, pond):
    """The parts of the two runs differ."""
    start = pretrained / "iter_2.pth"
    assert start_overlaps(fine_tuning(pond, start)) == []
    cfg = fine_tuning(pond, start, ratios=(0.4, 0.5, 0.1))
    (overlap,) = start_overlaps(cfg)
    assert (overlap.part, len(overlap.frames)) == ("val", 10)
    with pytest.raises(ValueError, match=r"\[start-leak\]"):
        check_data(cfg)


def test_simsiam_learns_without_a_second_network(pond):
    cfg = read_config(SIMSIAM, SMALL | {"data_root": str(pond)})
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    views = [torch.randn(4, 3, 32, 32) for _ in range(2)]
    loss = model.loss(views, [])["loss"]
    loss.backward()
    assert -1 <= loss.item() <= 1  # minus the mean cosine
    unused = [name for name, each in model.named_parameters() if each.grad is None]
    assert unused == []
    assert not any("target" in name for name, _ in model.named_modules())


def test_the_examples_of_the_documentation_can_be_built(tmp_path):
    text = (ROOT / "docs" / "self_supervised.md").read_text()
    examples = re.findall(r"```python\n(# my_\w+\.py\n.*?)```", text, re.S)
    for number, example in enumerate(examples):
        path = tmp_path / f"{number}.py"
        path.write_text(example.replace('"configs/', f'"{CONFIGS}/'))
        model = MODELS.build(read_config(path).model)
        views = [torch.randn(2, 3, 32, 32) for _ in range(2)]
        described = model.neck(model.backbone(views[0]))[0]
        assert described.shape == (2, 256)
    assert len(examples) == 2

"""Training frames without labels, with the teacher online and from a cache."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.training import check_training
from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.runs.train import train
from mmseg_splashkd.teacher_cache import build_teacher_cache, use_teacher_cache
from tests.conftest import DISTILLED, PLAIN

FRAMES = "train_dataloader.dataset.dataset"
CROP = {"type": "RandomCrop", "crop_size": (48, 56), "cat_max_ratio": 0.75}
STEPS = [
    {"type": "LoadImageFromFile"},
    {"type": "LoadGrayLabels"},
    CROP,
    {"type": "RandomFlip", "prob": 0.5},
    {"type": "RandomRotate", "prob": 0.5, "degree": 10},
    {"type": "Albumentations", "transforms": [{"type": "ElasticTransform"}]},
    {"type": "PhotoMetricDistortion"},
    {"type": "CheckShapes"},
    {"type": "PackSegInputs"},
]


@pytest.fixture(scope="module")
def options(pond, distil_options) -> dict:
    """A tiny distillation in which 16 of 22 training frames have no label."""
    frames, count = [], 0
    plain = read_config(PLAIN, {"data_root": str(pond), "embargo": 0})
    dataset = plain.train_dataloader.dataset.dataset
    ratios = {"ratios": dataset.ratios, "split_table": "frames.csv"}
    for frame in _with_parts(pond, ratios):
        count += frame.split == "train"
        hide = frame.split == "train" and count % 4
        frames.append(replace(frame, label="") if hide else frame)
    write_table(pond / "few.csv", frames)
    return distil_options | {
        "split_table": "few.csv",
        f"{FRAMES}.unlabelled": "include",
        f"{FRAMES}.pipeline": STEPS,
        "train_dataloader.sampler.unlabelled_share": 0.5,
        "train_dataloader.batch_size": 4,
    }


def _with_parts(pond: Path, options: dict) -> list:
    from mmseg_splashkd.datasets.splits.by_time import split_by_time

    return split_by_time(read_table(pond / options["split_table"]), options["ratios"])


def batches(cfg: Any, count: int) -> list[dict]:
    stream = iter(Runner.build_dataloader(cfg.train_dataloader, seed=0))
    return [next(stream) for _ in range(count)]


def test_half_of_every_batch_has_no_label_at_all(options):
    for batch in batches(read_config(DISTILLED, options), 5):
        empty = [bool((s.gt_sem_seg.data == 255).all()) for s in batch["data_samples"]]
        assert sum(empty) == 2
        assert {tuple(s.gt_sem_seg.data.shape) for s in batch["data_samples"]} == {
            (1, 48, 56)
        }


def test_unlabelled_pixels_enter_the_distillation_loss_alone(options):
    cfg = read_config(DISTILLED, options | {"model.distill_loss.modulate": "none"})
    model = MODELS.build(cfg.model).eval()  # batch norm treats each frame separately
    (batch,) = batches(cfg, 1)
    kinds = [bool((s.gt_sem_seg.data == 255).all()) for s in batch["data_samples"]]

    def losses(keep: list[bool]) -> dict[str, torch.Tensor]:
        chosen = {
            key: [value for value, kept in zip(values, keep, strict=True) if kept]
            for key, values in batch.items()
        }
        return model(**model.data_preprocessor(chosen, True), mode="loss")

    whole, without = losses([True] * 4), losses(kinds)
    labelled = losses([not kind for kind in kinds])
    torch.testing.assert_close(whole["label"], labelled["label"])
    assert without["label"].item() == 0
    mean = (without["distill"] + labelled["distill"]) / 2
    torch.testing.assert_close(whole["distill"], mean)
    assert without["loss_distill"] > 0


@pytest.mark.slow
def test_training_from_a_cache_of_both(options, tmp_path):
    options = options | {
        "teacher_cache.dir": str(tmp_path / "cache"),
        "teacher_cache.views": 2,
    }
    build_teacher_cache(DISTILLED, cfg_options=options)
    use_teacher_cache(read_config(DISTILLED, options))
    work_dir = train(DISTILLED, tmp_path / "run", cfg_options=options)
    assert (work_dir / "iter_2.pth").is_file()


def test_share_without_unlabelled_frames_is_refused(options, tmp_path):
    changed = options | {f"{FRAMES}.unlabelled": "skip"}
    with pytest.raises(ValueError, match="unlabelled='include'"):
        train(DISTILLED, tmp_path, cfg_options=changed)


@pytest.mark.parametrize(("batch", "modulate"), [(1, "kd"), (1, "both"), (1, "none")])
def test_batches_without_labels_are_refused_where_m_is_zero(options, batch, modulate):
    cfg = read_config(
        DISTILLED,
        options
        | {
            "train_dataloader.batch_size": batch,
            "model.distill_loss.modulate": modulate,
        },
    )
    if modulate == "none":
        check_training(cfg)
        return
    with pytest.raises(ValueError, match=r"leaves some batches of 1 without a label"):
        check_training(cfg)
    if modulate == "kd":
        cfg.model.distill_loss.student_error = {}  # needs no labels
        check_training(cfg)

"""A plain config of MMSegmentation, of photos without time, in training and testing."""

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.records.train_frames import read_train_frames
from mmseg_splashkd.runs.describe import describe
from mmseg_splashkd.runs.needed_hooks import add_needed_hooks
from mmseg_splashkd.runs.test import evaluate
from tests.photos import write_config

WEIGHTS = "weights_*_last.safetensors"
DICE = {"test_evaluator": [{"type": "DiceMetric"}]}


def test_a_run_leaves_what_every_tool_reads(photo_run, photos):
    record, trained = read_record(photo_run), read_train_frames(photo_run)
    assert record is not None
    assert (record.status, record.iteration, record.fold) == ("finished", 2, None)
    assert record.data.root == str(photos)
    assert record.data.frames == {"train": 8, "val": 4, "test": None}
    assert trained == [f"{photos}/img_dir/train/leaf_{n}.jpg" for n in range(8)]
    scores = load_scores(photo_run / "scores" / "val_best.npz")
    names = [f"leaf_{number}.jpg" for number in (10, 11, 8, 9)]
    assert [frame.rpartition("/")[2] for frame in scores.frames] == names
    assert scores.timestamps.tolist() == [-1] * 4
    assert (scores.classes, scores.focus) == (("ground", "stone", "leaf"), "leaf")
    assert list(photo_run.glob(WEIGHTS))


def test_a_test_writes_gray_predictions_by_the_classes(photo_run, tmp_path):
    config = photo_run.parent / "photos.py"
    out = tmp_path / "out"
    options = {"out": out, "out_coding": "gray", "cfg_options": DICE}
    metrics = evaluate(config, photo_run / WEIGHTS, tmp_path, **options)
    assert metrics["mIoU"] == pytest.approx(load_iou(tmp_path))
    names = sorted(path.name for path in out.rglob("*.png"))
    assert names == [f"leaf_{number}.png" for number in (10, 11, 8, 9)]
    for path in out.rglob("*.png"):
        with Image.open(path) as picture:
            assert set(np.unique(np.asarray(picture))) <= {0, 1, 2}


def load_iou(work_dir) -> float:
    """Mean IoU in percent of the pooled counts of a test."""
    counts = load_scores(work_dir / "scores.npz").confusion.sum(0).astype(float)
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    return 100 * float(np.mean(counts.diagonal() / union))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"out": "out"},
            "--out needs a DiceMetric in test_evaluator, which writes the pred",
        ),
        ({"tta": True}, "--tta needs the key tta_pipeline in the config"),
    ],
)
def test_what_a_plain_config_lacks_is_named(photo_run, tmp_path, options, message):
    config = photo_run.parent / "photos.py"
    with pytest.raises(ValueError, match=message):
        evaluate(config, photo_run / WEIGHTS, tmp_path, **options)


def test_a_config_without_a_test_part_says_what_to_add(photos, tmp_path):
    without = "test_dataloader = test_evaluator = None\n"
    config = write_config(tmp_path / "photos.py", photos, without)
    message = "has no test_dataloader and no test_evaluator: a test needs"
    with pytest.raises(ValueError, match=message):
        evaluate(config, "weights.pth", tmp_path)


def hooks_of(**keys) -> list[str]:
    cfg = Config({"model": {"type": "EncoderDecoder"}, **keys})
    add_needed_hooks(cfg)
    return [hook["type"] for hook in cfg.get("custom_hooks") or ()]


BOTH = ["FrameScoresHook", "ExportWeightsHook"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, BOTH),
        ({"custom_hooks": None}, BOTH),
        ({"custom_hooks": [{"type": "mmseg.FrameScoresHook"}]}, None),
        ({"default_hooks": {"checkpoint": {"save_best": ["mIoU", "aAcc"]}}}, BOTH[:1]),
        ({"default_hooks": {"checkpoint": {"save_best": ["mIoU"]}}}, BOTH),
        ({"default_hooks": {"checkpoint": None}}, BOTH),
        ({"model": {"type": "DepthEstimator"}}, BOTH[1:]),
    ],
    ids=["none", "null", "own", "two best", "one best", "no checkpoint", "depth"],
)
def test_only_hooks_that_a_config_lacks_are_added(keys, expected):
    own = ["mmseg.FrameScoresHook", "ExportWeightsHook"]
    assert hooks_of(**keys) == (own if expected is None else expected)


def test_a_run_by_epochs_is_described(photo_run):
    cfg = read_config(photo_run.parent / "photos.py")
    cfg.train_cfg = {"type": "EpochBasedTrainLoop", "max_epochs": 3}
    record, _ = describe(cfg, "photos.py", {})
    assert record.iterations is None  # known once the loader is built

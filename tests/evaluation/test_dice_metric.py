import math

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample
from PIL import Image
from torchmetrics.functional.classification import (
    multiclass_f1_score,
    multiclass_jaccard_index,
)

from mmseg_splashkd.evaluation import DiceMetric
from tests.evaluation.helpers import data_sample, random_frames

WATER, FOAM = [16, 42, 67], [255, 196, 0]

ZEROS, ONES = torch.zeros(2, 2).long(), torch.ones(2, 2).long()


def _metric(classes=("water", "splash"), **kwargs):
    metric = METRICS.build(dict(type="DiceMetric", **kwargs))
    assert isinstance(metric, DiceMetric)
    metric.dataset_meta = {"classes": classes}
    return metric


def test_agrees_with_torchmetrics_over_frames():
    frames = random_frames(6, num_classes=3)
    classes = ("water", "net", "splash")
    metric = _metric(classes=classes)
    metric.process({}, frames[:4])
    metric.process({}, frames[4:])
    actual = metric.evaluate(size=6)

    pred = torch.stack([frame["pred_sem_seg"]["data"][0] for frame in frames])
    label = torch.stack([frame["gt_sem_seg"]["data"][0] for frame in frames])
    iou = multiclass_jaccard_index(pred, label, 3, average=None, ignore_index=255)
    dice = multiclass_f1_score(pred, label, 3, average=None, ignore_index=255)
    by_frame = multiclass_f1_score(
        pred, label, 3, "none", multidim_average="samplewise", ignore_index=255
    )
    expected = {"mIoU": iou.mean(), "mDice": dice.mean(), "mFrameDice": by_frame.mean()}
    for index, name in enumerate(classes):
        expected[f"IoU.{name}"] = iou[index]
        expected[f"Dice.{name}"] = dice[index]
        expected[f"FrameDice.{name}"] = by_frame[:, index].mean()
    for name, fraction in expected.items():
        assert actual[name] / 100 == pytest.approx(fraction.item(), abs=1e-6), name


def test_by_hand():
    splash = torch.tensor([[1, 0], [0, 0]])
    two = torch.tensor([[1, 1], [0, 0]])
    metric = _metric()
    metric.process({}, [data_sample(splash, pred=two), data_sample(ZEROS, pred=ZEROS)])
    expected = {
        "mIoU": 100 * (6 / 7 + 1 / 2) / 2,
        "mDice": 100 * (12 / 13 + 2 / 3) / 2,
        "mAcc": 100 * (6 / 7 + 1) / 2,
        "aAcc": 100 * 7 / 8,
        "mFrameDice": 100 * ((4 / 5 + 1) / 2 + 2 / 3) / 2,
        "IoU.water": 100 * 6 / 7,
        "IoU.splash": 100 / 2,
        "Dice.water": 100 * 12 / 13,
        "Dice.splash": 100 * 2 / 3,
        "Acc.water": 100 * 6 / 7,
        "Acc.splash": 100,
        "FrameDice.water": 100 * (4 / 5 + 1) / 2,
        "FrameDice.splash": 100 * 2 / 3,
    }
    actual = metric.evaluate(size=2)
    assert actual == pytest.approx(expected, abs=1e-12)
    assert all(type(value) is float for value in actual.values())
    assert not metric.results


def test_class_that_no_frame_has_is_nan():
    metric = _metric()
    metric.process({}, [data_sample(ZEROS, pred=ZEROS)])
    actual = metric.evaluate(size=1)
    assert math.isnan(actual["Dice.splash"])
    assert math.isnan(actual["FrameDice.splash"])
    assert actual["mDice"] == actual["mFrameDice"] == actual["mIoU"] == 100


def test_ignore_index_and_prefix():
    metric = _metric(ignore_index=1, prefix="farm_b")
    metric.process({}, [data_sample(torch.tensor([[0, 1]]), torch.tensor([[0, 0]]))])
    assert metric.evaluate(size=1)["farm_b/aAcc"] == 100


def test_reads_data_samples_of_mmseg_even_of_one_pixel():
    sample = SegDataSample(
        pred_sem_seg=PixelData(data=torch.ones(1, 1, 1).long()),
        gt_sem_seg=PixelData(data=torch.ones(1, 1, 1).long()),
    )
    metric = _metric()
    metric.process({}, [sample.to_dict()])
    assert metric.evaluate(size=1)["IoU.splash"] == 100


def test_writes_predictions_by_stem(tmp_path):
    pred = torch.tensor([[0, 1, 1], [1, 0, 0]])
    metric = _metric(output_dir=str(tmp_path / "predictions" / "run"))
    metric.process({}, [data_sample(pred, pred, img_path="frames/0501_003.v2.jpg")])
    [path] = (tmp_path / "predictions" / "run").iterdir()
    assert path.name == "0501_003.v2.png"
    with Image.open(path) as image:
        assert image.mode == "L"
        assert np.asarray(image).tolist() == pred.tolist()


@pytest.mark.parametrize(
    ("coding", "mode", "pixels"),
    [
        ("gray", "L", [[0, 255, 255], [255, 0, 0]]),
        ("colour", "RGB", [[WATER, FOAM, FOAM], [FOAM, WATER, WATER]]),
    ],
)
def test_writes_predictions_in_the_coding_of_the_data_set(
    tmp_path, coding, mode, pixels
):
    pred = torch.tensor([[0, 1, 1], [1, 0, 0]])
    metric = _metric(
        output_dir=str(tmp_path), output_coding=coding, label_coding="splash"
    )
    metric.process({}, [data_sample(pred, pred, img_path="frames/1.png")])
    with Image.open(tmp_path / "1.png") as image:
        assert image.mode == mode
        assert np.asarray(image).tolist() == pixels


def test_unfit_coding_is_refused():
    with pytest.raises(ValueError, match="output_coding='rgb' is not one of"):
        _metric(output_coding="rgb", label_coding="splash")
    with pytest.raises(ValueError, match="output_coding='gray' needs label_coding"):
        _metric(output_coding="gray")


def test_logs_a_rounded_table(monkeypatch):
    logged = []
    monkeypatch.setattr(
        MMLogger.get_current_instance(),
        "log",
        lambda level, message, *args: logged.append(message),
    )
    metric = _metric()
    metric.process({}, [data_sample(torch.tensor([[0, 0, 1]]), torch.ones(1, 3))])
    metric.evaluate(size=1)
    row = [cell.strip() for cell in logged[-1].split("\n")[-2].split("|")[1:-1]]
    assert row == ["splash", "33.33", "50.00", "100.00", "50.00"]


def test_no_frames_are_refused():
    with pytest.raises(ValueError, match="results is empty"):
        _metric().evaluate(size=1)


def test_missing_classes_are_named():
    with pytest.raises(ValueError, match="dataset_meta is None"):
        DiceMetric().process({}, [data_sample(ZEROS, pred=ZEROS)])

from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import EVALUATOR
from mmseg.structures import SegDataSample

from mmseg_splashkd.evaluation import OperatingPointEvaluator
from mmseg_splashkd.evaluation.operating_point.evaluator import decide
from tests.evaluation.helpers import random_frames


def data_samples(num_classes: int) -> list[Any]:
    return [
        SegDataSample(
            gt_sem_seg=PixelData(data=frame["gt_sem_seg"]["data"]),
            pred_sem_seg=PixelData(data=frame["pred_sem_seg"]["data"]),
            seg_logits=PixelData(data=frame["seg_logits"]["data"]),
        )
        for frame in random_frames(4, num_classes)
    ]


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_the_class_where_likely_enough_else_the_best_other(threshold):
    for sample in data_samples(4):
        logits = sample.seg_logits.data
        found = decide(logits, 2, threshold)
        likely = torch.softmax(logits, 0)
        for v, u in np.ndindex(*found.shape):
            others = {c: float(likely[c, v, u]) for c in (0, 1, 3)}
            best_other = max(others, key=others.__getitem__)
            expected = 2 if likely[2, v, u] >= threshold else best_other
            assert found[v, u] == expected


def test_a_half_of_two_classes_is_the_argmax():
    for sample in data_samples(2):
        logits = sample.seg_logits.data
        assert torch.equal(decide(logits, 1, 0.5), logits.argmax(0))
        assert torch.equal(decide(logits, 0, 0.5), logits.argmax(0))
    assert decide(torch.zeros(2, 1, 1), 1, 0.5).item() == 1  # a tie


@pytest.mark.parametrize("class_id", [0, 1])
def test_one_sigmoid_decides_between_two_classes(class_id):
    likely = torch.tensor([[[0.0, 0.2, 0.7, 1.0]]])  # of class 1, as mmseg outputs it
    of_class = likely[0] if class_id == 1 else 1 - likely[0]
    for threshold in (0.1, 0.25, 0.5, 1.0):
        found = decide(likely, class_id, threshold)
        assert torch.equal(found == class_id, of_class >= threshold)
        assert set(found.flatten().tolist()) <= {0, 1}


def test_metrics_read_the_decision():
    evaluator = EVALUATOR.build(
        {
            "type": "OperatingPointEvaluator",
            "threshold": 0.2,
            "metrics": {"type": "DiceMetric"},
            "focus_class": "net",
        }
    )
    evaluator.dataset_meta = {"classes": ("water", "net", "splash")}
    samples = data_samples(3)
    evaluator.process(samples)
    pixels = torch.zeros(3)
    for sample in samples:
        likely = sample.seg_logits.data.softmax(0)[1] >= 0.2
        assert torch.equal(sample.pred_sem_seg.data[0] == 1, likely)
        label = sample.gt_sem_seg.data[0]
        true = label == 1
        valid = label != 255
        pixels += torch.tensor(
            [(likely & true).sum(), (likely & valid).sum(), true.sum()]
        )
    dice = 2 * pixels[0] / (pixels[1] + pixels[2])
    assert evaluator.evaluate(4)["Dice.net"] == pytest.approx(100 * dice.item())


def test_a_model_without_logits_has_no_threshold():
    evaluator = OperatingPointEvaluator({"type": "DiceMetric"}, threshold=0.5)
    evaluator.dataset_meta = {"classes": ("water", "splash")}
    (sample, *_) = data_samples(2)
    del sample.seg_logits
    with pytest.raises(ValueError, match="a threshold needs the logits"):
        evaluator.process([sample])
    with pytest.raises(ValueError, match=r"threshold=0 lies outside"):
        OperatingPointEvaluator({"type": "DiceMetric"}, threshold=0)

import math

import numpy as np
import pytest
import torch
from mmseg.registry import METRICS

from mmseg_splashkd.evaluation import CrossEntropyMetric
from mmseg_splashkd.evaluation.cross_entropy_metric import frame_cross_entropy
from tests.evaluation.helpers import data_sample, random_frames


def _numpy_pixels(frame, ignore_index=255):
    """Cross-entropy of each valid pixel, in float64."""
    logits = frame["seg_logits"]["data"].double().numpy()
    label = frame["gt_sem_seg"]["data"][0].numpy()
    row, column = np.nonzero(label != ignore_index)
    log_sum = np.log(np.exp(logits).sum(0))
    return log_sum[row, column] - logits[label[row, column], row, column]


def _evaluate(frames, **kwargs):
    metric = METRICS.build(dict(type="CrossEntropyMetric", **kwargs))
    metric.process({}, frames)
    return metric.evaluate(size=len(frames))["cross_entropy"]


@pytest.mark.parametrize("num_classes", [2, 15])
def test_agrees_with_numpy_over_all_pixels(num_classes):
    frames = random_frames(5, num_classes)
    pixels = [_numpy_pixels(frame) for frame in frames]
    expected = np.concatenate(pixels).mean()
    # Frames differ in valid pixels: a mean of frame means would be another number.
    assert abs(np.mean([frame.mean() for frame in pixels]) - expected) > 1e-2
    actual = _evaluate(frames)
    assert type(actual) is float
    assert actual == pytest.approx(expected, abs=1e-6)


def test_by_hand():
    logits = torch.tensor([[[0.0, 5.0]], [[math.log(3), 0.0]]])
    frame = data_sample(torch.tensor([[1, 255]]), logits=logits)
    assert _evaluate([frame]) == pytest.approx(math.log(4 / 3), abs=1e-7)


def test_ignore_index():
    [frame] = random_frames(1, 3)
    expected = _numpy_pixels(frame, ignore_index=0).mean()
    assert _evaluate([frame], ignore_index=0) == pytest.approx(expected, abs=1e-6)


def test_half_precision_logits_are_not_softmaxed_in_half():
    logits = torch.tensor([[[1.0]], [[0.0]]])
    row = frame_cross_entropy(logits.half(), torch.zeros(1, 1))
    assert row.dtype == torch.float64
    assert row[0].item() == pytest.approx(math.log1p(math.exp(-1)), rel=1e-6)


def test_sum_is_accumulated_in_float64():
    logits = torch.zeros(2, 2049, 2049)
    total, count = frame_cross_entropy(logits, torch.zeros(2049, 2049))
    assert count.item() == 2049**2
    one = torch.tensor(2.0).log().double()
    assert total.item() == pytest.approx((one * 2049**2).item(), rel=1e-13)


def test_all_ignored_is_nan():
    frame = data_sample(torch.full((2, 2), 255), logits=torch.zeros(2, 2, 2))
    assert math.isnan(_evaluate([frame]))


def test_a_frame_without_valid_pixels_weighs_nothing():
    [frame] = random_frames(1, 2)
    empty = data_sample(torch.full((2, 2), 255), logits=torch.ones(2, 2, 2))
    assert _evaluate([frame, empty]) == _evaluate([frame])


def test_missing_logits_are_explained():
    label = torch.zeros(2, 2).long()
    with pytest.raises(ValueError, match=r"lack 'seg_logits'.*test-time augmentation"):
        CrossEntropyMetric().process({}, [data_sample(label, pred=label)])


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (torch.zeros(3, 2), r"label has shape \(3, 2\), the prediction \(2, 2\)"),
        (torch.full((2, 2), 2), r"label holds \[2\], outside \[0, 2\)"),
    ],
)
def test_wrong_frames_are_refused(label, message):
    with pytest.raises(ValueError, match=message):
        frame_cross_entropy(torch.zeros(2, 2, 2), label)


def test_no_frames_are_refused():
    with pytest.raises(ValueError, match="results is empty"):
        CrossEntropyMetric().evaluate(size=1)


def _one_logit(seed: int = 0) -> tuple[np.ndarray, torch.Tensor, dict]:
    """Logit in float64, label with ignored pixels, and the sample of the host."""
    generator = torch.Generator().manual_seed(seed)
    logit = 4 * torch.randn(1, 7, 9, generator=generator)
    label = torch.randint(2, (7, 9), generator=generator)
    label[:2] = 255
    # MMSegmentation stores the sigmoid of the one logit as ``seg_logits``.
    sample = data_sample(label, logits=logit.sigmoid())
    return logit[0].double().numpy(), label, sample


def test_one_logit_is_scored_by_the_binary_cross_entropy():
    cases = [_one_logit(seed) for seed in range(3)]
    nats = []
    for logit, label, _ in cases:
        z, y = logit[label != 255], label[label != 255].numpy()
        nats.append(np.logaddexp(0, np.where(y == 1, -z, z)))
    actual = _evaluate([sample for _, _, sample in cases])
    assert actual == pytest.approx(np.concatenate(nats).mean(), rel=1e-4)


def test_saturated_probabilities_stay_finite():
    probability = torch.tensor([[[1.0, 0.0, 1.0, 0.0]]])
    sample = data_sample(torch.tensor([[0, 1, 1, 0]]), logits=probability)
    largest = 24 * math.log(2), -math.log(torch.finfo(torch.float32).tiny)
    assert _evaluate([sample]) == pytest.approx(sum(largest) / 4, rel=1e-6)


def test_one_channel_that_is_no_probability_is_refused():
    sample = data_sample(torch.zeros(1, 2).long(), logits=torch.tensor([[[-3.0, 3.0]]]))
    with pytest.raises(ValueError, match=r"hold -3 to 3, outside \[0, 1\]: a model wi"):
        _evaluate([sample])

import pytest
import torch
from mmseg.evaluation import IoUMetric
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_f1_score,
    multiclass_jaccard_index,
)

from mmseg_splashkd.evaluation.areas import (
    frame_areas,
    frame_dice,
    scores,
    stack_frames,
)

NAN = float("nan")


def _random_case(num_classes, ignored, seed):
    generator = torch.Generator().manual_seed(seed)
    pred = torch.randint(num_classes, (37, 53), generator=generator)
    label = torch.randint(num_classes, (37, 53), generator=generator)
    label = torch.where(torch.rand(37, 53, generator=generator) < 0.4, pred, label)
    label[torch.rand(37, 53, generator=generator) < ignored] = 255
    return pred, label, num_classes


def _absent(pred_has_it):
    pred, label, _ = _random_case(3, 0.1, 7)
    label[label == 2] = 0
    if not pred_has_it:
        pred[pred == 2] = 0
    return pred, label, 3


ZEROS, ONES = torch.zeros(4, 5).long(), torch.ones(4, 5).long()
RANDOM = _random_case(4, 0.0, 4)[0]
CASES = {
    "two classes": _random_case(2, 0.0, 1),
    "two classes, ignored pixels": _random_case(2, 0.3, 2),
    "nineteen classes": _random_case(19, 0.2, 3),
    "class absent from truth and prediction": _absent(pred_has_it=False),
    "class absent from truth, predicted": _absent(pred_has_it=True),
    "one pixel": (torch.tensor([[1]]), torch.tensor([[1]]), 2),
    "perfect": (RANDOM, RANDOM, 4),
    "disjoint": (ZEROS, ONES, 2),
}
MMSEG_CASES = CASES | {
    "one class": (ZEROS, ZEROS, 1),
    "all ignored": (ZEROS, torch.full_like(ZEROS, 255), 2),
}


def _assert_close(actual, expected):
    torch.testing.assert_close(
        actual, expected.double(), atol=1e-6, rtol=0, equal_nan=True
    )


@pytest.mark.parametrize(("pred", "label", "num_classes"), CASES.values(), ids=CASES)
def test_scores_agree_with_torchmetrics(pred, label, num_classes):
    def oracle(function, average=None):
        return function(pred, label, num_classes, average=average, ignore_index=255)

    valid = label != 255
    classes = torch.arange(num_classes)
    in_truth = torch.isin(classes, label[valid])
    scored = in_truth | torch.isin(classes, pred[valid])
    # torchmetrics scores absent classes 0 one by one but leaves them out of its means.
    iou = oracle(multiclass_jaccard_index).where(scored, NAN)
    dice = oracle(multiclass_f1_score).where(scored, NAN)
    accuracy = oracle(multiclass_accuracy).where(in_truth, NAN)

    actual = scores(frame_areas(pred, label, num_classes))
    _assert_close(actual.iou, iou)
    _assert_close(actual.dice, dice)
    _assert_close(actual.accuracy, accuracy)
    _assert_close(actual.pixel_accuracy, oracle(multiclass_accuracy, "micro"))
    _assert_close(actual.mean_iou, oracle(multiclass_jaccard_index, "macro"))
    _assert_close(actual.mean_dice, oracle(multiclass_f1_score, "macro"))
    # Its macro accuracy also averages the predicted classes that the truth lacks.
    _assert_close(actual.mean_accuracy, accuracy[in_truth].mean())


@pytest.mark.parametrize(
    ("pred", "label", "num_classes"), MMSEG_CASES.values(), ids=MMSEG_CASES
)
def test_scores_agree_with_mmseg_areas(pred, label, num_classes):
    areas = IoUMetric.intersect_and_union(pred, label, num_classes, 255)
    expected = IoUMetric.total_area_to_metrics(*areas, metrics=["mIoU", "mDice"])
    expected = {name: torch.as_tensor(value) for name, value in expected.items()}

    ours = frame_areas(pred, label, num_classes)
    assert torch.equal(ours, torch.stack([areas[0], areas[2], areas[3]]).long())
    actual = scores(ours)
    _assert_close(actual.iou, expected["IoU"])
    _assert_close(actual.dice, expected["Dice"])
    _assert_close(actual.accuracy, expected["Acc"])
    _assert_close(actual.pixel_accuracy, expected["aAcc"])
    _assert_close(actual.mean_iou, expected["IoU"].nanmean())
    _assert_close(actual.mean_dice, expected["Dice"].nanmean())
    _assert_close(actual.mean_accuracy, expected["Acc"].nanmean())


def test_by_hand():
    label = torch.tensor([[0, 0, 0, 1], [1, 2, 255, 255]])
    pred = torch.tensor([[0, 0, 1, 1], [3, 2, 0, 2]])
    areas = frame_areas(pred, label, 5)
    assert areas.dtype == torch.int64
    # Class 3 is predicted but not in the truth, class 4 in neither.
    assert areas.tolist() == [[2, 1, 1, 0, 0], [2, 2, 1, 1, 0], [3, 2, 1, 0, 0]]
    actual = scores(areas)
    _assert_close(actual.iou, torch.tensor([2 / 3, 1 / 3, 1, 0, NAN]))
    _assert_close(actual.dice, torch.tensor([4 / 5, 1 / 2, 1, 0, NAN]))
    _assert_close(actual.accuracy, torch.tensor([2 / 3, 1 / 2, 1, NAN, NAN]))
    assert actual.mean_iou == pytest.approx((2 / 3 + 1 / 3 + 1 + 0) / 4)
    assert actual.mean_dice == pytest.approx((4 / 5 + 1 / 2 + 1 + 0) / 4)
    assert actual.mean_accuracy == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert actual.pixel_accuracy == pytest.approx(4 / 6)


def test_all_ignored_scores_nan():
    actual = scores(frame_areas(ZEROS, torch.full_like(ZEROS, 255), 2))
    assert actual.mean_iou.isnan()
    assert actual.mean_accuracy.isnan()
    assert actual.pixel_accuracy.isnan()


def test_frame_dice_leaves_out_a_frame_without_the_class():
    empty = frame_areas(ZEROS, ZEROS, 2)
    false_alarm = frame_areas(ONES, ZEROS, 2)
    found = frame_areas(ONES, ONES, 2)
    dice = frame_dice(torch.stack([empty, false_alarm, found]))
    _assert_close(dice, torch.tensor([[1, NAN], [0, 0], [NAN, 1]]))
    assert dice.nanmean(0).tolist() == [0.5, 0.5]


def test_counts_are_exact_beyond_float32():
    areas = torch.tensor([[2**24 + 1], [2**24 + 1], [2**24 + 3]])
    assert scores(areas).iou.item() == (2**24 + 1) / (2**24 + 3)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.float32])
def test_any_dtype_of_class_ids(dtype):
    pred, label, num_classes = CASES["nineteen classes"]
    expected = frame_areas(pred, label, num_classes)
    assert torch.equal(
        frame_areas(pred.to(dtype), label.to(dtype), num_classes), expected
    )


def test_another_ignore_index():
    label = torch.tensor([[0, 1, 1]])
    areas = frame_areas(torch.tensor([[0, 1, 0]]), label, 2, ignore_index=0)
    assert areas.tolist() == [[0, 1], [1, 1], [0, 2]]


def test_pred_under_ignored_label_has_no_effect():
    pred, label = torch.tensor([[255, 1]]), torch.tensor([[255, 1]])
    assert frame_areas(pred, label, 2).tolist() == [[0, 1], [0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("pred", "label", "message"),
    [
        (ZEROS, ZEROS.T, r"label has shape \(5, 4\), the prediction \(4, 5\)"),
        (ZEROS, ZEROS + 7, r"label holds \[7\], outside \[0, 2\).*ignore_index=255"),
        (ZEROS, ZEROS - 1, r"label holds \[-1\]"),
        (ZEROS + 2, ZEROS, r"pred holds \[2\], outside \[0, 2\)"),
        (ZEROS - 1, ZEROS, r"pred holds \[-1\]"),
    ],
)
def test_wrong_frames_are_refused(pred, label, message):
    with pytest.raises(ValueError, match=message):
        frame_areas(pred, label, 2)


def test_no_frames_are_refused():
    with pytest.raises(ValueError, match="results is empty"):
        stack_frames([])

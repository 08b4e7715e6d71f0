import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve

from mmseg_splashkd.evaluation.operating_point import (
    average_precision,
    best_operating_point,
    point_at,
    threshold_curve,
)

BINS = 256


def drawn(frames: int = 3, pixels: int = 1500) -> tuple[np.ndarray, ...]:
    """Truth, probability on the edges of bins, and the histogram of each frame."""
    rng = np.random.default_rng(0)
    truth = rng.random((frames, pixels)) < 0.03
    score = rng.normal(-2 + 2.5 * truth)
    bins = np.floor(BINS / (1 + np.exp(-score))).astype(int)
    histogram = np.zeros((frames, 2, BINS), np.int64)
    for frame, (true, index) in enumerate(zip(truth, bins, strict=True)):
        np.add.at(histogram[frame], (true.astype(int), index), 1)
    return truth.ravel(), bins.ravel() / BINS, histogram


def counted(other: dict[int, int], of_class: dict[int, int]) -> np.ndarray:
    """A histogram of two classes from the counts of some bins."""
    histogram = np.zeros((2, BINS), np.int64)
    for row, counts in enumerate((other, of_class)):
        for index, count in counts.items():
            histogram[row, index] = count
    return histogram


def test_curve_agrees_with_scikit_learn():
    truth, probability, histogram = drawn()
    curve = threshold_curve(histogram)
    precision, recall, thresholds = precision_recall_curve(truth, probability)
    index = np.searchsorted(curve.thresholds, thresholds)
    assert np.array_equal(curve.thresholds[index], thresholds)
    assert len(thresholds) > 100
    assert curve.precision[index] == pytest.approx(precision[:-1], abs=1e-12)
    assert curve.recall[index] == pytest.approx(recall[:-1], abs=1e-12)
    for k in (1, 40, 128, 200):
        dice = f1_score(truth, probability >= k / BINS)
        assert curve.dice[k] == pytest.approx(dice, abs=1e-12)
    assert average_precision(curve) == pytest.approx(
        average_precision_score(truth, probability), abs=1e-12
    )


def test_best_point_is_that_of_a_search_over_all_thresholds():
    truth, probability, histogram = drawn()
    predictions = [probability >= k / BINS for k in range(1, BINS)]
    scores = [
        2 * (pred & truth).sum() / (pred.sum() + truth.sum()) for pred in predictions
    ]
    best = best_operating_point(threshold_curve(histogram))
    assert best is not None
    assert best.threshold == (1 + np.argmax(scores)) / BINS
    assert best.dice == pytest.approx(max(scores), abs=1e-12)
    assert best.dice_at_half == pytest.approx(scores[127], abs=1e-12)
    assert best.dice > best.dice_at_half + 0.01


def test_corners_by_hand():
    curve = threshold_curve(counted({10: 6, 200: 2}, {100: 1, 255: 3}))
    assert curve.true_pixels == 4
    assert curve.precision[0] == 4 / 12  # everything is predicted
    assert curve.recall[0] == 1
    assert curve.dice[0] == 2 * 4 / (12 + 4)
    assert (curve.precision[11], curve.recall[11]) == (4 / 6, 1)
    assert (curve.precision[101], curve.recall[101]) == (3 / 5, 3 / 4)
    assert (curve.precision[201], curve.recall[201]) == (1, 3 / 4)
    # Recall falls by 1/4 at 101 and by 3/4 after 255.
    area = 1 / 4 * 4 / 6 + 3 / 4 * 1
    assert average_precision(curve) == pytest.approx(area)


def test_nothing_predicted_has_no_precision():
    curve = threshold_curve(counted({10: 6}, {20: 2}))
    assert np.isnan(curve.precision[21:]).all()
    assert not curve.recall[21:].any()
    assert not curve.dice[21:].any()
    assert average_precision(curve) == 1


def test_of_equal_thresholds_the_nearest_to_half_is_taken():
    best = best_operating_point(threshold_curve(counted({10: 5}, {250: 5})))
    assert best is not None
    assert (best.threshold, best.dice) == (0.5, 1)
    best = best_operating_point(threshold_curve(counted({10: 5}, {60: 5})))
    assert best is not None
    assert best.threshold == 60 / BINS
    halves = counted({100: 2}, {100: 1, 156: 1})
    assert threshold_curve(halves).dice[[100, 101, 156]].tolist() == [2 / 3] * 3
    best = best_operating_point(threshold_curve(halves))
    assert best is not None
    assert best.threshold == 0.5


def test_of_two_as_near_the_higher_is_taken():
    histogram = counted({127: 3, 128: 3}, {127: 3, 129: 3})
    curve = threshold_curve(histogram)
    assert curve.dice[127] == curve.dice[129] == 2 / 3
    assert curve.dice[128] == 1 / 2
    best = best_operating_point(curve)
    assert best is not None
    assert best.threshold == 129 / BINS


def test_everywhere_is_no_operating_point():
    # A model that is wrong throughout: predicting the class everywhere is its best.
    curve = threshold_curve(counted({200: 1}, {0: 9}))
    assert curve.dice[0] > 0
    assert best_operating_point(curve) is None


def test_no_true_pixel_no_point():
    curve = threshold_curve(counted({10: 6}, {}))
    assert best_operating_point(curve) is None
    assert np.isnan(curve.recall).all()
    assert np.isnan(average_precision(curve))
    assert curve.dice[:11].tolist() == [0] * 11
    assert np.isnan(curve.dice[11:]).all()
    assert np.isnan(threshold_curve(counted({}, {})).dice).all()


def test_point_at_a_threshold_takes_the_edge_below():
    curve = threshold_curve(counted({10: 6, 200: 2}, {100: 1, 255: 3}))
    point = point_at(curve, 100.5 / BINS)
    assert (point.threshold, point.recall) == (100 / BINS, 1)
    assert point_at(curve, 1.0).threshold == 255 / BINS
    assert point_at(curve, 0.0).threshold == 0
    with pytest.raises(ValueError, match=r"threshold=1\.5 lies outside"):
        point_at(curve, 1.5)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="histogram has shape"):
        threshold_curve(np.zeros((3, BINS), np.int64))

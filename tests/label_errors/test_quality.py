import numpy as np
import pytest
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_normalized_margin_for_each_label
from cleanlab.segmentation.rank import get_label_quality_scores

from mmseg_splashkd.label_errors.quality import label_quality, softmin


def drawn(classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(classes), size=(12, 17))
    probability = probability.transpose(2, 0, 1)
    label = rng.integers(classes, size=(12, 17)).astype(np.uint8)
    return label, probability


def test_two_classes_are_scored_as_by_cleanlab():
    label, probability = drawn(2)
    found = label_quality(label, probability)
    frames, pixels = get_label_quality_scores(
        label[None].astype(int), probability[None], verbose=False
    )
    assert found.quality == pytest.approx(pixels[0])
    assert softmin(found.quality) == pytest.approx(frames[0])


@pytest.mark.parametrize("classes", [2, 4])
def test_margin_is_that_of_cleanlab(classes):
    label, probability = drawn(classes)
    expected = get_normalized_margin_for_each_label(
        label.ravel().astype(int), probability.reshape(classes, -1).T
    )
    assert (label_quality(label, probability).quality.ravel() == expected).all()


@pytest.mark.parametrize("classes", [2, 4])
def test_suspicious_pixels_are_those_of_cleanlabs_filter(classes):
    label, probability = drawn(classes)
    label[2:4] = 255
    found = label_quality(label, probability)
    valid = label != 255
    expected = find_label_issues(
        label[valid].astype(int),
        probability[:, valid].T,
        filter_by="predicted_neq_given",
    )
    assert np.array_equal(found.suspicious[valid], expected)
    assert expected.any()
    assert np.array_equal(found.predicted, probability.argmax(0))


def test_the_margin_of_several_classes_by_hand():
    probability = np.array([0.2, 0.5, 0.3]).reshape(3, 1, 1)
    for label, quality in ((0, 0.35), (1, 0.6), (2, 0.4)):
        found = label_quality(np.full((1, 1), label, np.uint8), probability)
        assert found.quality[0, 0] == pytest.approx(quality)
        assert found.suspicious[0, 0] == (label != 1)


def test_ignored_pixels_have_no_influence():
    label, probability = drawn(3)
    label[:, 5:9] = 255
    found = label_quality(label, probability)
    other = probability.copy()
    other[:, :, 5:9] = np.array([0, 0, 1]).reshape(3, 1, 1)
    assert np.isnan(found.quality[:, 5:9]).all()
    assert np.isfinite(found.quality[:, :5]).all()
    assert not found.suspicious[:, 5:9].any()
    assert softmin(label_quality(label, other).quality) == softmin(found.quality)


def test_a_frame_that_is_ignored_throughout_is_not_suspicious():
    found = label_quality(np.full((2, 2), 255, np.uint8), np.ones((2, 2, 2)) / 2)
    assert not found.suspicious.any()
    assert softmin(found.quality) == 1


def test_other_shapes_and_classes_are_refused():
    label, probability = drawn(2)
    with pytest.raises(ValueError, match=r"label has shape \(11, 17\)"):
        label_quality(label[1:], probability)
    label[0, 0] = 2
    with pytest.raises(ValueError, match=r"label holds \[2\], the model has 2 classes"):
        label_quality(label, probability)

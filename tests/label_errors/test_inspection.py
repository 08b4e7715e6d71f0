import numpy as np
import pytest
from cleanlab.filter import find_label_issues
from cleanlab.segmentation.rank import get_label_quality_scores

from mmseg_splashkd.label_errors.inspection import judge, softmin


def drawn(classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(classes), size=(12, 17))
    probability = probability.transpose(2, 0, 1)
    label = rng.integers(classes, size=(12, 17)).astype(np.uint8)
    return label, probability


def test_two_classes_are_scored_and_ranked_as_cleanlab_does_images():
    label, probability = drawn(2)
    verdict = judge(label, probability)
    frames, pixels = get_label_quality_scores(
        label[None].astype(int), probability[None], verbose=False
    )
    assert verdict.quality == pytest.approx(pixels[0])
    assert softmin(verdict.quality) == pytest.approx(frames[0])


@pytest.mark.parametrize("classes", [2, 4])
def test_suspicious_pixels_are_those_of_cleanlabs_filter(classes):
    label, probability = drawn(classes)
    label[2:4] = 255
    verdict = judge(label, probability)
    valid = label != 255
    expected = find_label_issues(
        label[valid].astype(int),
        probability[:, valid].T,
        filter_by="predicted_neq_given",
    )
    assert np.array_equal(verdict.suspicious[valid], expected)
    assert expected.any()
    assert np.array_equal(verdict.predicted, probability.argmax(0))


def test_the_margin_of_several_classes_by_hand():
    probability = np.array([0.2, 0.5, 0.3]).reshape(3, 1, 1)
    for label, quality in ((0, 0.35), (1, 0.6), (2, 0.4)):
        verdict = judge(np.full((1, 1), label, np.uint8), probability)
        assert verdict.quality[0, 0] == pytest.approx(quality)
        assert verdict.suspicious[0, 0] == (label != 1)


def test_ignored_pixels_count_nowhere():
    label, probability = drawn(3)
    label[:, 5:9] = 255
    verdict = judge(label, probability)
    other = probability.copy()
    other[:, :, 5:9] = np.array([0, 0, 1]).reshape(3, 1, 1)
    assert np.isnan(verdict.quality[:, 5:9]).all()
    assert np.isfinite(verdict.quality[:, :5]).all()
    assert not verdict.suspicious[:, 5:9].any()
    assert softmin(judge(label, other).quality) == softmin(verdict.quality)


def test_a_frame_that_is_ignored_throughout_is_not_suspicious():
    verdict = judge(np.full((2, 2), 255, np.uint8), np.ones((2, 2, 2)) / 2)
    assert not verdict.suspicious.any()
    assert softmin(verdict.quality) == 1


def test_what_does_not_fit_is_refused():
    label, probability = drawn(2)
    with pytest.raises(ValueError, match=r"label has shape \(11, 17\)"):
        judge(label[1:], probability)
    label[0, 0] = 2
    with pytest.raises(ValueError, match=r"label holds \[2\], the model has 2 classes"):
        judge(label, probability)


def test_without_cleanlab_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cleanlab.rank", None)
    with pytest.raises(ImportError, match=r"mmseg_splashkd\[labels\]"):
        judge(*drawn(2))

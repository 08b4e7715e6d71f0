import pytest

from mmseg_splashkd.evaluation.direction import falls


@pytest.mark.parametrize(
    "metric", ["cross_entropy", "val/cross_entropy", "loss", "ece"]
)
def test_errors_fall(metric):
    assert falls(metric)


@pytest.mark.parametrize(
    "metric", ["mIoU", "Dice.splash", "val/mDice", "IoU.lossy", "precision.closs"]
)
def test_scores_rise(metric):
    assert not falls(metric)

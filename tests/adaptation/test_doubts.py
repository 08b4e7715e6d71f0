"""Signs that speak against an adaptation, by hand."""

import numpy as np

from mmseg_splashkd.adaptation.doubts import doubts
from mmseg_splashkd.adaptation.signs import Signs

CLASSES = ("water", "splash")
SOURCE = (0.98, 0.02)
BEFORE = [0.01, 0.03, 0.02, 0.05]


def signs(shares: list[float], pixels: tuple[tuple[int, int], ...]) -> Signs:
    """Signs of frames with these shares of splash."""
    splash = np.array(shares)
    return Signs(
        frames=tuple(f"{i}.png" for i in range(len(shares))),
        shares=np.stack([1 - splash, splash], axis=1),
        entropy=np.zeros(len(shares)),
        sure=np.ones(len(shares)),
        pixels=np.array(pixels),
    )


GOOD = ((900, 10), (5, 60))


def found(after: list[float], pixels=GOOD, before=BEFORE, source=SOURCE) -> list[str]:
    own = signs(before, GOOD)
    return list(doubts(own, signs(after, pixels), source, CLASSES))


def test_small_changes_raise_no_doubt():
    assert found([0.02, 0.04, 0.01, 0.06]) == []


def test_a_class_that_vanishes_or_floods():
    (vanished,) = found([0.0, 0.012, 0.0, 0.0])
    assert "splash has 0.30% of the pixels on the target, 2.75% before" in vanished
    assert "2.00% in the labels of the source" in vanished
    (floods,) = found([0.2, 0.3, 0.1, 0.2])
    assert "splash has 20.00%" in floods


def test_a_share_that_comes_closer_to_the_source_is_none():
    assert found([0.2, 0.3, 0.1, 0.2], before=[0.4, 0.9, 0.6, 0.7]) == []


def test_classes_that_the_source_lacks_are_not_compared():
    assert found([0.2, 0.3, 0.1, 0.2], source=(1.0, 0.0)) == []


def test_a_share_that_no_longer_changes():
    (flat,) = found([0.020, 0.021, 0.020, 0.021])
    assert "hardly changes from frame to frame" in flat
    assert "0.05% of the pixels, 1.48% before" in flat


def test_predictions_that_hardly_overlap():
    (apart,) = found([0.02, 0.04, 0.01, 0.06], pixels=((900, 40), (40, 20)))
    assert "splash before and after overlap by 20% (IoU)" in apart
    never = ((900, 0), (0, 0))  # in neither: nothing to compare
    assert found([0.02, 0.04, 0.01, 0.06], pixels=never) == []

"""The threshold at which a student agrees with its teacher, by hand."""

import numpy as np
import pytest

from mmseg_splashkd.adaptation.agreed_threshold import agreement_histogram
from mmseg_splashkd.adaptation.signs import pairs_of
from mmseg_splashkd.evaluation.operating_point.stored import point_of_histogram
from tests.adaptation.test_signs import Given

ALONE = [{"inputs": [0]}, {"inputs": [1]}]
TEACHER = [0.30, 0.28, 0.10, 0.05], [0.20, 0.40, 0.10, 0.10]
STUDENT = [0.60, 0.55, 0.35, 0.10], [0.52, 0.70, 0.45, 0.20]
POINT = {"class": "splash", "threshold": 0.25}


@pytest.mark.parametrize("sigmoid", [False, True])
def test_the_threshold_is_that_of_agreement_with_decisions_of_the_teacher(sigmoid):
    teacher, student = (Given(*p, sigmoid=sigmoid) for p in (TEACHER, STUDENT))
    pairs = pairs_of(student, teacher, ALONE, None)
    counts = agreement_histogram(pairs, POINT, ("background", "splash"))
    # The teacher decides for splash three times, where the student says 0.60 to 0.70.
    assert counts.sum((0, 2)).tolist() == [5, 3]
    point = point_of_histogram(counts, "splash", 7)
    assert point is not None
    assert 0.52 < point["threshold"] <= 0.55
    assert (point["dice"], point["frames"], point["iteration"]) == (100, 2, 7)
    # At 1/2 the student would also take 0.52: 3 of 3 found, 3 of 4 right.
    np.testing.assert_allclose(point["dice_at_half"], 100 * 6 / 7)


def test_a_teacher_that_decides_for_nothing_gives_no_threshold():
    pairs = pairs_of(Given(*STUDENT), Given(*TEACHER), ALONE, None)
    counts = agreement_histogram(pairs, {**POINT, "threshold": 0.9}, ("b", "splash"))
    assert counts[:, 1].sum() == 0
    assert point_of_histogram(counts, "splash", 7) is None

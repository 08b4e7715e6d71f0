"""Masks are read back as what they were coded from."""

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.label_coding import LabelCoding
from mmseg_splashkd.datasets.mask_coding import MASK_CODINGS, code_mask, read_mask

COLOURS = [(0, 0, 0), (255, 196, 0), (0, 0, 255)]
LABELS = np.random.default_rng(0).integers(0, 3, (7, 5), np.uint8)


@pytest.mark.parametrize("kind", MASK_CODINGS)
@pytest.mark.parametrize("grays", [(0, 255, 100), (0, 255, 4000)], ids=["8", "16 bit"])
def test_a_mask_is_read_back(tmp_path, kind, grays):
    coding = LabelCoding("abc", COLOURS, dict(zip(grays, range(3), strict=True)))
    Image.fromarray(code_mask(LABELS, kind, coding)).save(tmp_path / "m.png")
    found = read_mask(tmp_path / "m.png", kind, coding)
    np.testing.assert_array_equal(found, LABELS)
    assert found.dtype == np.uint8


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((7, 5, 3), np.uint8), "one-channel"),
        (np.full((7, 5), 255, np.uint8), "outside the table: 255"),
    ],
)
def test_train_ids_that_somebody_has_spoilt_are_refused(tmp_path, pixels, words):
    coding = LabelCoding("abc", COLOURS, {0: 0, 1: 1, 2: 2})
    Image.fromarray(pixels).save(tmp_path / "m.png")
    with pytest.raises(ValueError, match=rf"m\.png: .*{words}"):
        read_mask(tmp_path / "m.png", "train_ids", coding)


def test_a_class_without_a_gray_value_is_refused():
    coding = LabelCoding("abc", COLOURS, {0: 0, 255: 1})
    with pytest.raises(ValueError, match=r"trainIds \[2\] have no gray value"):
        code_mask(LABELS, "gray", coding)

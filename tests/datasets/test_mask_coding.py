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


def test_a_class_without_a_gray_value_is_refused():
    coding = LabelCoding("abc", COLOURS, {0: 0, 255: 1})
    with pytest.raises(ValueError, match=r"trainIds \[2\] have no gray value"):
        code_mask(LABELS, "gray", coding)

from typing import Any

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets.transforms import CheckShapes


def sample(frame=(6, 8, 3), ori=(12, 16), dtype=np.uint8, **labels) -> dict[str, Any]:
    """Sample with current and original frame size, and labels."""
    drawn = {name: np.zeros(shape, dtype) for name, shape in labels.items()}
    about = {"img_path": "pond/17.png", "ori_shape": ori, "seg_fields": list(labels)}
    return {"img": np.zeros(frame, np.uint8), **about, **drawn}


def test_label_of_the_size_of_the_frame_passes_unchanged():
    results = sample(gt_seg_map=(6, 8), depth_map=(6, 8))
    before = dict(results)
    assert CheckShapes().transform(results) is results
    assert results == before


def test_label_of_the_size_of_the_file_passes_with_ori_shape():
    CheckShapes("ori_shape").transform(sample(gt_seg_map=(12, 16)))


@pytest.mark.parametrize("labels_at", ["img_shape", "ori_shape"])
def test_sample_without_labels_passes(labels_at):
    CheckShapes(labels_at).transform(sample())
    CheckShapes(labels_at).transform(
        {"img": np.zeros((4, 4), np.uint8), "ori_shape": (4, 4)}
    )


@pytest.mark.parametrize(
    ("labels_at", "size", "expected", "remedy"),
    [
        ("img_shape", (12, 16), (6, 8), "load labels before the first"),
        ("img_shape", (8, 6), (6, 8), "labels_at='ori_shape'"),
        ("img_shape", (6, 8, 1), (6, 8), "load labels before"),
        ("ori_shape", (6, 8), (12, 16), "load labels after the last"),
        ("ori_shape", (16, 12), (12, 16), "labels_at='img_shape'"),
    ],
)
def test_error_for_other_sizes_names_frame_shapes_and_remedy(
    labels_at, size: tuple, expected: tuple, remedy: str
):
    with pytest.raises(ValueError, match=remedy) as caught:
        CheckShapes(labels_at).transform(sample(gt_seg_map=size))
    for part in ("gt_seg_map", "pond/17.png", f"shape {size}", f"expected {expected}"):
        assert part in str(caught.value)


def test_every_field_is_checked():
    with pytest.raises(ValueError, match="depth_map of frame"):
        CheckShapes().transform(sample(gt_seg_map=(6, 8), depth_map=(6, 7)))


@pytest.mark.parametrize("dtype", [np.int64, np.float32, bool])
def test_label_must_be_8_bit(dtype: type):
    with pytest.raises(ValueError, match=f"dtype {np.dtype(dtype)}, expected .* uint8"):
        CheckShapes().transform(sample(dtype=dtype, gt_seg_map=(6, 8)))


def test_unknown_labels_at_is_refused():
    with pytest.raises(
        ValueError, match=r"labels_at must be one of .*, got 'pad_shape'"
    ):
        CheckShapes("pad_shape")  # type: ignore[arg-type]


def test_passes_after_transforms_of_mmseg():
    resize = {"type": "Resize", "scale": (10, 4), "keep_ratio": False}
    crop = {"type": "RandomCrop", "crop_size": (3, 5)}
    steps = [TRANSFORMS.build(step) for step in (resize, crop, {"type": "CheckShapes"})]
    Compose(steps)(sample(frame=(6, 8, 3), ori=(6, 8), gt_seg_map=(6, 8)))

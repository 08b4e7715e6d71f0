import random

import cv2
import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets.transforms import MedianBlur

RNG = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def medians(frame: np.ndarray, ksize: int) -> np.ndarray:
    """Median of each window by definition, with replicated borders."""
    half = ksize // 2
    border = np.array([(half, half), (half, half), (0, 0)])
    padded = np.pad(frame, border, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (ksize, ksize), (0, 1))
    return np.median(windows, axis=(-2, -1)).astype(np.uint8)


@pytest.mark.parametrize("ksize", [3, 5, 7, 11])
def test_each_pixel_is_the_median_of_its_window(ksize: int):
    frame = noise(14, 17, 3)
    blurred = MedianBlur(ksize).transform({"img": frame})["img"]
    np.testing.assert_array_equal(blurred, medians(frame, ksize))


def test_removes_specks_and_keeps_edges():
    frame = np.zeros((9, 12), np.uint8)
    frame[:, 6:] = 200
    specked = frame.copy()
    specked[4, 2] = 255
    blurred = MedianBlur(3).transform({"img": specked})["img"]
    np.testing.assert_array_equal(blurred, frame)


def test_labels_and_the_loaded_array_are_unchanged():
    frame, label = noise(8, 9, 3), noise(8, 9)
    kept, labels = frame.copy(), {"gt_seg_map": label.copy()}
    blurred = MedianBlur().transform({"img": frame[..., ::-1], **labels})
    np.testing.assert_array_equal(blurred["gt_seg_map"], label)
    np.testing.assert_array_equal(frame, kept)
    np.testing.assert_array_equal(blurred["img"], medians(frame[..., ::-1], 3))


@pytest.mark.parametrize(
    ("prob", "low", "high"), [(0, 0, 0), (0.3, 35, 85), (1, 200, 200)]
)
def test_prob_is_the_probability_of_filtering(prob: float, low: int, high: int):
    random.seed(0)
    frame, blur = noise(8, 9, 3), MedianBlur(prob=prob)
    results = [blur.transform({"img": frame})["img"] for _ in range(200)]
    assert low <= sum(result is not frame for result in results) <= high


@pytest.mark.parametrize("ksize", [0, 1, 2, 4, -3, 3.0, "3"])
def test_ksize_must_be_odd_and_at_least_3(ksize):
    with pytest.raises(ValueError, match=f"ksize must be an odd .*{ksize}"):
        MedianBlur(ksize)


@pytest.mark.parametrize("prob", [-0.1, 1.1])
def test_prob_out_of_range_is_refused(prob: float):
    with pytest.raises(ValueError, match=r"prob must lie in \[0, 1\]"):
        MedianBlur(prob=prob)


@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_frame_must_be_8_bit(dtype: type):
    with pytest.raises(ValueError, match=f"8-bit frame, got {np.dtype(dtype)}"):
        MedianBlur().transform({"img": np.zeros((4, 4, 3), dtype)})


def test_builds_from_a_config():
    built = TRANSFORMS.build({"type": "MedianBlur", "ksize": 5, "prob": 0.5})
    assert repr(built) == "MedianBlur(ksize=5, prob=0.5)"


def test_opencv_filters_large_windows_of_8_bits_only():
    """Reason for the check of the dtype."""
    with pytest.raises(cv2.error):
        cv2.medianBlur(np.zeros((9, 9), np.float32), 7)

"""A second file of a scene becomes further channels of its frame."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmcv.transforms import Compose, LoadImageFromFile
from mmseg.registry import TRANSFORMS

RNG = np.random.default_rng(0)
FRAME = RNG.integers(0, 256, (12, 16, 3), np.uint8)
DEPTH = RNG.integers(0, 65536, (12, 16), np.uint16)


def write(folder: Path, **files: np.ndarray) -> str:
    """Write one picture per folder; returns the path of the frame."""
    for name, pixels in files.items():
        (folder / name / "a").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name / "a" / "1.png"), pixels)
    return str(folder / "images" / "a" / "1.png")


def append(path: str, **changes) -> dict:
    steps = [LoadImageFromFile(), TRANSFORMS.build({"type": "AppendImage", **changes})]
    results = Compose(steps)({"img_path": path})
    assert isinstance(results, dict)
    return results


def test_16_bits_of_depth_keep_their_values_behind_the_colours(tmp_path):
    image = append(write(tmp_path, images=FRAME, depth=DEPTH))["img"]
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image[..., :3], FRAME)
    np.testing.assert_array_equal(image[..., 3], DEPTH)


def test_8_bits_stay_8_bits(tmp_path):
    path = write(tmp_path, images=FRAME, nir=FRAME[..., 0])
    image = append(path, folders=("images", "nir"))["img"]
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image[..., 3], FRAME[..., 0])


def test_flips_and_resizes_move_all_channels_alike(tmp_path):
    path = write(tmp_path, images=FRAME, depth=FRAME[..., 0])
    results = append(path)
    for config in (
        {"type": "Resize", "scale": (32, 20), "keep_ratio": False},
        {"type": "RandomFlip", "prob": 1.0},
    ):
        results = TRANSFORMS.build(config)(results)
    assert results["img"].shape == (20, 32, 4)
    np.testing.assert_array_equal(results["img"][..., 3], results["img"][..., 0])


@pytest.mark.parametrize(
    ("second", "changes", "message"),
    [
        (DEPTH[:6], {}, r"is 16x6 with 1 channels, expected 1 channels of .* 16x12"),
        (FRAME, {}, "is 16x12 with 3 channels, expected 1 channels"),
        (DEPTH, {"folders": ("rgb", "depth")}, "lies in no folder 'rgb'"),
        (DEPTH, {"suffix": ".tif"}, r"depth/a/1\.tif cannot be read"),
    ],
    ids=["size", "channels", "folder", "missing"],
)
def test_refuses_a_file_that_does_not_fit(tmp_path, second, changes, message):
    with pytest.raises(ValueError, match=message):
        append(write(tmp_path, images=FRAME, depth=second), **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folders": "images"}, "folders must be two names"),
        ({"channels": 0}, "channels must be an integer >= 1, got 0"),
    ],
    ids=["folders", "channels"],
)
def test_refuses_wrong_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        TRANSFORMS.build({"type": "AppendImage", **changes})

"""Corners and maps follow a frame through Resize and RandomFlip."""

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_splashkd.datasets.grasp_rectangle import Grasp
from mmseg_splashkd.datasets.synthetic import draw_grasps

RESIZE = {"type": "Resize", "scale": (128, 128), "keep_ratio": False}


def sample(tmp_path, *steps: dict) -> dict:
    """One frame of 64x64 with a grasp to the upper right, through some steps."""
    path = tmp_path / "a.txt"
    corners = Grasp((20.0, 40.0), 0.6, 24.0).corners()
    path.write_text("".join(f"{x} {y}\n" for x, y in corners))
    image = np.zeros((64, 64, 3), np.uint8)
    results = {"img": image, "grasp_path": str(path), "ori_shape": (64, 64)}
    results |= {"img_shape": (64, 64), "seg_fields": []}
    built = [TRANSFORMS.build(step) for step in (*steps, {"type": "LoadGraspMaps"})]
    changed = Compose(built)(results)
    assert isinstance(changed, dict)
    return changed


def flip(direction: str) -> dict:
    return {"type": "RandomFlip", "prob": 1.0, "direction": direction}


@pytest.mark.parametrize(
    ("direction", "axis", "signs"),
    [("horizontal", 2, (1, 1, -1, 1)), ("vertical", 1, (1, 1, -1, 1))],
)
def test_flipped_maps_turn_with_the_frame(tmp_path, direction, axis, signs):
    plain = sample(tmp_path)["gt_grasp_maps"]
    flipped = sample(tmp_path, flip(direction))["gt_grasp_maps"]
    expected = np.flip(plain, axis) * np.array(signs)[:, None, None]
    # A pixel of the border may round to the other side.
    assert np.mean(np.abs(flipped - expected) > 1e-5) < 0.005
    assert plain[2].max() > 0.5


def test_resized_corners_keep_the_centres_of_pixels(tmp_path):
    plain, large = sample(tmp_path), sample(tmp_path, RESIZE)
    np.testing.assert_allclose(large["grasps"], 2 * plain["grasps"] + 0.5)
    assert large["gt_grasp_maps"].shape == (4, 128, 128)
    assert large["gt_grasp_maps"][3].max() == pytest.approx(48 / 150, rel=1e-3)


def test_refuses_a_crop(tmp_path):
    crop = {"type": "RandomCrop", "crop_size": (32, 32)}
    with pytest.raises(ValueError, match="by other steps than Resize and RandomFlip"):
        sample(tmp_path, {"type": "CenterCrop", "crop_size": (32, 32)} | crop)


def test_refuses_a_diagonal_flip(tmp_path):
    with pytest.raises(ValueError, match="by other steps than Resize and RandomFlip"):
        sample(tmp_path, flip("diagonal"))


def test_the_data_set_packs_maps_and_corners(tmp_path):
    draw_grasps(tmp_path, train=1, val=1, size=64)
    steps = ("LoadImageFromFile", "AppendImage", "LoadGraspMaps", "PackGraspInputs")
    dataset = DATASETS.build(
        {
            "type": "GraspDataset",
            "data_root": str(tmp_path),
            "data_prefix": {"img_path": "images/train", "grasp_path": "grasps/train"},
            "pipeline": [{"type": step} for step in steps],
        }
    )
    packed = dataset[0]
    assert packed["inputs"].shape == (4, 64, 64)
    assert packed["inputs"][3].min() > 800
    assert packed["data_samples"].gt_depth_map.data.shape == (4, 64, 64)
    assert packed["data_samples"].grasps.shape[1:] == (4, 2)
    assert dataset.metainfo["classes"] == ("position", "cos", "sin", "width")


def test_an_image_of_inference_has_no_maps():
    image = np.zeros((64, 64, 3), np.uint8)
    results = {"img": image, "img_shape": (64, 64), "ori_shape": (64, 64)}
    steps = [{"type": "LoadGraspMaps"}, {"type": "PackGraspInputs"}]
    packed = Compose([TRANSFORMS.build(step) for step in steps])(results)
    assert isinstance(packed, dict)
    assert packed["inputs"].shape == (3, 64, 64)
    assert "gt_depth_map" not in packed["data_samples"]

import os
import random
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
from mmengine.config import ConfigDict
from mmengine.dataset import BaseDataset
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets.transforms import Albumentations, albumentations
from mmseg_splashkd.datasets.views import View, ViewDataset, seed_all, seeded
from tests.datasets.transforms.builders import IGNORE, VALUES, new_values, sample

GEOMETRIC: dict[str, dict] = {  # strong, so that many pixels are resampled
    "ElasticTransform": {"alpha": 120, "sigma": 6},
    "OpticalDistortion": {"distort_limit": (0.2, 0.9)},
    "GridDistortion": {"distort_limit": (-0.9, 0.9)},
    "Affine": {
        "rotate": (-40, 40),
        "translate_percent": (-0.3, 0.3),
        "scale": (0.5, 2),
    },
    "Perspective": {"scale": (0.1, 0.3), "fit_output": True},
    "Rotate": {"limit": (-90, 90)},
}
LOSSLESS: dict[str, dict] = {
    "RandomRotate90": {},
    "HorizontalFlip": {},
    "RandomGridShuffle": {},
    "RandomCrop": {"height": 30, "width": 40},
    "PadIfNeeded": {"min_height": 60, "min_width": 90},
}
PHOTOMETRIC = (
    "MotionBlur",
    "GaussianBlur",
    "GaussNoise",
    "CLAHE",
    "ColorJitter",
    "RandomBrightnessContrast",
    "RandomRain",
    "RandomFog",
    "RandomSnow",
)
GENTLE = [{"type": "HorizontalFlip"}, {"type": "GaussNoise"}, {"type": "Affine"}]


def one(name: str, **arguments) -> Any:
    """Pipeline step of one transform with probability 1."""
    return Albumentations([{"type": name, "p": 1.0, **arguments}])


def draws(transform: Any, times: int = 40) -> list[dict]:
    """Apply a transform to the same sample with different random states."""
    random.seed(0)
    return [transform(sample()) for _ in range(times)]


# Labels


@pytest.mark.parametrize("name", GEOMETRIC)
def test_labels_move_with_the_frame(name: str):
    """With equal resampling, the frame still equals its label afterwards."""
    shared = {"interpolation": cv2.INTER_NEAREST, "fill": [IGNORE] * 3}
    drawn = draws(one(name, **GEOMETRIC[name], **shared))
    for result in drawn:
        for channel in range(3):
            np.testing.assert_array_equal(
                result["img"][..., channel], result["gt_seg_map"]
            )
    assert any(IGNORE in result["gt_seg_map"] for result in drawn)
    assert len({result["gt_seg_map"].tobytes() for result in drawn}) > 5


@pytest.mark.parametrize("name", [*GEOMETRIC, *LOSSLESS])
def test_labels_are_never_interpolated(name: str):
    for result in draws(one(name, **(GEOMETRIC | LOSSLESS)[name])):
        assert new_values(result["gt_seg_map"]) == set()
        assert result["gt_seg_map"].dtype == np.uint8
        assert (
            result["img_shape"] == result["img"].shape[:2] == result["gt_seg_map"].shape
        )


@pytest.mark.parametrize("name", PHOTOMETRIC)
def test_photometric_transforms_do_not_change_labels(name: str):
    results = draws(one(name), times=10)
    for result in results:
        np.testing.assert_array_equal(result["gt_seg_map"], sample()["gt_seg_map"])
    assert any((result["img"] != sample()["img"]).any() for result in results)


@pytest.mark.parametrize("name", GEOMETRIC)
def test_the_tests_detect_bilinear_labels(name: str, monkeypatch):
    """Counter-check of the tests above."""
    monkeypatch.setattr(albumentations, "check_labels_kept", lambda transform: None)
    bilinear = one(name, mask_interpolation=cv2.INTER_LINEAR, **GEOMETRIC[name])
    assert any(new_values(result["gt_seg_map"]) for result in draws(bilinear, times=5))


def test_mmseg_albu_fills_labels_with_a_class():
    """Reason for a separate transform."""
    step = {"type": "Affine", "translate_percent": 0.3, "p": 1.0}
    albu = TRANSFORMS.build({"type": "Albu", "transforms": [step]})
    assert new_values(albu(sample())["gt_seg_map"]) == {0}


def test_all_fields_are_transformed_equally():
    results = sample() | {"second": sample()["gt_seg_map"].copy()}
    results["seg_fields"].append("second")
    drawn = one("ElasticTransform", **GEOMETRIC["ElasticTransform"])(results)
    np.testing.assert_array_equal(drawn["second"], drawn["gt_seg_map"])
    assert (drawn["second"] != sample()["gt_seg_map"]).any()


def test_other_keys_are_unchanged():
    about = {"img_path": "a.png", "mask": "kept", "label_map": {0: 0}, "image": 3}
    drawn = one("Affine")(sample() | about)
    assert about.items() <= drawn.items()


def test_sample_without_labels_passes():
    for results in ({"img": sample()["img"]}, sample() | {"seg_fields": []}):
        assert one("HorizontalFlip")(results)["img"].shape == (48, 64, 3)


def test_dropped_areas_are_ignored_unless_fill_mask_is_none():
    dropped = draws(one("CoarseDropout"), 1)[0]
    holes = dropped["gt_seg_map"] == IGNORE
    np.testing.assert_array_equal(holes, (dropped["img"] == 0).all(axis=2))
    kept = draws(one("CoarseDropout", fill_mask=None), 1)[0]
    np.testing.assert_array_equal(kept["gt_seg_map"], sample()["gt_seg_map"])


# Colours


def test_transforms_receive_rgb():
    blue = {"img": np.full((4, 4, 3), (255, 0, 0), np.uint8)}  # BGR
    gray = one("ToGray")(blue)["img"]
    np.testing.assert_array_equal(gray, np.full((4, 4, 3), 29))  # 0.114 of 255


def test_result_is_bgr():
    frame = np.zeros((4, 4, 3), np.uint8)
    still = {f"{band}_shift_limit": (0, 0) for band in "gb"}
    shifted = one("RGBShift", r_shift_limit=(20, 20), **still)({"img": frame})["img"]
    np.testing.assert_array_equal(shifted, np.full((4, 4, 3), (0, 0, 20)))


def test_frame_in_another_memory_order():
    frame = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    drawn = one("HorizontalFlip")({"img": frame[..., ::-1]})["img"]
    np.testing.assert_array_equal(drawn, frame[:, ::-1, ::-1])


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((4, 4, 1), np.uint8)]
)
def test_frame_must_be_8_bit_colour(frame: np.ndarray):
    with pytest.raises(ValueError, match=r"gets a frame of \(4, 4.*not \(H, W, 3\)"):
        one("HorizontalFlip")({"img": frame})


@pytest.mark.parametrize("name", ["Normalize", "ToFloat", "ToTensorV2"])
def test_frame_must_remain_8_bit_colour(name: str):
    with pytest.raises(ValueError, match=r"makes a frame of .*data_preprocessor"):
        one(name)(sample())


# Random state


class Frames(BaseDataset):
    """Four samples in memory."""

    METAINFO: ClassVar = {"classes": ("one", "three", "two hundred")}

    def load_data_list(self) -> list[dict]:
        return [sample(seed=seed) for seed in range(4)]


def frames(*transforms: dict) -> ViewDataset:
    step = {"type": "Albumentations", "transforms": list(transforms or GENTLE)}
    return ViewDataset(Frames(pipeline=[TRANSFORMS.build(step)]))


def pixels_of(results: dict) -> tuple[bytes, bytes]:
    return results["img"].tobytes(), results["gt_seg_map"].tobytes()


def test_a_view_does_not_depend_on_what_was_drawn_before():
    dataset, other = frames(), frames()
    views = [View(index, visit, 3) for index in range(4) for visit in range(4)]
    in_order = {view: pixels_of(dataset[view]) for view in views}
    for view in random.Random(0).sample(views, len(views)):
        random.random()
        other[View(0, 99, 7)]
        assert pixels_of(other[view]) == in_order[view]


def test_views_differ_by_index_visit_and_seed():
    dataset = frames({"type": "GaussNoise", "p": 1.0})
    views = [View(i, v, s) for i in range(4) for v in range(4) for s in range(4)]
    assert len({pixels_of(dataset[view]) for view in views}) == 64


@pytest.mark.parametrize("name", [*GEOMETRIC, *LOSSLESS, *PHOTOMETRIC])
def test_every_transform_is_determined_by_the_view(name: str):
    step = one(name, **(GEOMETRIC | LOSSLESS).get(name, {}))
    results = set()
    for _ in range(3):
        with seeded(1, 2, 3):
            results.add(pixels_of(step(sample())))
    assert len(results) == 1


def test_outer_random_state_is_used_outside_views():
    step: Any = Albumentations(GENTLE)
    results = []
    for seed in (5, 5, 6):
        seed_all(seed)
        results.append([pixels_of(step(sample())) for _ in range(5)])
    assert results[0] == results[1] != results[2]
    assert len(set(results[0])) > 1


def test_transforms_are_independent():
    """With equal generators, both flips would always be applied together."""
    flips = Albumentations([{"type": "HorizontalFlip"}, {"type": "VerticalFlip"}])
    plain = sample()["gt_seg_map"]
    results = [result["gt_seg_map"] for result in draws(flips, times=400)]
    for turned in (plain, plain[::-1], plain[:, ::-1], plain[::-1, ::-1]):
        share = np.mean([np.array_equal(result, turned) for result in results])
        assert 0.18 < share < 0.32


# Configs


def test_builds_from_a_config():
    sequence = {"type": "Sequential", "p": 1.0, "transforms": [{"type": "Affine"}]}
    choice = {"type": "OneOf", "transforms": [sequence, {"type": "ElasticTransform"}]}
    step = ConfigDict(type="Albumentations", transforms=[choice])
    built = TRANSFORMS.build(step)
    assert isinstance(built, Albumentations)
    assert "ElasticTransform" in repr(built)
    assert [leaf.fill_mask for leaf in albumentations.flatten(built.compose)] == [
        255
    ] * 2


def nest(config: dict) -> list[dict]:
    """Nest a transform in ``Sequential`` in ``OneOf``."""
    sequence = {"type": "Sequential", "transforms": [{"type": "CLAHE"}, config]}
    return [{"type": "OneOf", "transforms": [sequence, {"type": "CLAHE"}]}]


REFUSED = [
    (
        {"type": "ElasticTransfrom"},
        r"no transform 'ElasticTransfrom'.*ElasticTransform",
    ),
    ({"type": "Qqqqqq"}, "no transform 'Qqqqqq'.*none is similar"),
    ({"type": "np"}, "no transform 'np'"),
    ({"p": 0.5}, "no transform None"),
    ({"type": "Affine", "rotation": 3}, "cannot build Affine: .*'rotation'.*not valid"),
    ({"type": "HorizontalFlip", "prob": 1}, "cannot build HorizontalFlip: .*'prob'"),
    (
        {"type": "OneOf", "prob": 1, "transforms": [{"type": "VerticalFlip"}]},
        "cannot build OneOf: .*'prob'",
    ),
    ({"type": "MotionBlur", "p": 2}, "cannot build MotionBlur"),
    ({"type": "CLAHE", "clip_limit": "much"}, "cannot build CLAHE"),
    *(
        (
            {"type": name, "mask_interpolation": interpolation, **GEOMETRIC[name]},
            f"{name}: mask_interpolation={interpolation} would create new label values",
        )
        for name in ("ElasticTransform", "GridDistortion", "Affine", "Rotate")
        for interpolation in (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)
    ),
    ({"type": "Affine", "fill_mask": 0}, "Affine: fill_mask=0.* would label"),
    ({"type": "CoarseDropout", "fill_mask": 1}, "CoarseDropout: fill_mask=1.*255"),
    ({"type": "PixelDropout", "mask_drop_value": 0}, "mask_drop_value=0.* would label"),
]


@pytest.mark.parametrize("nested", [False, True], ids=["plain", "nested"])
@pytest.mark.parametrize(("config", "message"), REFUSED)
def test_invalid_configs_are_refused(config: dict, message: str, nested: bool):
    with pytest.raises(ValueError, match=message):
        Albumentations(nest(config) if nested else [config])


def test_interpolation_of_a_nested_compose_is_refused():
    compose = {"type": "Compose", "transforms": [{"type": "Affine"}]}
    Albumentations([compose])
    with pytest.raises(ValueError, match="mask_interpolation=1 would create new label"):
        Albumentations([compose | {"mask_interpolation": cv2.INTER_LINEAR}])


def test_config_is_unchanged():
    config = nest({"type": "Affine"})
    Albumentations(config)
    assert config == nest({"type": "Affine"})


# Versions


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ({}, "not installed"),
        ({"albumentationsx": "2.1.0"}, "not installed"),
        ({"albumentations": "1.4.24"}, "2.0.x is needed, 1.4.24 is"),
        ({"albumentations": "3.0.0"}, "2.0.x is needed, 3.0.0 is"),
        ({"albumentations": "2.0.8", "albumentationsx": "2.1.0"}, "installed over"),
    ],
)
def test_other_versions_are_refused(versions: dict, message: str, monkeypatch):
    monkeypatch.setattr(albumentations, "installed_version", versions.get)
    with pytest.raises(ImportError, match=message) as caught:
        one("Affine")
    assert "pip install -e '.[augment]'" in str(caught.value)


def test_version_is_that_of_the_distribution():
    assert str(albumentations.installed_version("albumentations")).startswith("2.0.")
    assert albumentations.installed_version("no-such-distribution") is None


def test_import_disables_the_update_check():
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"].lower() in {"1", "true"}


def test_values_of_the_builders_are_distinguishable():
    assert new_values(np.array([*VALUES, IGNORE])) == set()
    assert new_values(np.array([0, 2, 101, 3])) == {0, 2, 101}


@pytest.mark.parametrize("name", ["OneOf", "Sequential", "OneOrOther"])
def test_composition_without_transforms_is_refused(name: str):
    with pytest.raises(ValueError, match=f"{name} needs transforms, at least one"):
        Albumentations([{"type": name}])


def test_fill_per_channel_is_accepted():
    Albumentations([{"type": "Rotate", "fill_mask": [255]}])
    with pytest.raises(ValueError, match="would label areas without a label"):
        Albumentations([{"type": "Rotate", "fill_mask": [1]}])

"""Every base data set builds, and its pipelines never create label values."""

from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.config.variables import read_file
from mmseg_splashkd.datasets.label_coding import load_label_coding
from mmseg_splashkd.datasets.transforms import LoadGrayLabels, albumentations
from mmseg_splashkd.datasets.views import View, seeded
from tests.conftest import CONFIGS
from tests.datasets.builders import stamp, write_frame, write_table
from tests.datasets.transforms.builders import new_values, sample

FOLDER = CONFIGS / "_base_" / "datasets"
CODINGS = {
    "splash_1024": "splash",
    "splash_1024_median": "splash",
    "splash_few_labels": "splash",
    "farm_96x160": "splash",
    "ponds_few": "splash",
    "ponds_views": "splash",
    "camvid_128x160": "camvid",
    "pond_128x192": "splash",
    "scenes_15": "wildscenes",
    "trash_512": "trash",
}
AUGMENTED = ("scenes_15", "trash_512")
SIZE = (40, 30)  # width, height of the drawn files
SPLITS = ("train", "val", "test")


def read(name: str, root: Path) -> Config:
    """A base config that reads the drawn frames."""
    cfg = read_file(FOLDER / f"{name}.py")
    for split in SPLITS:
        part = part_of(cfg, split)
        part.data_root, part.split_table = str(root), "frames.csv"
        part.pop("embargo", None)  # the drawn table is split already
    return cfg


def part_of(cfg: Config, split: str) -> Any:
    dataset = cfg[f"{split}_dataloader"].dataset
    return dataset.get("dataset", dataset)


@pytest.fixture(params=CODINGS)
def name(request) -> str:
    return request.param


@pytest.fixture
def root(tmp_path: Path, name: str) -> Path:
    """Draw six frames per part, whose labels hold every second class."""
    coding = load_label_coding(CODINGS[name])
    grays = coding.to_gray(np.array(classes_of(name), np.uint8)[None])[0]
    rows = []
    for number in range(18):
        frame, label = (f"{kind}/{stamp(number)}.png" for kind in ("images", "labels"))
        write_frame(tmp_path / frame, number, SIZE)
        drawn = np.random.default_rng(number).choice(grays, SIZE[::-1])
        (tmp_path / label).parent.mkdir(exist_ok=True)
        Image.fromarray(drawn).save(tmp_path / label)
        rows.append(["cam", stamp(number), frame, label, SPLITS[number // 6]])
    header = ["recording", "timestamp", "frame", "label", "split"]
    write_table(tmp_path / "frames.csv", header, rows)
    return tmp_path


def classes_of(name: str) -> tuple[int, ...]:
    """Every second class, so that no class lies between two drawn ones."""
    return tuple(range(0, len(load_label_coding(CODINGS[name]).classes), 2))


def build(cfg: Config, split: str) -> Any:
    return DATASETS.build(cfg[f"{split}_dataloader"].dataset)


def test_every_base_data_set_is_tested():
    # Folders of others, pairs, maps in place of classes: tested with their models.
    others = {"camvid_240x320", "camvid_few", "camvid_views", "grasp_300"}
    others |= {"two_farms", "two_farms_pairs", "two_farms_taught"}
    others |= {"camvid_shift", "camvid_shift_pairs"}
    assert {path.stem for path in FOLDER.glob("*.py")} == {*CODINGS, *others}


def test_training_pipelines_give_views_with_labels(name: str, root: Path):
    cfg = read(name, root)
    dataset = build(cfg, "train")
    assert len(dataset) == 6
    assert len(dataset.metainfo["classes"]) == len(
        load_label_coding(CODINGS[name]).classes
    )
    classes, scale = classes_of(name), cfg.get("size")
    for index in range(4):
        packed = dataset[View(index, 0, 0)]
        labels = packed["data_samples"].gt_sem_seg.data
        assert tuple(packed["inputs"].shape) == (3, *scale[::-1])
        assert tuple(labels.shape) == (1, *scale[::-1])
        assert new_values(labels.numpy(), classes) == set()
        assert set(np.unique(labels)) & set(classes)


def test_test_pipelines_only_resize(name: str, root: Path):
    cfg = read(name, root)
    for split in ("val", "test"):
        packed = build(cfg, split)[0]
        assert tuple(packed["inputs"].shape) == (3, *cfg.size[::-1])
        sample = packed["data_samples"]
        label = load_label_coding(CODINGS[name]).to_train_ids(
            np.asarray(Image.open(sample.seg_map_path)), "label"
        )
        np.testing.assert_array_equal(sample.gt_sem_seg.data[0], label)


def test_test_time_augmentation_flips(name: str, root: Path):
    cfg = read(name, root)
    part_of(cfg, "val").pipeline = cfg.tta_pipeline
    packed = build(cfg, "val")[0]
    plain, flipped = packed["inputs"]
    np.testing.assert_array_equal(plain.numpy()[..., ::-1], flipped.numpy())


def test_views_are_functions_of_seed_frame_and_visit(name: str, root: Path):
    cfg = read(name, root)
    dataset, other = build(cfg, "train"), build(cfg, "train")
    views = [View(0, visit, 3) for visit in range(4)]
    looks = [look_of(dataset[view]) for view in views]
    assert [look_of(other[view]) for view in views[::-1]] == looks[::-1]
    assert len(set(looks)) > 2


def look_of(packed: dict) -> tuple[bytes, bytes]:
    label = packed["data_samples"].gt_sem_seg.data
    return packed["inputs"].numpy().tobytes(), label.numpy().tobytes()


@pytest.mark.parametrize("name", AUGMENTED, indirect=True)
@pytest.mark.parametrize(
    ("split", "place", "index"), [("train", -2, View(0, 0, 0)), ("val", 1, 0)]
)
def test_labels_loaded_at_the_wrong_step_are_refused(
    name: str, root: Path, split: str, place: int, index: View | int
):
    cfg = read(name, root)
    pipeline = part_of(cfg, split).pipeline
    loading = next(step for step in pipeline if is_a(step, LoadGrayLabels))
    pipeline.remove(loading)
    pipeline.insert(place, loading)
    dataset = build(cfg, split)
    with pytest.raises(RuntimeError, match=r"gt_seg_map of frame .*png has shape"):
        dataset[index]


def test_median_filters_the_files_in_every_pipeline():
    cfg = read_file(FOLDER / "splash_1024_median.py")
    plain = read_file(FOLDER / "splash_1024.py")
    pipelines = [part_of(cfg, split).pipeline for split in SPLITS]
    plains = [part_of(plain, split).pipeline for split in SPLITS]
    for steps, without in zip(
        [*pipelines, cfg.tta_pipeline], [*plains, plain.tta_pipeline], strict=True
    ):
        assert [step.type for step in steps[:2]] == ["LoadImageFromFile", "MedianBlur"]
        assert [steps[0], *steps[2:]] == list(without)


def test_augmentations_that_lowered_the_score_are_left_out():
    text = str(read_file(FOLDER / "trash_512.py").train_pipeline)
    helped = "RandomFlip RandomRotate90 MotionBlur GaussianBlur GaussNoise"
    for step in f"{helped} OpticalDistortion ElasticTransform".split():
        assert f"'{step}'" in text
    assert "Grid" not in text


# Labels are only ever resampled by nearest neighbour.

ALBUMENTATIONS: dict[str, dict] = {
    "MotionBlur": {},
    "GaussianBlur": {},
    "GaussNoise": {},
    "ElasticTransform": {"alpha": 120, "sigma": 6},
    "OpticalDistortion": {"distort_limit": 0.9},
    "GridDistortion": {"distort_limit": 0.9},
    "CLAHE": {},
    "RandomRotate90": {},
    "ColorJitter": {},
    "RandomRain": {},
    "RandomFog": {},
}
MMSEG_STEPS: dict[str, dict] = {
    "RandomRotate": {"prob": 1.0, "degree": 40},
    "Resize": {"scale": (37, 23), "keep_ratio": False},
    "RandomCrop": {"crop_size": (20, 30)},
    "RandomResize": {"scale": (37, 23), "ratio_range": (0.5, 2.0), "keep_ratio": True},
    "RandomFlip": {"prob": 0.5},
    "PhotoMetricDistortion": {},
    "MedianBlur": {},
}


def wrap(name: str, **arguments) -> dict:
    inner = {"type": name, "p": 1.0, **arguments}
    return {"type": "Albumentations", "transforms": [inner]}


def base_steps() -> list[dict]:
    """Every augmentation of the base pipelines, one at a time."""
    steps = []
    for name in CODINGS:
        for step in part_of(read_file(FOLDER / f"{name}.py"), "train").pipeline:
            if step.type not in (
                "LoadImageFromFile",
                "LoadGrayLabels",
                "PackSegInputs",
            ):
                steps.append(step.to_dict())
    return steps


STEPS = [
    *(wrap(name, **arguments) for name, arguments in ALBUMENTATIONS.items()),
    *({"type": name, **arguments} for name, arguments in MMSEG_STEPS.items()),
    *base_steps(),
]


def name_of(step: dict) -> str:
    inner = step.get("transforms", ())
    return "+".join([step["type"], *(part["type"] for part in inner)])


def created_by(step: dict, seeds: int = 25) -> set[int]:
    """New label values that a step creates, over many seeds."""
    transform: Any = TRANSFORMS.build(step)
    found: set[int] = set()
    for seed in range(seeds):
        with seeded(seed):
            drawn = transform(sample())
        assert drawn["gt_seg_map"].dtype == np.uint8
        assert drawn["gt_seg_map"].shape == drawn["img"].shape[:2]
        found |= new_values(drawn["gt_seg_map"])
    return found


@pytest.mark.parametrize("step", STEPS, ids=name_of)
def test_no_step_creates_label_values(step: dict):
    assert created_by(step) == set()


@pytest.mark.parametrize("name", ["ElasticTransform", "OpticalDistortion"])
def test_bilinear_distortion_of_labels_is_noticed(name: str, monkeypatch):
    monkeypatch.setattr(albumentations, "check_labels_kept", lambda transform: None)
    bilinear = {"mask_interpolation": cv2.INTER_LINEAR, **ALBUMENTATIONS[name]}
    assert created_by(wrap(name, **bilinear), seeds=3)


@pytest.mark.parametrize(
    ("name", "function"), [("Resize", "imresize"), ("RandomRotate", "imrotate")]
)
def test_bilinear_steps_of_mmsegmentation_are_noticed(
    name: str, function: str, monkeypatch
):
    plain = getattr(mmcv, function)

    def bilinear(*arguments, interpolation="", **more) -> np.ndarray:
        return plain(*arguments, interpolation="bilinear", **more)

    monkeypatch.setattr(mmcv, function, bilinear)
    assert created_by({"type": name, **MMSEG_STEPS[name]}, seeds=3)


def test_every_step_changes_frames():
    """Otherwise steps without effect would pass the tests above."""
    for step in STEPS:
        if step["type"] != "CheckShapes":
            assert changes(step), name_of(step)


def changes(step: dict) -> bool:
    transform: Any = TRANSFORMS.build(step)
    plain = sample()["img"]
    for seed in range(10):
        with seeded(seed):
            drawn = transform(sample())["img"]
        if drawn.shape != plain.shape or (drawn != plain).any():
            return True
    return False

"""Clips: which frames are around a frame, and how they are loaded and changed."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_splashkd.config.frames import listed_of
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.neighbours import ClipGap, find_around
from mmseg_splashkd.datasets.timestamps import NO_TIME, SECOND
from mmseg_splashkd.datasets.views import seed_cpu
from tests.datasets.builders import draw_frames, stamp


def frame(seconds: float, recording: str = "a") -> Frame:
    return Frame(recording, round(seconds * SECOND), f"{recording}/{seconds}.png")


def test_the_frames_around_are_those_just_before_and_after():
    frames = [frame(0), frame(2), frame(4.5), frame(0, "b"), frame(2, "b")]
    found = find_around(frames, [*frames, frame(1)], ClipGap(seconds=2))
    times = [[each and each.timestamp / SECOND for each in pair] for pair in found]
    assert times == [[None, 1], [1, None], [None, None], [None, 2], [0, None]]
    assert found[4].before is frames[3]


def test_frames_without_time_have_none_around():
    with pytest.raises(ValueError, match="clip=2 s needs the time of every frame"):
        find_around([Frame("a", NO_TIME, "a/1.png")], [], ClipGap(seconds=2))
    with pytest.raises(ValueError, match="clip must be a time above 0"):
        ClipGap(frames=2)


@pytest.fixture
def frames(tmp_path) -> Path:
    """Ten frames 5 s apart, of which the last five are the validation part."""
    draw_frames(tmp_path, [stamp(number) for number in range(10)])
    return tmp_path


def dataset(root: Path, **options: Any) -> Any:
    init_default_scope("mmseg")
    given = {"split": "train", "ratios": (0.5, 0.5, 0.0), "clip": "5s", "pipeline": []}
    return DATASETS.build(
        {"type": "TimeSplitDataset", "data_root": str(root), **given, **options}
    )


def names(paths: list[str]) -> list[str]:
    return [Path(path).stem for path in paths]


def test_samples_name_the_frames_around_in_their_own_part(frames):
    for split, first in (("train", 0), ("val", 5)):
        data = dataset(frames, split=split)
        clips = [names(data.get_data_info(index)["clip"]) for index in range(5)]
        own = [stamp(first + number) for number in range(5)]
        assert clips[0] == [own[0], own[1]]
        assert clips[2] == [own[1], own[3]]
        assert clips[4] == [own[3], own[4]]
    assert "clip" not in dataset(frames, clip=None).get_data_info(0)


def test_frames_without_a_label_are_read_and_listed(frames):
    labels = sorted((frames / "labels").iterdir())
    for number in (0, 2, 4):
        labels[number].unlink()
    data = dataset(frames, unlabelled="skip")
    assert len(data) == 2
    assert names(data.get_data_info(0)["clip"]) == [stamp(0), stamp(2)]
    leaf = {
        "type": "TimeSplitDataset",
        "data_root": str(frames),
        "split": "train",
        "ratios": (0.5, 0.5, 0.0),
        "unlabelled": "skip",
    }
    listed = listed_of({**leaf, "clip": "5s"})
    assert listed is not None
    assert len(listed) == 5  # a leak check sees what training reads
    alone = listed_of(leaf)
    assert alone is not None
    assert len(alone) == 2


def test_a_gap_below_the_interval_is_refused(frames):
    with pytest.raises(ValueError, match="clip=1 s: no frame of split 'train'"):
        dataset(frames, clip="1s")


def test_a_clip_and_a_neighbour_exclude_each_other(frames):
    with pytest.raises(ValueError, match=r"neighbour='5s' and clip='5s'.*one of them"):
        dataset(frames, neighbour="5s")


def test_clips_of_a_validation_part_add_no_frames_to_it(frames):
    sorted((frames / "labels").iterdir())[7].unlink()
    leaf = {
        "type": "TimeSplitDataset",
        "data_root": str(frames),
        "split": "val",
        "ratios": (0.5, 0.5, 0.0),
        "unlabelled": "skip",
    }
    alone, clips = listed_of(leaf), listed_of({**leaf, "clip": "5s"})
    assert alone == clips
    assert clips is not None
    assert len(clips) == 4


def write(folder: Path, values: list[int], shape=(4, 6)) -> list[str]:
    paths = []
    for number, value in enumerate(values):
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), np.full((*shape, 3), (value, value + 1, value + 2)))
        paths.append(str(path))
    return paths


def build(**config: Any) -> Any:
    return TRANSFORMS.build(config)


def test_a_clip_has_the_channels_of_its_frames(tmp_path):
    before, own, after = write(tmp_path, [10, 20, 30])
    load = build(type="LoadClip")
    found = load({"img_path": own, "clip": [before, after]})
    assert found["img"].shape == (4, 6, 9)
    assert found["img_shape"] == (4, 6)
    assert found["img_path"] == own
    assert found["img"][0, 0].tolist() == [20, 21, 22, 10, 11, 12, 30, 31, 32]
    alone: Any = LoadImageFromFile()({"img_path": own})
    np.testing.assert_array_equal(found["img"][..., :3], alone["img"])
    first = load({"img_path": own, "clip": [own, after]})
    assert first["img"][0, 0].tolist() == [20, 21, 22, 20, 21, 22, 30, 31, 32]
    again = load({"img_path": own, "clip": [before, after]})
    np.testing.assert_array_equal(again["img"], found["img"])  # from memory


def test_a_clip_needs_its_frames(tmp_path):
    own, other = write(tmp_path, [1, 2])
    load = build(type="LoadClip")
    with pytest.raises(ValueError, match="Set clip of TimeSplitDataset"):
        load({"img_path": own})
    (large,) = write(tmp_path / "..", [3], (5, 6))
    with pytest.raises(ValueError, match="a clip needs frames of one size"):
        load({"img_path": own, "clip": [other, large]})


def test_each_frame_is_distorted_alike():
    """Three equal frames stay equal, and are what one frame becomes."""
    rng = np.random.default_rng(0)
    one = rng.integers(0, 256, (8, 9, 3), np.uint8)
    distort = {"type": "PhotoMetricDistortion"}
    each = build(type="EachFrame", transforms=[{**distort, "_scope_": "mmseg"}])
    alone = build(**distort, _scope_="mmseg")
    changes = 0
    for seed in range(6):
        seed_cpu(seed)
        expected = alone({"img": one.copy()})["img"]
        after_one = np.random.random()  # noqa: NPY002 - mmcv's generator
        seed_cpu(seed)
        found = each({"img": np.concatenate([one] * 3, 2), "flip": True})
        np.testing.assert_array_equal(found["img"], np.concatenate([expected] * 3, 2))
        assert found["flip"] is True
        assert np.random.random() == after_one  # noqa: NPY002
        changes += (expected != one).any()
    assert changes >= 4


@pytest.mark.parametrize("image", [np.zeros((4, 4)), np.zeros((4, 4, 8))])
def test_other_channels_are_refused(image):
    each = build(type="EachFrame", transforms=[])
    with pytest.raises(ValueError, match="no whole number of frames of 3 channels"):
        each({"img": image})


def test_each_frame_keeps_its_size():
    resize = {"type": "Resize", "scale": (2, 2)}
    each = build(type="EachFrame", transforms=[resize])
    with pytest.raises(ValueError, match="drops a frame or changes its size"):
        each({"img": np.zeros((4, 4, 6), np.uint8)})
    with pytest.raises(ValueError, match="channels must be an integer >= 1, got 0"):
        build(type="EachFrame", transforms=[], channels=0)

"""Pairs: which frame is the neighbour, and that both have one view."""

from pathlib import Path
from typing import Any

import mmcv
import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.logging import MMLogger
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.neighbours import Gap, find_neighbours
from mmseg_splashkd.datasets.timestamps import NO_TIME, SECOND
from mmseg_splashkd.datasets.views import View, ViewDataset
from tests.datasets.builders import draw_frames, stamp

LOAD: list[Any] = [{"type": "LoadImageFromFile"}, {"type": "LoadGrayLabels"}]
PACK = {"type": "PackSegInputs"}
TABLES = "recording,timestamp,frame,label,split"


def frame(seconds: float, recording: str = "a") -> Frame:
    return Frame(recording, round(seconds * SECOND), f"{recording}/{seconds}.png")


def times(found: list[Frame | None]) -> list[float | None]:
    return [other and other.timestamp / SECOND for other in found]


def test_the_neighbour_is_the_next_frame_else_the_one_before():
    frames = [frame(0), frame(2), frame(4.5), frame(6.5), frame(20)]
    assert times(find_neighbours(frames, frames, Gap(seconds=2))) == [
        2,
        0,
        6.5,
        4.5,
        None,
    ]
    assert times(find_neighbours(frames, frames, Gap(seconds=2.5)))[1] == 4.5


def test_another_recording_is_no_neighbour():
    frames = [frame(0, "a"), frame(1, "b"), frame(2, "a"), frame(3, "b"), frame(9, "c")]
    assert times(find_neighbours(frames, frames, Gap(seconds=2))) == [2, 3, 0, 1, None]


def test_other_frames_of_the_part_are_neighbours():
    frames, others = [frame(0), frame(4)], [frame(1), frame(4), frame(5.5), frame(0)]
    assert times(find_neighbours(frames, others, Gap(seconds=2))) == [1, 5.5]


def test_frames_without_time_have_no_neighbour():
    with pytest.raises(ValueError, match="neighbour=2 s needs the time of every frame"):
        find_neighbours([Frame("a", NO_TIME, "a/1.png")], [], Gap(seconds=2))


@pytest.mark.parametrize("given", ["0s", "5", 2, "soon"])
def test_a_gap_is_in_seconds(tmp_path: Path, given):
    with pytest.raises(ValueError, match="neighbour"):
        pairs(tmp_path, neighbour=given)


def test_pairs_are_for_training(tmp_path: Path):
    with pytest.raises(ValueError, match="for training, and split is 'val'"):
        pairs(tmp_path, split="val")


def write_still(root: Path, count: int = 4) -> Path:
    """Write frames that are all the same picture, each with its own label."""
    draw_frames(root, [stamp(i) for i in range(count)])
    first = (root / "images" / f"{stamp(0)}.png").read_bytes()
    for path in (root / "images").iterdir():
        path.write_bytes(first)
    return root


def pairs(root: Path, pipeline: list[Any] | None = None, **options: Any) -> ViewDataset:
    config = {"split": "train", "ratios": (1.0, 0.0, 0.0), "neighbour": "6s", **options}
    config |= {"type": "TimeSplitDataset", "data_root": str(root)}
    config["pipeline"] = [*LOAD, *(pipeline or []), PACK]
    return ViewDataset(DATASETS.build(config))


def alone(root: Path, pipeline: list[Any] | None = None, **options: Any) -> ViewDataset:
    return pairs(root, pipeline, neighbour=None, **options)


PIPELINES: dict[str, list[Any]] = {
    "flip": [{"type": "RandomFlip", "prob": 0.5}],
    "crop by the label": [
        {"type": "RandomCrop", "crop_size": (6, 7), "cat_max_ratio": 0.6},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "PhotoMetricDistortion"},
    ],
    "scale and rotation": [
        {"type": "RandomResize", "scale": (16, 12), "ratio_range": (1.0, 2.0)},
        {"type": "RandomRotate", "prob": 0.8, "degree": 30},
        {"type": "RandomCrop", "crop_size": (6, 7)},
    ],
    "nested": [
        {
            "type": "RandomApply",
            "prob": 0.5,
            "transforms": [{"type": "RandomFlip", "prob": 0.5}],
        },
        {
            "type": "RandomChoice",
            "transforms": [
                [{"type": "PhotoMetricDistortion"}],
                [{"type": "RandomFlip", "prob": 1.0}],
            ],
        },
    ],
}


@pytest.mark.parametrize("name", PIPELINES)
def test_equal_frames_are_equal_in_every_view(tmp_path: Path, name):
    """Whatever is drawn by the label is drawn alike for frames with other labels."""
    views = pairs(write_still(tmp_path), PIPELINES[name])
    looks = set()
    for index in range(4):
        for visit in range(8):
            sample = views[View(index, visit, 3)]
            looks.add(sample["inputs"].numpy().tobytes())
            assert sample["data_samples"].has_neighbour
            neighbour = sample["data_samples"].neighbour.data
            assert torch.equal(neighbour, sample["inputs"])
    assert len(looks) > 1


@pytest.mark.parametrize("name", PIPELINES)
def test_the_frame_is_what_it_is_alone(tmp_path: Path, name):
    root = draw_frames(tmp_path, [stamp(i) for i in range(4)])
    paired, single = pairs(root, PIPELINES[name]), alone(root, PIPELINES[name])
    for view in (View(index, visit, 5) for index in range(4) for visit in range(4)):
        torch.manual_seed(1)
        found, after = paired[view], torch.rand(())
        torch.manual_seed(1)
        expected, untouched = single[view], torch.rand(())
        assert after == untouched
        assert torch.equal(found["inputs"], expected["inputs"])
        labels = (each["data_samples"].gt_sem_seg.data for each in (found, expected))
        assert torch.equal(*labels)
        assert set(expected["data_samples"].keys()) == {"gt_sem_seg"}


def test_the_neighbour_is_the_picture_of_its_file(tmp_path: Path):
    root = draw_frames(tmp_path, [stamp(i) for i in (0, 1, 3, 4, 9)])
    views = pairs(root, [{"type": "RandomFlip", "prob": 1.0}])
    for index, other in enumerate((1, 0, 4, 3, None)):
        sample = views[View(index, 0, 0)]
        assert sample["data_samples"].has_neighbour == (other is not None)
        expected = sample["inputs"].numpy()
        if other is not None:
            path = root / "images" / f"{stamp(other)}.png"
            pixels = mmcv.imread(path, backend="pillow")
            expected = pixels[:, ::-1].transpose(2, 0, 1)
        assert np.array_equal(sample["data_samples"].neighbour.data.numpy(), expected)


def test_no_neighbour_at_all_is_an_error(tmp_path: Path):
    root = draw_frames(tmp_path, [stamp(i) for i in (0, 2, 9)])
    with pytest.raises(ValueError, match="give more seconds than the interval"):
        pairs(root)


def test_a_neighbour_is_of_the_same_part(tmp_path: Path):
    """Frames of another part, and under an embargo, are no neighbours."""
    root = draw_frames(tmp_path, [stamp(i) for i in range(10)])
    views = pairs(root, ratios=(0.5, 0.3, 0.2))
    assert len(views) == 5
    assert not {
        Path(views.get_data_info(i)["neighbour"]["img_path"]).stem for i in range(5)
    } & {stamp(i) for i in range(5, 10)}


def test_an_unlabelled_frame_that_is_skipped_is_a_neighbour(tmp_path: Path):
    root = draw_frames(tmp_path, [stamp(i) for i in range(4)])
    for i in (1, 3):
        (root / "labels" / f"{stamp(i)}.png").unlink()
    views = pairs(root, [{"type": "RandomFlip", "prob": 0.5}], unlabelled="skip")
    assert len(views) == 2
    for index, other in enumerate((1, 3)):
        info = views.get_data_info(index)
        assert Path(info["neighbour"]["img_path"]).stem == stamp(other)
        assert views[View(index, 0, 0)]["data_samples"].has_neighbour


@TRANSFORMS.register_module(force=True)
class CropByPicture(BaseTransform):
    """Crop as many rows as the picture says."""

    def transform(self, results: dict) -> dict:
        rows = 1 + int(results["img"][0, 0, 0]) // 30
        results["img"] = results["img"][:rows]
        results["gt_seg_map"] = results["gt_seg_map"][:rows]
        results["img_shape"] = results["img"].shape[:2]
        return results


def test_a_pair_in_two_views_is_an_error(tmp_path: Path):
    views = pairs(
        draw_frames(tmp_path, [stamp(0), stamp(1)]), [{"type": "CropByPicture"}]
    )
    with pytest.raises(RuntimeError, match=r"another view \(shape, img_shape\)"):
        views[View(0, 0, 0)]


@TRANSFORMS.register_module(force=True)
class DrawByPicture(BaseTransform):
    """Draw as many numbers as the picture says."""

    def transform(self, results: dict) -> dict:
        torch.rand(1 + int(results["img"][0, 0, 0]))
        return results


def test_what_is_drawn_after_a_pair_is_what_is_drawn_after_its_frame(tmp_path: Path):
    root, draws = draw_frames(tmp_path, [stamp(0), stamp(1)]), []
    for made in (pairs, alone):
        dataset = made(root, [{"type": "DrawByPicture"}]).dataset
        torch.manual_seed(1)
        dataset[0]
        draws.append(torch.rand(()))
    assert torch.equal(*draws)


def test_a_pipeline_that_does_not_pack_is_an_error(tmp_path: Path):
    views = pairs(draw_frames(tmp_path, [stamp(0), stamp(1)]))
    views.dataset.pipeline.transforms.pop()
    with pytest.raises(RuntimeError, match="ends with dict"):
        views[View(0, 0, 0)]


def test_a_missing_picture_of_a_neighbour_is_named(tmp_path: Path):
    root = draw_frames(tmp_path, [stamp(i) for i in range(3)])
    rows = [
        f"a,{stamp(i)},images/{stamp(i)}.png,{label},train"
        for i, label in ((0, f"labels/{stamp(0)}.png"), (1, ""))
    ]
    (root / "frames.csv").write_text("\n".join([TABLES, *rows, ""]))
    (root / "images" / f"{stamp(1)}.png").unlink()
    with pytest.raises(FileNotFoundError, match=stamp(1)):
        pairs(root, split_table="frames.csv", unlabelled="skip")


def test_the_log_counts_frames_without_a_neighbour(tmp_path: Path, capsys):
    MMLogger.get_instance("paired", log_level="INFO")
    pairs(draw_frames(tmp_path, [stamp(i) for i in (0, 1, 9)]))
    assert "1 of 3 frames of" in (log := capsys.readouterr().out)
    assert "have no neighbour within 6 s, and no temporal loss" in log

from pathlib import Path

import pytest

from mmseg_splashkd.config.frames import (
    frame_name,
    frame_paths,
    frames_by_part,
    listed_frames,
    listed_of,
)
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.timestamps import NO_TIME
from tests.datasets.builders import draw_frames, stamp
from tests.photos import loaders, part, pond_part


def test_a_frame_without_time_is_named_by_its_stem():
    frame = Frame("garden", NO_TIME, "data/images/garden/IMG_0001.JPG")
    assert frame_name(frame) == "garden/IMG_0001"
    assert frame_name(Frame(".", 5, "any.png")) == "./0000000000-000000005"


def test_frames_of_wrapped_data_sets_are_listed_once(photos, pond):
    inner = [part(photos, "train"), pond_part(pond, "train")]
    dataset = {"type": "ConcatDataset", "datasets": inner}
    dataset = {"type": "RepeatDataset", "times": 3, "dataset": dataset}
    cfg = loaders(train={"type": "ViewDataset", "dataset": dataset})
    listed = frame_paths(cfg)["train"]
    assert listed is not None
    assert len(listed) == len(set(listed)) == 8 + 22
    first, last = listed[0], listed[-1]
    assert first.name == first.image == f"{photos}/img_dir/train/leaf_0.jpg"
    assert first.label == f"{photos}/ann_dir/train/leaf_0.png"
    assert (first.frame.recording, first.frame.timestamp) == ("img_dir/train", NO_TIME)
    assert (first.is_named_by_path, last.is_named_by_path) == (True, False)
    assert len(frames_by_part(cfg)["train"]) == 22


@pytest.mark.parametrize(
    ("indices", "numbers"), [(3, [0, 1, 2]), (-2, [-2, -1]), ([4, 1], [4, 1])]
)
@pytest.mark.parametrize("kind", ["photos", "frames"])
def test_only_frames_that_indices_keep_are_listed(photos, pond, kind, indices, numbers):
    whole = pond_part(pond, "train") if kind == "frames" else part(photos, "train")
    loader = "train_dataloader"
    every = listed_frames(loaders(train=whole), loader)
    kept = listed_frames(loaders(train=whole | {"indices": indices}), loader)
    assert every is not None
    assert kept == [every[number] for number in numbers]


@pytest.mark.parametrize(
    "change",
    [
        {"data_prefix": {"img_path": "img_dir/val"}},
        {"data_root": None},
        {"ann_file": "val.txt"},
    ],
    ids=["no labels", "absolute", "list"],
)
def test_any_way_to_name_the_files_is_read(photos, change):
    dataset = part(photos, "val", **change)
    if "data_root" in change:
        dataset["data_prefix"] = {
            key: f"{photos}/{path}" for key, path in dataset["data_prefix"].items()
        }
    (photos / "val.txt").write_text("leaf_8\nleaf_9\nleaf_10\nleaf_11\n")
    listed = listed_frames(loaders(val=dataset), "val_dataloader")
    assert listed is not None
    assert {file.image for file in listed} == {
        f"{photos}/img_dir/val/leaf_{number}.jpg" for number in (8, 9, 10, 11)
    }
    has_labels = "data_prefix" not in change
    assert all(bool(file.label) == has_labels for file in listed)


def test_a_data_set_that_lists_nothing_is_unknown(photos):
    inner = [part(photos, "train"), {"type": "NoSuchDataset"}]
    cfg = loaders(train={"type": "ConcatDataset", "datasets": inner})
    assert frame_paths(cfg) == {"train": None}


def test_a_record_calls_no_function_by_its_name(tmp_path):
    function = {"type": "os.makedirs", "name": str(tmp_path / "made")}
    assert frame_paths(loaders(train=function)) == {"train": None}
    assert not list(tmp_path.iterdir())


def test_a_frame_that_is_drawn_as_a_neighbour_only_is_listed(tmp_path):
    root = draw_frames(tmp_path, [stamp(i) for i in range(4)])
    (root / "labels" / f"{stamp(1)}.png").unlink()
    leaf = {"type": "TimeSplitDataset", "split": "train", "ratios": (1.0, 0.0, 0.0)}
    leaf |= {"data_root": str(root), "unlabelled": "skip", "pipeline": []}
    for gap, numbers in ((None, [0, 2, 3]), ("6s", [0, 2, 3, 1])):
        listed = listed_of(leaf | {"neighbour": gap}) or []
        assert [Path(each.image).stem for each in listed] == [*map(stamp, numbers)]
        assert [bool(each.label) for each in listed] == [n != 1 for n in numbers]


def test_frames_whose_labels_are_all_left_out_are_of_another_camera(tmp_path):
    """Frames of both cameras have the same names."""
    farms = [
        draw_frames(tmp_path / farm, [stamp(i) for i in range(4)]) for farm in "AB"
    ]
    source, target = (
        {"type": "TimeSplitDataset", "split": "train", "ratios": (1.0, 0.0, 0.0)}
        | {"data_root": str(root), "pipeline": []}
        for root in farms
    )
    target["unlabelled"] = "all"
    both = {"type": "ConcatDataset", "datasets": [source, target]}
    (*_, last) = train = frames_by_part(loaders(train=both))["train"]
    assert [bool(frame.label) for frame in train] == [True] * 4 + [False] * 4
    assert last.recording == f"target/{train[0].recording}"
    assert len({frame.key for frame in train}) == 8
    again = {**both, "datasets": [source, target, {**source, **target}]}
    assert len({f.key for f in frames_by_part(loaders(train=again))["train"]}) == 8
    same = {**both, "datasets": [source, {**source, "unlabelled": "all"}]}
    assert len({f.key for f in frames_by_part(loaders(train=same))["train"]}) == 4

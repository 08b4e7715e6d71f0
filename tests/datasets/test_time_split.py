import math
import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import DATASETS
from PIL import Image
from torch.utils.data import DataLoader

from mmseg_splashkd.datasets import TimeSplitDataset
from mmseg_splashkd.datasets.label_coding import SPLASH
from tests.datasets.builders import (
    SIZE,
    draw_frames,
    halve,
    splash_label,
    stamp,
    write_frame,
    write_label,
    write_table,
)

STEMS = [stamp(number) for number in range(10)]
LOAD = [
    {"type": "LoadImageFromFile", "imdecode_backend": "pillow"},
    {"type": "LoadGrayLabels"},
]
PIPELINE = [
    *LOAD,
    {"type": "Resize", "scale": (23, 17), "keep_ratio": False},
    {"type": "PackSegInputs"},
]
HEADER = ["recording", "timestamp", "frame", "label"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten frames of one recording."""
    return draw_frames(tmp_path, STEMS)


def build(root: Path, split: str = "train", **arguments: Any) -> TimeSplitDataset:
    config = {"type": "TimeSplitDataset", "data_root": str(root), "split": split}
    return DATASETS.build({"_scope_": "mmseg"} | config | arguments)


def stems_of(dataset: TimeSplitDataset) -> list[str]:
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    return [Path(info["img_path"]).stem for info in infos]


def table_row(stem: str, recording: str = "pond") -> list[str]:
    return [recording, stem, f"images/{stem}.png", f"labels/{stem}.png"]


# Frames and parts


def test_folder_is_split_along_time(root: Path):
    parts = [build(root, split) for split in ("train", "val", "test")]
    assert [stems_of(part) for part in parts] == [STEMS[:7], STEMS[7:9], STEMS[9:]]


def test_other_ratios_and_folders(tmp_path: Path):
    draw_frames(tmp_path, STEMS)
    (tmp_path / "labels").rename(tmp_path / "indexLabel")
    dataset = build(
        tmp_path,
        "val",
        ratios=[0.5, 0.4, 0.1],
        data_prefix={"seg_map_path": "indexLabel"},
    )
    assert stems_of(dataset) == STEMS[5:9]
    assert dataset.get_data_info(0)["seg_map_path"] == str(
        tmp_path / "indexLabel" / f"{STEMS[5]}.png"
    )


def test_recordings_form_one_time_line(tmp_path: Path):
    stems = [f"{'ab'[n % 2]}/{stem}" for n, stem in enumerate(STEMS)]
    draw_frames(tmp_path, stems)
    parts = [build(tmp_path, split) for split in ("train", "val", "test")]
    infos = [part.get_data_info(n) for part in parts for n in range(len(part))]
    assert [info["recording"] for info in infos] == list("ababababab")
    assert [info["img_path"] for info in infos] == [
        str(tmp_path / "images" / f"{stem}.png") for stem in stems
    ]
    seconds = [int(stem[:10]) for stem in STEMS]
    assert [info["timestamp"] for info in infos] == [s * 10**9 for s in seconds]


def test_table_without_split_is_cut_by_ratios(root: Path):
    rows = [table_row(stem) for stem in reversed(STEMS)]
    write_table(root / "frames.csv", HEADER, rows)
    parts = [
        build(root, split, split_table="frames.csv")
        for split in ("train", "val", "test")
    ]
    assert [stems_of(part) for part in parts] == [STEMS[:7], STEMS[7:9], STEMS[9:]]


def test_table_with_split_is_used_in_time_order(root: Path):
    words = ["val", "train", "test", "train", "val"]
    rows = [[*table_row(stem), w] for stem, w in zip(STEMS, words, strict=False)]
    write_table(root / "frames.csv", [*HEADER, "split"], rows[::-1])
    parts = [
        build(root, split, split_table="frames.csv")
        for split in ("train", "val", "test")
    ]
    expected = [[STEMS[1], STEMS[3]], [STEMS[0], STEMS[4]], [STEMS[2]]]
    assert [stems_of(part) for part in parts] == expected


def test_frame_in_two_parts_of_a_table_is_refused(root: Path):
    rows = [[*table_row(STEMS[0]), word] for word in ("train", "test")]
    write_table(root / "frames.csv", [*HEADER, "split"], rows)
    with pytest.raises(ValueError, match="is listed twice, in lines 2 and 3"):
        build(root, split_table="frames.csv")


def test_other_suffixes(tmp_path: Path):
    draw_frames(tmp_path, STEMS, img_suffix="_rgb.jpg")
    dataset = build(tmp_path, img_suffix="_rgb.jpg", pipeline=PIPELINE)
    assert len(dataset) == 7
    assert dataset[0]["inputs"].shape == (3, 17, 23)


# Classes


def test_default_classes(root: Path):
    metainfo = build(root).metainfo
    assert metainfo["classes"] == ("background", "splash")
    assert metainfo["palette"] == [[16, 42, 67], [255, 196, 0]]


def test_three_classes_with_a_table_of_strings(root: Path):
    for stem in STEMS:
        gray = np.tile(np.array([3, 60, 128, 200], np.uint8), (SIZE[1], SIZE[0] // 4))
        write_label(root / "labels" / f"{stem}.png", gray)
    coding = {
        "classes": ("water", "foam", "net"),
        "palette": [[9, 9, 9], [1, 1, 1], [2, 2, 2]],
        "gray_to_train_id": {"3": "0", "60": "2", "128": 255, "200": 1},
    }
    dataset = build(root, label_coding=coding, pipeline=PIPELINE)
    assert dataset.metainfo["classes"] == ("water", "foam", "net")
    assert dataset.metainfo["palette"] == coding["palette"]
    assert dataset.get_data_info(0)["label_map"] == {3: 0, 60: 2, 128: 255, 200: 1}
    labels = dataset[0]["data_samples"].gt_sem_seg.data
    assert labels.unique().tolist() == [0, 1, 2, 255]
    assert labels[0, 0, [0, 22]].tolist() == [0, 1]


def test_label_coding_of_a_yaml_file(root: Path):
    (root / "custom.yaml").write_text(
        "classes: [calm, splash]\npalette: [[1, 1, 1], [2, 2, 2]]\n"
        "gray_to_train_id: {0: 0}\nunknown: 1\n"
    )
    dataset = build(root, label_coding=str(root / "custom.yaml"), pipeline=PIPELINE)
    assert dataset.metainfo["classes"] == ("calm", "splash")
    assert dataset[0]["data_samples"].gt_sem_seg.data.unique().tolist() == [0, 1]


def test_train_id_without_class_is_refused(root: Path):
    coding = {"classes": ["a", "b"], "palette": [[1, 1, 1], [2, 2, 2]]}
    with pytest.raises(ValueError, match=r"gray_to_train_id maps 255 to 2: .*0, 2\)"):
        build(root, label_coding={**coding, "gray_to_train_id": {0: 0, 255: 2}})


def test_metainfo_is_refused(root: Path):
    with pytest.raises(ValueError, match="metainfo is given by label_coding"):
        build(root, metainfo={"classes": ("a", "b")})


@pytest.mark.parametrize("mode", ["16 bits", "palette"])
def test_16_bit_and_palette_labels(root: Path, mode: str):
    for number, stem in enumerate(STEMS):
        path = root / "labels" / f"{stem}.png"
        index = splash_label(number) // 255
        if mode == "16 bits":
            write_label(path, index.astype(np.uint16) * 40_000)
        else:
            image = Image.fromarray(index, "P")
            image.putpalette([9, 9, 9, 200, 0, 0])
            image.save(path)
    coding = {
        "classes": ("background", "splash"),
        "palette": [[16, 42, 67], [255, 196, 0]],
        "gray_to_train_id": {0: 0, 40_000 if mode == "16 bits" else 1: 1},
    }
    sample = build(root, label_coding=coding, pipeline=PIPELINE[:2])[3]
    np.testing.assert_array_equal(sample["gt_seg_map"], splash_label(3) // 255)


# Folds


def folded(root: Path) -> Path:
    """Write a table with four folds of two frames, an embargo and two test frames."""
    rows = [
        [*table_row(stem), *(("train", n // 2) if n < 8 else ("test", "")), ""]
        for n, stem in enumerate(map(str, STEMS))
    ]
    rows[2][-1] = "0"
    return write_table(root / "split.csv", [*HEADER, "split", "fold", "embargo"], rows)


def test_selected_fold_is_val_and_the_others_are_train(root: Path):
    folded(root)
    options: dict = {"split_table": "split.csv", "fold": 0}
    parts = [build(root, split, **options) for split in ("train", "val", "test")]
    assert [stems_of(part) for part in parts] == [STEMS[3:8], STEMS[:2], STEMS[8:]]


def test_table_with_folds_requires_an_existing_fold(root: Path):
    folded(root)
    with pytest.raises(ValueError, match=r"A table with folds needs fold=\."):
        build(root, "val", split_table="split.csv")
    with pytest.raises(ValueError, match=r"fold=4 is not one of .* \[0, 1, 2, 3\]"):
        build(root, "val", split_table="split.csv", fold=4)


def test_split_of_only_some_rows_is_refused(root: Path):
    rows = [[*table_row(stem), "train" if n else ""] for n, stem in enumerate(STEMS)]
    write_table(root / "split.csv", [*HEADER, "split"], rows)
    with pytest.raises(ValueError, match="some rows have a split and some have none"):
        build(root, split_table="split.csv")


def test_embargo_between_parts_cut_by_ratios(root: Path):
    def parts(embargo: Any) -> list[list[str]]:
        names = ("train", "val", "test")
        return [stems_of(build(root, name, embargo=embargo)) for name in names]

    assert parts(1) == [STEMS[:6], STEMS[7:8], STEMS[9:]]  # frames come every 5 s
    assert parts("5s") == parts("9.9s") == parts(1)
    assert parts("4.9s") == parts("0") == [STEMS[:7], STEMS[7:9], STEMS[9:]]
    with pytest.raises(ValueError, match=r"split 'val' of .* is empty"):
        parts(2)
    with pytest.raises(ValueError, match=r"embargo '5min' is neither frames \(5\)"):
        build(root, embargo="5min")


def test_embargo_for_a_table_with_split_is_refused(root: Path):
    folded(root)
    with pytest.raises(ValueError, match="embargo 2 frames is for frames cut by rat"):
        build(root, split_table="split.csv", embargo=2)


def test_embargo_rows_are_in_no_part(root: Path):
    words = ["train", "embargo", "val", "embargo", "test"]
    rows = [[*table_row(stem), w] for stem, w in zip(STEMS, words, strict=False)]
    write_table(root / "split.csv", [*HEADER, "split"], rows)
    parts = [build(root, s, split_table="split.csv") for s in ("train", "val", "test")]
    assert [stems_of(part) for part in parts] == [[STEMS[0]], [STEMS[2]], [STEMS[4]]]


# Former argument names


def test_former_argument_names_build_the_same_data_set_and_warn(root: Path):
    folded(root)
    coding = {"classes": ["calm", "splash"], "palette": [[1, 1, 1], [2, 2, 2]]}
    coding["gray_to_train_id"] = {0: 0, 255: 1}
    new = build(root, split_table="split.csv", label_coding=coding, fold=1)
    with pytest.warns(DeprecationWarning, match="is deprecated") as warned:
        old = build(root, ann_file="split.csv", label_map=coding, fold=1)
    assert [str(warning.message) for warning in warned] == [
        f'"{former}" is deprecated in `TimeSplitDataset.__init__`, please use '
        f'"{current}" instead'
        for former, current in (
            ("ann_file", "split_table"),
            ("label_map", "label_coding"),
        )
    ]
    assert old.metainfo == new.metainfo
    assert old.coding == new.coding != SPLASH
    assert [old.get_data_info(i) for i in range(len(old))] == [
        new.get_data_info(i) for i in range(len(new))
    ]


@pytest.mark.parametrize(
    ("former", "current"), [("ann_file", "split_table"), ("label_map", "label_coding")]
)
def test_former_and_current_name_together_are_refused(
    root: Path, former: str, current: str
):
    folded(root)
    value = {"split_table": "split.csv", "label_coding": "splash"}[current]
    with pytest.raises(AssertionError, match=f"`{former}` to new key `{current}`"):
        build(root, **{former: value, current: value})


# Unlabelled frames


@pytest.fixture
def half_labelled(root: Path) -> Path:
    """Ten frames; of the seven training frames the first and fourth have no label."""
    for number in (0, 3):
        (root / "labels" / f"{STEMS[number]}.png").unlink()
    return root


def test_unlabelled_frames_are_an_error_by_default(half_labelled: Path):
    frame = half_labelled / "images" / f"{STEMS[0]}.png"
    message = f"2 frames of split 'train' of .* have no label, the first is {frame}"
    with pytest.raises(ValueError, match=message):
        build(half_labelled)
    with pytest.raises(ValueError, match=r"unlabelled must be one of .* got 'ignore'"):
        build(half_labelled, unlabelled="ignore")


@pytest.mark.parametrize(
    ("unlabelled", "kept"),
    [
        ("skip", [1, 2, 4, 5, 6]),
        ("include", range(7)),
        ("only", [0, 3]),
        ("all", range(7)),
    ],
)
def test_options_for_unlabelled_frames(half_labelled: Path, unlabelled, kept):
    dataset = build(half_labelled, unlabelled=unlabelled, pipeline=PIPELINE)
    assert stems_of(dataset) == [STEMS[number] for number in kept]
    for index, number in enumerate(kept):
        label = dataset[index]["data_samples"].gt_sem_seg.data
        has_none = unlabelled == "all" or number in (0, 3)
        assert bool((label == 255).all()) == has_none


def test_damaged_frame_without_a_label_is_named_at_load(half_labelled: Path):
    path = half_labelled / "images" / f"{STEMS[0]}.png"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ValueError, match=f"frame {path} cannot be read"):
        build(half_labelled, unlabelled="include")


def test_unlabelled_frame_outside_training_has_no_label(half_labelled: Path):
    (half_labelled / "labels" / f"{STEMS[7]}.png").unlink()
    dataset = build(half_labelled, split="val", unlabelled="include", pipeline=PIPELINE)
    assert "gt_sem_seg" not in dataset[0]["data_samples"]


def test_log_counts_skipped_frames(half_labelled: Path, capsys):
    MMLogger.get_instance("skipped", log_level="INFO")
    build(half_labelled, unlabelled="skip")
    assert "2 of 7 frames of split 'train' have no label and are ski" in (
        capsys.readouterr().out
    )


# Time stamps


def test_another_time_stamp_format(tmp_path: Path):
    draw_frames(tmp_path, [f"Seq05VD_f{30 * n:05d}" for n in range(10)])
    pattern = r"(?P<recording>.+)_f?(?P<stamp>[0-9]+)"
    timestamp = {"name": "frame", "fps": 30, "stem": pattern}
    info = build(tmp_path, "val", timestamp=timestamp).get_data_info(0)
    assert (info["recording"], info["timestamp"]) == ("Seq05VD", 7 * 10**9)
    with pytest.raises(ValueError, match=r"'Seq05VD_f[0-9]*' is not a time stamp"):
        build(tmp_path)


# Errors at load


@pytest.mark.parametrize("split", ["training", "", None])
def test_split_must_be_one_of_three(root: Path, split: Any):
    message = f"split must be one of ('train', 'val', 'test'), got {split!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        build(root, split)


@pytest.mark.parametrize("arguments", [{}, {"split_table": "frames.csv"}])
def test_error_for_a_missing_root_describes_layout_and_demo(
    tmp_path: Path, arguments: dict
):
    missing = tmp_path / "nowhere"
    with pytest.raises(FileNotFoundError, match=str(missing)) as caught:
        build(missing, **arguments)
    assert "images/[<recording>/]<10-digit seconds>" in str(caught.value)
    assert "make demo" in str(caught.value)


def test_error_names_a_folder_without_frames(tmp_path: Path):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    with pytest.raises(ValueError, match=r"ends with '\.png'; it has no picture"):
        build(tmp_path)


@pytest.mark.parametrize(("count", "split"), [(3, "test"), (1, "val")])
def test_error_names_an_empty_split(tmp_path: Path, count: int, split: str):
    draw_frames(tmp_path, STEMS[:count])
    message = f"split '{split}' of {tmp_path}/images is empty: too few frames for rat"
    with pytest.raises(ValueError, match=message):
        build(tmp_path, split)


def test_error_names_a_split_without_rows(root: Path):
    rows = [[*table_row(stem), "train"] for stem in STEMS]
    write_table(root / "frames.csv", [*HEADER, "split"], rows)
    with pytest.raises(ValueError, match=r"split 'val' of .*frames.csv is empty.* row"):
        build(root, "val", split_table="frames.csv")


def test_error_names_missing_files_of_a_table_before_reading(root: Path):
    rows = [table_row(stem) for stem in STEMS]
    write_table(root / "frames.csv", HEADER, rows)
    gone = root / "labels" / f"{STEMS[3]}.png"
    gone.unlink()
    (root / "images" / f"{STEMS[5]}.png").unlink()
    message = f"2 files of {root}/frames.csv do not exist, the first is {gone}"
    with pytest.raises(FileNotFoundError, match=message):
        build(root, split_table="frames.csv", check_labels=False)
    assert len(build(root, "val", split_table="frames.csv")) == 2  # another part


@pytest.mark.parametrize("column", [2, 3])
@pytest.mark.parametrize("odd", ["/dev/zero", "pipe.png", "labels"])
def test_error_names_the_cell_that_is_no_file(root: Path, column: int, odd: str):
    os.mkfifo(root / "pipe.png")
    rows = [table_row(stem) for stem in STEMS]
    rows[1][column] = odd
    write_table(root / "frames.csv", HEADER, rows)
    with pytest.raises(FileNotFoundError) as caught:
        build(root, split_table="frames.csv", check_labels=False)
    cell = f"{root / odd} (line 3, column {HEADER[column]})"
    assert str(caught.value) == (
        f"1 files of {root}/frames.csv are no files: the first is a folder, a pipe or "
        f"a device, {cell}"
    )


def test_log_counts_labels_that_ignore_every_pixel(root: Path, capsys):
    MMLogger.get_instance("ignored", log_level="INFO")
    coding = {
        "classes": ["water", "splash"],
        "palette": [[0, 0, 1], [9, 9, 9]],
        "gray_to_train_id": {0: 0, 255: 1, 7: 255},
    }
    build(root, label_coding=coding).full_init()
    assert "ignore every pixel" not in capsys.readouterr().out
    for stem in STEMS[:2]:
        write_label(root / "labels" / f"{stem}.png", np.full((12, 16), 7, np.uint8))
    dataset = build(root, label_coding=coding)
    told = " ".join(capsys.readouterr().out.split())
    assert f"2 of {len(dataset)} labels of split 'train' ignore every pixel" in told
    assert f"the first is {root}/labels/{STEMS[0]}.png" in told


def test_many_labels_are_not_read_and_the_log_refers_to_the_data_set_check(
    root: Path, monkeypatch, capsys
):
    write_label(root / "labels" / f"{STEMS[0]}.png", np.full((2, 2), 7, np.uint8))
    monkeypatch.setattr("mmseg_splashkd.datasets.time_split.READ_AT_LOAD", 6)
    MMLogger.get_instance("many", log_level="INFO")
    assert len(build(root)) == 7
    assert "7 labels are not read at start; check them with tools/check_dataset.py" in (
        capsys.readouterr().out
    )
    with pytest.raises(ValueError, match="is 2x2"):
        build(root, check_labels=True)


def test_error_names_a_label_value_without_class(root: Path):
    label = root / "labels" / f"{STEMS[6]}.png"
    gray = splash_label(6)
    gray[-1, :5] = 128
    write_label(label, gray)
    message = rf"{label}: label values outside the table: 128 \(5 pixels\)"
    with pytest.raises(ValueError, match=message):
        build(root)


def test_error_names_different_sizes(root: Path):
    write_label(root / "labels" / f"{STEMS[0]}.png", splash_label(0, size=(12, 16)))
    with pytest.raises(
        ValueError, match=f"{STEMS[0]}.png is 12x16, but its frame .* 16x12"
    ):
        build(root)


@pytest.mark.parametrize("folder", ["images", "labels"])
def test_error_names_a_truncated_png(root: Path, folder: str):
    path = root / folder / f"{STEMS[2]}.png"
    write_frame(path, seed=0, size=(64, 64))
    halve(path)
    with pytest.raises(ValueError, match=f"{path} cannot be read"):
        build(root)


def test_error_names_a_colour_label(root: Path):
    write_frame(root / "labels" / f"{STEMS[1]}.png", seed=0)
    with pytest.raises(
        ValueError, match=rf"{STEMS[1]}.*one-channel 8-bit or.*\(12, 16, 3\)"
    ):
        build(root)


# Errors at access


def test_invalid_unchecked_label_is_refused_at_access(root: Path):
    label = root / "labels" / f"{STEMS[1]}.png"
    write_label(label, np.full((SIZE[1], SIZE[0]), 7, np.uint8))
    dataset = build(root, check_labels=False, pipeline=PIPELINE)
    assert dataset[0]["inputs"].shape == (3, 17, 23)
    message = (
        rf"frame .*images/{STEMS[1]}.png cannot be used: ValueError: {label}: .* 7 \("
    )
    with pytest.raises(RuntimeError, match=message):
        dataset[1]


def test_error_names_a_jpeg_with_truncated_pixels(tmp_path: Path):
    draw_frames(tmp_path, STEMS, img_suffix=".jpg")
    path = tmp_path / "images" / f"{STEMS[4]}.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    write_label(tmp_path / "labels" / f"{STEMS[4]}.png", splash_label(0, (64, 64)))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"frame {path} cannot be read"):
        build(tmp_path, img_suffix=".jpg", pipeline=PIPELINE)
    unchecked = {"img_suffix": ".jpg", "check_labels": False}
    dataset = build(tmp_path, pipeline=PIPELINE, **unchecked)  # the header is intact
    with pytest.raises(RuntimeError, match=f"frame {path} cannot be used: OSError"):
        dataset[4]


@pytest.mark.parametrize("test_mode", [False, True])
def test_error_names_a_frame_dropped_by_the_pipeline(root: Path, test_mode: bool):
    dataset = build(root, pipeline=[lambda _: None], test_mode=test_mode)
    with pytest.raises(
        RuntimeError, match=f"{STEMS[5]}.png was dropped by the pipeline"
    ):
        dataset[5]


# Interface of an mmengine data set


@pytest.mark.parametrize("serialize_data", [True, False])
def test_frames_and_labels_equal_the_files(root: Path, serialize_data: bool):
    pack = {"type": "PackSegInputs"}
    dataset = build(root, pipeline=[*LOAD, pack], serialize_data=serialize_data)
    for seed in (0, 6, -1):
        sample = dataset[seed]
        with Image.open(root / "images" / f"{STEMS[seed % 7]}.png") as image:
            rgb = np.asarray(image)
        bgr = sample["inputs"].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(bgr[..., ::-1], rgb)
        label = sample["data_samples"].gt_sem_seg.data
        assert label.dtype == torch.int64
        np.testing.assert_array_equal(label[0], splash_label(seed % 7) // 255)


def test_resized_labels_have_only_train_ids(root: Path):
    for sample in build(root, pipeline=PIPELINE):
        label = sample["data_samples"].gt_sem_seg.data
        assert label.shape == (1, 17, 23)
        assert label.unique().tolist() == [0, 1]


def test_labels_loaded_after_resizing_keep_the_size_of_the_file(root: Path):
    load, labels, resize, pack = PIPELINE
    [sample] = build(
        root, "test", pipeline=[load, resize, labels, pack], test_mode=True
    )
    assert sample["inputs"].shape == (3, 17, 23)
    assert sample["data_samples"].gt_sem_seg.data.shape == (1, *SIZE[::-1])


def test_recording_and_time_stamp_can_be_packed(root: Path):
    pack = PackSegInputs(meta_keys=("img_path", "recording", "timestamp"))
    sample = build(root, pipeline=[*LOAD, pack])[1]["data_samples"]
    assert (sample.recording, sample.timestamp) == (".", int(STEMS[1][:10]) * 10**9)


def test_lazy_data_set_reads_nothing_before_access(tmp_path: Path):
    dataset = build(tmp_path, lazy_init=True)
    assert dataset.metainfo["classes"] == ("background", "splash")
    draw_frames(tmp_path, STEMS)
    assert len(dataset) == 7


@pytest.mark.parametrize("indices", [2, [0, 1]])
def test_indices_select_the_first(root: Path, indices: Any):
    assert stems_of(build(root, indices=indices)) == STEMS[:2]


def test_indices_select_and_count_from_the_end(root: Path):
    assert stems_of(build(root, indices=[5, 0])) == [STEMS[5], STEMS[0]]
    assert stems_of(build(root, indices=-2)) == STEMS[5:7]


@pytest.mark.parametrize("serialize_data", [True, False])
def test_can_be_pickled(root: Path, serialize_data: bool):
    dataset = build(root, pipeline=PIPELINE, serialize_data=serialize_data)
    twin = pickle.loads(pickle.dumps(dataset))
    assert stems_of(twin) == stems_of(dataset)
    assert twin.metainfo == dataset.metainfo
    assert torch.equal(twin[3]["inputs"], dataset[3]["inputs"])


def test_workers_return_the_same_samples_as_the_main_process(root: Path):
    dataset = build(root, pipeline=PIPELINE)
    loader = DataLoader(dataset, batch_size=3, num_workers=2, collate_fn=pseudo_collate)
    inputs = torch.stack([frame for batch in loader for frame in batch["inputs"]])
    assert torch.equal(inputs, torch.stack([sample["inputs"] for sample in dataset]))


# Frames without time


def test_frames_without_time_need_a_split(tmp_path: Path):
    draw_frames(tmp_path, [f"IMG_{n}" for n in range(4)])
    message = "has no split, .* no time .* --timestamp none --strategy random --out"
    with pytest.raises(ValueError, match=message):
        build(tmp_path, timestamp="none")
    rows = [["sea", "", f"images/IMG_{n}.png", ""] for n in range(4)]
    write_table(tmp_path / "frames.csv", HEADER, rows)
    with pytest.raises(ValueError, match=r"--table .*frames.csv --strategy random"):
        build(tmp_path, split_table="frames.csv")


def test_table_of_frames_without_time(tmp_path: Path):
    draw_frames(tmp_path, [f"IMG_{n}" for n in (10, 2, 1)])
    rows = [
        ["sea", "", f"images/IMG_{n}.png", f"labels/IMG_{n}.png", "train"]
        for n in (10, 2, 1)
    ]
    write_table(tmp_path / "split.csv", [*HEADER, "split"], rows)
    dataset = build(tmp_path, split_table="split.csv")
    assert stems_of(dataset) == ["IMG_1", "IMG_2", "IMG_10"]
    sample = dataset.get_data_info(0)
    assert sample["recording"] == "sea"
    assert "timestamp" not in sample


def test_unlabelled_frames_need_no_folder_of_labels(tmp_path: Path):
    for n, stem in enumerate(STEMS[:4]):
        write_frame(tmp_path / "images" / f"{stem}.png", n)
    ratios = (1, 0, 0)
    assert len(build(tmp_path, ratios=ratios, unlabelled="only")) == 4
    with pytest.raises(FileNotFoundError, match="labels is not a folder"):
        build(tmp_path, ratios=ratios)


def test_error_names_folds_without_a_test_part(root: Path):
    rows = [[*table_row(stem), "", str(n % 2)] for n, stem in enumerate(STEMS)]
    write_table(root / "split.csv", [*HEADER, "split", "fold"], rows)
    message = "split 'test' of .* Hold a test part out of the folds"
    with pytest.raises(ValueError, match=message):
        build(root, "test", split_table="split.csv", fold=0)


def test_wrappers_balance_frames_by_the_classes_in_their_labels(root):
    rare = np.zeros(SIZE, np.uint8)  # background alone, but for three frames
    for number, stem in enumerate(STEMS):
        rare[0, 0] = 255 if number in (1, 4, 5) else 0
        write_label(root / "labels" / f"{stem}.png", rare)
    write_label(root / "labels" / f"{STEMS[3]}.png", np.full(SIZE, 255, np.uint8))
    dataset = build(root, ratios=(0.8, 0.1, 0.1), check_labels=False)
    found = [dataset.get_cat_ids(index) for index in range(len(dataset))]
    assert found == [[0], [0, 1], [0], [1], [0, 1], [0, 1], [0], [0]]
    every = SIZE[0] * SIZE[1]
    pixels = [dataset.get_class_pixels(index).tolist() for index in (0, 1, 3)]
    assert pixels == [[every, 0], [every - 1, 1], [0, every]]
    balanced = DATASETS.build(
        {
            "_scope_": "mmseg",
            "type": "ClassBalancedDataset",
            "oversample_thr": 1.0,
            "dataset": dataset,
        }
    )
    # By the formula of LVIS, max over classes of sqrt(threshold / share of frames).
    splash, background = math.sqrt(1 / (4 / 8)), math.sqrt(1 / (7 / 8))
    repeats = [splash if 1 in ids else background for ids in found]
    assert len(balanced) == sum(map(math.ceil, repeats)) == 16


def test_an_unlabelled_frame_has_no_classes(root):
    (root / "labels" / f"{STEMS[0]}.png").unlink()
    dataset = build(root, ratios=(0.8, 0.1, 0.1), unlabelled="include")
    assert dataset.get_cat_ids(0) == []
    assert dataset.get_class_pixels(0).tolist() == [0, 0]

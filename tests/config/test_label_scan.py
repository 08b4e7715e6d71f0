"""Labels that show nothing are refused before a run."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mmseg_splashkd.config import label_scan
from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.datasets.label_coding import LabelCoding, read_gray
from mmseg_splashkd.datasets.split_table import read_table, write_table
from tests.config.test_data_check import config
from tests.datasets.checks.builders import clean_pond, parts_of

IGNORED = 7
CODING = LabelCoding(
    ["background", "splash"],
    [(0, 0, 0), (255, 255, 255)],
    {0: 0, 255: 1, IGNORED: 255},
    ignore_colour=(9, 9, 9),
)


@pytest.fixture
def table(pond, tmp_path) -> Path:
    """A split table without shares of the class, as other programs write it."""
    path = clean_pond(pond, tmp_path / "pond")
    write_table(path, [replace(f, splash_share=None) for f in read_table(path)])
    return path


def fill(table: Path, part: str, value: int) -> None:
    """Give all labels of a part one value."""
    for frame in parts_of(table)[part]:
        Image.fromarray(np.full((64, 80), value, np.uint8)).save(frame.label)


def refused(cfg: Config) -> str:
    with pytest.raises(ValueError, match="the data check found errors") as caught:
        check_data(cfg)
    return str(caught.value)


def coded(table: Path) -> Config:
    cfg = config(table)
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        dataset = cfg[loader].dataset
        (dataset.get("dataset") or dataset).label_coding = CODING
    return cfg


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_a_part_without_the_class_is_refused(table, part):
    fill(table, part, 0)
    told = refused(config(table))
    assert f"[no_splash] no frame of {part} has splash: its Dice is undefined" in told
    assert "data_check = dict(allow=['no_splash'])" in told
    (warning,) = check_data(config(table, data_check={"allow": ["no_splash"]}))
    assert warning.code == "no_splash"


@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize(("fold", "part"), [(0, "val"), (1, "train")])
def test_a_fold_without_the_class_is_refused(table, fold, part, shares):
    """Of two folds, the second alone shows the class."""
    folds = []
    for index, frame in enumerate(f for own in parts_of(table).values() for f in own):
        value = 255 * (index % 2)
        Image.fromarray(np.full((64, 80), value, np.uint8)).save(frame.label)
        share = float(index % 2) if shares else None
        folds.append(replace(frame, split="", fold=index % 2, splash_share=share))
    write_table(table, folds)
    cfg = config(table)
    cfg.test_dataloader = cfg.val_dataloader
    cfg.train_dataloader.dataset.dataset.fold = cfg.val_dataloader.dataset.fold = fold
    assert f"[no_splash] no frame of {part} has" in refused(cfg)


@pytest.mark.parametrize(("part", "number"), [("train", 18), ("val", 6)])
def test_a_part_that_is_all_ignored_is_refused(table, part, number):
    fill(table, part, IGNORED)
    told = refused(coded(table))
    assert f"[all_ignored] all {number} labels of {part} ignore every pixel" in told


def test_one_pixel_in_one_frame_is_enough(table):
    fill(table, "val", IGNORED)
    last = parts_of(table)["val"][-1]
    label = np.zeros((64, 80), np.uint8)
    label[-1, -1] = 255
    Image.fromarray(label).save(last.label)
    assert check_data(coded(table)) == []


def test_labels_are_read_until_one_shows_the_class(table, monkeypatch):
    read: list[str] = []

    def reading(path: str) -> np.ndarray:
        read.append(path)
        return read_gray(path)

    monkeypatch.setattr(label_scan, "read_gray", reading)
    first, last = parts_of(table)["train"][0], parts_of(table)["val"][-1]
    fill(table, "val", 0)
    for frame in (first, last):
        Image.fromarray(np.full((64, 80), 255, np.uint8)).save(frame.label)
    assert check_data(config(table)) == []
    assert read.count(first.label) == 1
    assert not set(read) & {f.label for f in parts_of(table)["train"][1:]}
    read.clear()
    frames = [replace(f, splash_share=0.5) for f in read_table(table)]
    write_table(table, frames)  # the table knows
    check_data(config(table))
    assert read == []


def test_any_data_set_is_looked_at(table):
    fill(table, "val", 1)
    fill(table, "train", 255)
    folder = str(table.parent)
    names = [Path(frame.image).stem for frame in parts_of(table)["val"]]
    (table.parent / "val.txt").write_text("\n".join(names))
    plain = {"type": "BaseSegDataset", "data_root": folder, "img_suffix": ".png"}
    plain |= {"data_prefix": {"img_path": "images", "seg_map_path": "labels"}}
    plain |= {"ann_file": "val.txt", "metainfo": {"classes": ("sea", "foam")}}
    names = [Path(frame.image).stem for frame in parts_of(table)["train"]]
    (table.parent / "train.txt").write_text("\n".join(names))
    cfg = Config({"train_dataloader": {"dataset": plain | {"ann_file": "train.txt"}}})
    cfg.val_dataloader = {"dataset": plain}
    assert "all_ignored] all 18 labels of train" in refused(cfg)  # 255 is ignored
    fill(table, "train", 0)
    assert "no frame of train has foam" in refused(cfg)
    three = {"classes": ("sea", "foam", "fish")}
    for loader in ("train_dataloader", "val_dataloader"):
        cfg[loader].dataset.metainfo = three
    assert check_data(cfg) == []  # which of three is the rare one is not known
    cfg.custom_hooks = [{"type": "FrameScoresHook", "focus_class": "fish"}]
    assert "no frame of val has fish" in refused(cfg)


@DATASETS.register_module()
class ListedFrames(list):
    """A data set that is none of MMEngine's and takes no argument of theirs."""

    metainfo: ClassVar = {"classes": ("sea", "foam")}

    def __init__(self, label: str) -> None:
        super().__init__([{"img_path": label, "seg_map_path": label}])

    def get_data_info(self, index: int) -> dict:
        return self[index]


@TRANSFORMS.register_module()
class OwnLabels:
    """Reads labels by a rule of its own."""


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "ListedFrames"},
        {"pipeline": [{"type": "LoadAnnotations"}, {"type": "OwnLabels"}]},
        {"pipeline": [{"type": OwnLabels}]},
        {"pipeline": [{"type": "UnknownLabels"}]},
    ],
)
def test_labels_of_unknown_meaning_are_not_judged(tmp_path, changes):
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
        label = Image.fromarray(np.full((4, 4), 255, np.uint8))
        label.save(tmp_path / kind / "a.png")
    plain = {"type": "BaseSegDataset", "data_root": str(tmp_path), "img_suffix": ".png"}
    plain |= {"data_prefix": {"img_path": "images", "seg_map_path": "labels"}}
    plain |= {"metainfo": {"classes": ("sea", "foam")}}
    own = {"type": "ListedFrames", "label": str(tmp_path / "labels" / "a.png")}
    dataset = own if "type" in changes else plain | changes
    cfg = Config({"train_dataloader": {"dataset": dataset}})
    cfg.custom_hooks = [CheckpointHook()]
    assert label_scan.label_findings(cfg) == []
    cfg.train_dataloader.dataset = plain | {"pipeline": [{"type": "LoadAnnotations"}]}
    assert [each.code for each in label_scan.label_findings(cfg)] == ["all_ignored"]

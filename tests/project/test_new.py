import csv
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import Resize
from mmengine.config import Config
from PIL import Image

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.split_table import read_table
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.models.losses.logit_terms import KLDLoss
from mmseg_splashkd.project import read_plan
from mmseg_splashkd.project.new import MissingFactsError, look_at
from mmseg_splashkd.runs.train import train
from tests.conftest import tiny
from tests.project.builders import photos, project, recordings, save_pair, waves

CONFIGS = ("teacher", "plain", "distilled")


def parts(out: Path) -> Counter:
    return Counter(frame.split for frame in read_table(out / "split.csv"))


def test_numbered_frames_in_two_folders(tmp_path: Path):
    plan = project(waves(tmp_path / "waves"), tmp_path / "farm")
    assert parts(tmp_path / "farm") == {"train": 7, "val": 2, "test": 2}
    assert (plan.size, plan.batch_size, plan.max_iters) == ([64, 32], 3, 150)
    assert plan.classes == ["background", "foreground"]
    rows = list(csv.DictReader((tmp_path / "farm/split.csv").read_text().splitlines()))
    assert [row["frame"] for row in rows[:3]] == [
        f"../waves/images/{n}.png" for n in range(3)
    ]
    assert {row["timestamp"] for row in rows} == {""}


def test_photos_of_many_sizes_and_suffixes(tmp_path: Path):
    data = photos(tmp_path / "photos")
    found = look_at(data, progress=False)
    text = "\n".join(found.lines)
    assert "30 (10 .jpg, 10 .png, 10 .jpeg), 30 with a mask" in text
    assert "and 27 more sizes" in text
    assert "passed over  1 .txt" in text
    plan = project(data, tmp_path / "farm", classes=["paint", "crack"])
    assert parts(tmp_path / "farm") == {"train": 18, "val": 6, "test": 6}
    assert plan.size == [64, 64]  # the median is 54.5 x 39
    assert "are stretched" in plan.reasons["size"]
    cfg = read_config(tmp_path / "farm" / "plain.py")
    arguments = dict(leaves(cfg)[0])
    del arguments["type"]
    dataset = TimeSplitDataset(**arguments)
    samples = [dataset.prepare_data(i) for i in range(len(dataset))]
    assert {tuple(sample["inputs"].shape) for sample in samples} == {(3, 64, 64)}


def leaves(cfg: Config) -> list[Config]:
    """Data sets of train, val and test."""
    loaders = (cfg.val_dataloader, cfg.test_dataloader)
    return [cfg.train_dataloader.dataset.dataset, *(each.dataset for each in loaders)]


def test_time_stamped_frames_of_two_cameras(tmp_path: Path):
    plan = project(recordings(tmp_path / "sea"), tmp_path / "farm")
    assert plan.reasons["split"].startswith("time, 6:2:2, embargo 15 s: ")
    frames = read_table(tmp_path / "farm" / "split.csv")
    assert {frame.recording for frame in frames} == {"east", "west"}
    times = {
        part: [frame.timestamp for frame in frames if frame.split == part]
        for part in ("train", "val", "test")
    }
    assert min(times["val"]) - max(times["train"]) > 15 * 10**9
    assert min(times["test"]) - max(times["val"]) > 15 * 10**9


def test_configs_have_twelve_lines_at_most_and_read_the_plan(tmp_path: Path):
    out = tmp_path / "farm"
    plan = project(waves(tmp_path / "waves"), out, classes=["sea", "splash"])
    for name in CONFIGS:
        assert len((out / f"{name}.py").read_text().splitlines()) <= 12
        cfg = read_config(out / f"{name}.py")
        assert cfg.train_cfg.max_iters == 150
        assert cfg.work_dir == str(out / "runs" / name)
        for leaf in leaves(cfg):
            (resize,) = [step for step in leaf.pipeline if is_a(step, Resize)]
            assert tuple(resize.scale) == (64, 32)
    replace(plan, size=[32, 96], max_iters=40).write(out / "plan.json")
    cfg = read_config(out / "distilled.py")
    assert cfg.train_cfg.max_iters == cfg.param_scheduler[-1].end == 40
    assert cfg.tta_pipeline[1].transforms[0][0].scale == (32, 96)
    assert cfg.model.student.backbone.init_cfg is None
    assert cfg.model.teacher.backbone.embed_dims == 64


def test_size_and_iterations_are_one_line_of_a_config(tmp_path: Path):
    out = tmp_path / "farm"
    project(waves(tmp_path / "waves"), out)
    text = (out / "plain.py").read_text()
    text = text.replace("size = None", "size = (96, 64)")
    (out / "plain.py").write_text(text.replace("max_iters = None", "max_iters = 7"))
    cfg = read_config(out / "plain.py")
    assert leaves(cfg)[1].pipeline[1].scale == (96, 64)
    assert cfg.train_cfg.max_iters == 7


@pytest.mark.slow
def test_the_configs_train_as_they_stand(tmp_path: Path, monkeypatch):
    data, out = photos(tmp_path / "photos"), tmp_path / "farm"
    project(data, out, iterations=2)
    monkeypatch.chdir(tmp_path)
    train(out / "teacher.py", cfg_options=tiny("model"))
    options = tiny("model.student") | tiny("model.teacher")
    run = train(out / "distilled.py", cfg_options=options)
    assert run == out / "runs" / "distilled"
    assert list(run.glob("weights_*_best.safetensors"))


@pytest.mark.parametrize("place", ["beside", "inside"])
def test_bases_are_found_from_anywhere(tmp_path: Path, monkeypatch, place: str):
    data = waves(tmp_path / "waves")
    elsewhere = tmp_path / "x"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    out = Path("farm")
    if place == "inside":
        checkout = tmp_path / "checkout"
        source = Path(__file__).parents[2] / "configs" / "_base_"
        shutil.copytree(source, checkout / "configs" / "_base_")
        monkeypatch.setattr(
            "mmseg_splashkd.project.files.BASES", checkout / "configs" / "_base_"
        )
        out = checkout / "my" / "farm"
    project(data, out)
    monkeypatch.chdir(tmp_path)
    out = elsewhere / out
    absolute = f'["{tmp_path}' in (out / "plain.py").read_text()
    assert not (place == "inside" and absolute)
    assert read_config(out / "plain.py").train_cfg.max_iters == 150


def test_error_names_a_base_that_was_moved(tmp_path: Path):
    out = tmp_path / "farm"
    project(waves(tmp_path / "waves"), out)
    text = (out / "plain.py").read_text()
    moved = text.replace(f"{Path(__file__).parents[2]}/configs", "/old/configs")
    (out / "plain.py").write_text(moved)
    with pytest.raises(FileNotFoundError, match=r"plain.py: .*/old/configs/.* moved"):
        read_config(out / "plain.py")


def test_unlabelled_pictures_are_kept_and_skipped(tmp_path: Path):
    data = waves(tmp_path / "waves")
    save_pair(data / "images" / "99.png", None, 99, gray=True)
    plan = project(data, tmp_path / "farm")
    assert plan.unlabelled == "skip"
    frames = read_table(tmp_path / "farm" / "split.csv")
    assert [Path(f.image).name for f in frames if not f.label] == ["99.png"]


def test_the_teacher_alone_teaches_on_training_frames_without_a_label(tmp_path: Path):
    data = waves(tmp_path / "waves")
    for n in range(60, 66):
        save_pair(data / "images" / f"{n}.png", None, n, gray=True)
    plan = project(data, tmp_path / "farm", split="random")
    frames = read_table(tmp_path / "farm" / "split.csv")
    train = [frame for frame in frames if frame.split == "train"]
    bare = sum(not frame.label for frame in train)
    assert 0 < bare < 6
    said = plan.reasons["distillation"]
    assert f"{len(train)} training frames, {bare} of them without a label. On " in said
    assert "paid with 1 label in 16" in said
    taught = read_config(tmp_path / "farm" / "distilled.py")
    assert taught.train_dataloader.sampler.unlabelled_share == 0.5
    assert leaves(taught)[0].unlabelled == "include"
    plain = read_config(tmp_path / "farm" / "plain.py")
    assert "unlabelled_share" not in plain.train_dataloader.sampler
    assert leaves(plain)[0].unlabelled == "skip"
    assert plain.model.decode_head.loss_decode.gamma == 0


def test_a_part_without_any_label_is_refused(tmp_path: Path):
    data = recordings(tmp_path / "sea")
    masks = sorted(data.rglob("ann_dir/*.png"), key=lambda path: path.stem)
    for mask in masks[:-6]:
        mask.unlink()
    with pytest.raises(
        ValueError, match=r"none of the .* frames of the train part has"
    ):
        project(data, tmp_path / "farm")
    assert not (tmp_path / "farm").exists()


def test_without_such_frames_the_student_learns_from_all_alike(tmp_path: Path):
    plan = project(waves(tmp_path / "waves"), tmp_path / "farm")
    assert "with a label on each it gave nothing" in plan.reasons["distillation"]
    taught = read_config(tmp_path / "farm" / "distilled.py")
    assert "unlabelled_share" not in taught.train_dataloader.sampler
    assert is_a(taught.model.distill_loss.terms[0], KLDLoss)
    assert taught.model.distill_loss.label_loss == "ce"


def published(root: Path, **counts: int) -> Path:
    """Pictures in the layout of MMSegmentation, with folders for parts."""
    for part, count in counts.items():
        for n in range(count):
            image = root / "img_dir" / part / f"{n}.jpg"
            save_pair(image, root / "ann_dir" / part / f"{n}.png", n)
    return root


def named_parts(out: Path) -> Counter:
    """Number of frames of each recording in each part."""
    frames = read_table(out / "split.csv")
    return Counter((frame.recording, frame.split) for frame in frames)


def test_folders_of_parts_are_kept(tmp_path: Path):
    data = published(tmp_path / "set", train=8, val=3, test=2)
    plan = project(data, tmp_path / "farm")
    expected = {("train", "train"): 8, ("val", "val"): 3, ("test", "test"): 2}
    assert named_parts(tmp_path / "farm") == expected
    reason = "as in the folders, embargo none: folders are named train, val, test"
    assert plan.reasons["split"].startswith(reason)
    project(data, tmp_path / "other", split="random", ratios=(8, 3, 2))
    assert parts(tmp_path / "other") == {"train": 8, "val": 3, "test": 2}
    assert named_parts(tmp_path / "other") != expected


def test_part_without_a_folder_is_held_out_of_the_training_part(tmp_path: Path):
    plan = project(published(tmp_path / "set", train=10, Valid=3), tmp_path / "farm")
    expected = {("train", "train"): 8, ("train", "test"): 2, ("Valid", "val"): 3}
    assert named_parts(tmp_path / "farm") == expected
    assert "test is held out of train, random" in plan.reasons["split"]


def test_folders_that_are_no_parts_are_recordings(tmp_path: Path):
    plan = project(published(tmp_path / "set", val=8, other=6), tmp_path / "farm")
    assert plan.reasons["split"].startswith("random, 6:2:2")


def test_small_recordings_stay_whole(tmp_path: Path):
    for n in range(24):
        root = tmp_path / "data" / f"beach{n % 6}"
        save_pair(root / "images" / f"IMG{n}a.png", root / "masks" / f"IMG{n}a.png", n)
    plan = project(tmp_path / "data", tmp_path / "farm")
    assert plan.reasons["split"].startswith("grouped, ")
    frames = read_table(tmp_path / "farm" / "split.csv")
    assert len({(frame.recording, frame.split) for frame in frames}) == 6


# What the files do not tell


def test_missing_facts_are_one_sentence_each_with_its_option(tmp_path: Path):
    for n in range(8):  # a slow video: neighbours are alike
        rows = np.arange(48)[:, None] + np.arange(64) + 16 * n
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.fromarray((rows * 2 % 256).astype(np.uint8)).save(
            tmp_path / f"images/{n}.png"
        )
        save_pair(
            tmp_path / "x.png",
            tmp_path / f"masks/{n}.png",
            n,
            (64, 48),
            values=(0, 1, 2),
        )
    (tmp_path / "x.png").unlink()
    out = tmp_path / "farm"
    with pytest.raises(MissingFactsError) as caught:
        project(tmp_path, out)
    labels, time = caught.value.facts
    assert "--label-values 0=NAME 1=NAME 2=NAME" in labels
    assert "--timestamp frame --fps 25" in time
    assert not out.exists()
    wishes = {"label_values": ["0=sea", "1=ignore", "2=splash"], "timestamp": "frame"}
    plan = project(tmp_path, out, timestamp_options={"fps": 25}, **wishes)
    assert plan.classes == ["sea", "splash"]
    assert plan.reasons["split"].startswith("time, ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: shutil.rmtree(root / "masks"), "none of the 11 pictures .* mask"),
        (
            lambda root: (root / "images/3.png").write_bytes(b"x"),
            r"1 of 11 pictures cannot be used.* frame .*/3.png cannot be read",
        ),
        (
            lambda root: Image.new("L", (5, 5)).save(root / "masks/3.png"),
            "mask .*3.png is 5x5, its picture 40x32",
        ),
        (
            lambda root: Image.new("RGB", (40, 32)).save(root / "masks/3.png"),
            "mask .*3.png is a colour picture, not gray",
        ),
    ],
    ids=["no masks", "damaged", "other size", "colour"],
)
def test_data_that_cannot_be_used(tmp_path: Path, change, message: str):
    change(waves(tmp_path / "waves"))
    with pytest.raises(ValueError, match=message):
        look_at(tmp_path / "waves", progress=False)


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (
            {"label_values": ["0=a", "7=b"]},
            r"leaves out the values \[255\] of the masks",
        ),
        ({"split": "time"}, "needs the time of every frame"),
        ({"embargo": "5s"}, "takes no embargo"),
        ({"teacher": "segformer_b9"}, "'segformer_b9' is not one of segformer_b1"),
        ({"size": (8, 8)}, "must be a width and a height >= 32"),
        ({"classes": ["a", "b", "c"]}, "--label-values 0=NAME 255=NAME"),
    ],
    ids=str,
)
def test_wishes_that_do_not_fit(tmp_path: Path, wishes: dict, message: str):
    with pytest.raises(ValueError, match=message):
        project(waves(tmp_path / "waves"), tmp_path / "farm", **wishes)
    assert not (tmp_path / "farm").exists()


def test_a_folder_with_files_is_left_alone(tmp_path: Path):
    data = waves(tmp_path / "waves")
    with pytest.raises(FileExistsError, match="is not empty"):
        project(data, data)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"max_iters": 150',
            '"max_iters": 0',
            "max_iters=0 must be a whole number >= 1",
        ),
        ('"max_iters"', '"max_iter"', r"\['max_iter'\]: a plan has the keys"),
        ("{", "", "is not valid JSON"),
    ],
    ids=["value", "key", "syntax"],
)
def test_an_edited_plan_is_checked(tmp_path: Path, old: str, new: str, message: str):
    out = tmp_path / "farm"
    project(waves(tmp_path / "waves"), out)
    plan = out / "plan.json"
    plan.write_text(plan.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        read_plan(plan)

import shutil
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.config import teacher_overlap as module
from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.config.frames import ListedFrame, frame_paths
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.teacher_overlap import (
    overlap_findings,
    start_overlaps,
    teacher_overlaps,
    unlisted_teachers,
)
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.timestamps import NO_TIME
from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.records.record import Teacher
from mmseg_splashkd.records.store import write_record
from mmseg_splashkd.runs.train import train
from tests.conftest import DISTILLED, PLAIN, tiny_run
from tests.records.builders import record


@pytest.fixture
def parts(pond):
    listed = frame_paths(read_config(PLAIN, tiny_run(pond)))
    return {part: [file.name for file in files or ()] for part, files in listed.items()}


def leave_teacher(folder, names=None, distilled_from=()):
    """A folder of a run, with arbitrary weights."""
    folder.mkdir()
    path = folder / "weights_last.safetensors"
    write_weights({"a": torch.zeros(1)}, path, {})
    if names is not None:
        (folder / "train_frames.txt").write_text("\n".join([*names, ""]))
    if distilled_from:
        write_record(folder, record(teacher=Teacher(distilled_from)))
    return path


def config(pond, teachers, **options):
    return read_config(
        DISTILLED,
        tiny_run(pond, model__teacher_checkpoint=teachers, **options),
    )


def test_teacher_of_other_frames_passes(pond, tmp_path, parts):
    teacher = leave_teacher(tmp_path / "t", [*parts["train"], "elsewhere/0"])
    cfg = config(pond, str(teacher))
    assert teacher_overlaps(cfg) == []
    assert unlisted_teachers(cfg) == []
    assert "teacher-leak" not in {finding.code for finding in check_data(cfg)}


def test_teacher_of_evaluated_frames_is_refused_by_name(pond, tmp_path, parts):
    trained = [*parts["train"], *parts["val"][1:3], parts["test"][0]]
    teacher = leave_teacher(tmp_path / "t", trained)
    val, test = teacher_overlaps(config(pond, str(tmp_path / "*" / "*.safetensors")))
    assert (val.teacher, val.trained, val.part) == (teacher, teacher, "val")
    assert (val.frames, val.evaluated) == (tuple(parts["val"][1:3]), 6)
    assert (test.part, test.frames) == ("test", (parts["test"][0],))
    with pytest.raises(ValueError, match=r"\[teacher-leak\]") as caught:
        check_data(config(pond, str(teacher)))
    text = str(caught.value)
    assert f"{teacher} was trained on 2 of 6 frames of the val part" in text
    assert parts["val"][1] in text
    assert "allow=['teacher-leak']" in text


def test_allowed_overlap_is_a_warning(pond, tmp_path, parts):
    teacher = leave_teacher(tmp_path / "t", parts["val"])
    found = check_data(
        config(pond, str(teacher), data_check={"allow": ["teacher-leak"]})
    )
    (overlap,) = [finding for finding in found if finding.code == "teacher-leak"]
    assert overlap.level == "warning"
    assert "(allowed)" in overlap.message


def test_overlap_with_the_teacher_of_a_teacher(pond, tmp_path, parts):
    first = leave_teacher(tmp_path / "first", parts["test"], ("../t/none.safetensors",))
    second = leave_teacher(tmp_path / "second", parts["train"], (str(first),))
    cfg = config(pond, str(second))
    (overlap,) = teacher_overlaps(cfg)
    assert (overlap.teacher, overlap.trained, len(overlap.frames)) == (second, first, 3)
    # The first teacher's own teacher is gone, and with it the list of its frames.
    assert [path.name for path in unlisted_teachers(cfg)] == ["none.safetensors"]


def test_overlap_of_one_of_several_teachers(pond, tmp_path, parts):
    good = leave_teacher(tmp_path / "good", parts["train"])
    bad = leave_teacher(tmp_path / "bad", parts["val"][:1])
    overlaps = teacher_overlaps(config(pond, [str(good), str(bad)]))
    assert [each.teacher for each in overlaps] == [bad]


def test_teacher_without_a_list_gives_a_warning(pond, tmp_path):
    teacher = leave_teacher(tmp_path / "t")
    cfg = config(pond, str(teacher))
    assert teacher_overlaps(cfg) == []
    assert unlisted_teachers(cfg) == [teacher]
    (warning,) = [f for f in check_data(cfg) if f.code == "teacher-leak"]
    assert warning.level == "warning"
    assert f"is unknown for {teacher}: there is no train_frames" in warning.message


def test_relative_and_absolute_paths_are_equal(pond, tmp_path, monkeypatch):
    frames: dict = {"type": "BaseSegDataset", "data_root": "pond"}
    frames["img_suffix"] = frames["seg_map_suffix"] = ".png"
    frames["data_prefix"] = {"img_path": "images", "seg_map_path": "labels"}
    monkeypatch.chdir(pond.parent)
    image = next((pond / "images").iterdir())
    teacher = leave_teacher(tmp_path / "t", [str(image.resolve())])
    cfg = config(pond, str(teacher))
    cfg.val_dataloader.dataset = cfg.test_dataloader.dataset = frames
    (overlap,) = teacher_overlaps(cfg)
    assert (overlap.part, overlap.evaluated) == ("val", 31)
    assert overlap.frames == (f"pond/images/{image.name}",)


def test_part_without_a_list_gives_a_warning(pond, tmp_path, parts):
    cfg = config(pond, str(leave_teacher(tmp_path / "t", parts["train"])))
    cfg.test_dataloader.dataset = {"type": "NoSuchDataset"}
    (warning,) = overlap_findings(cfg)
    assert warning.level == "warning"
    assert "the data set of the test part lists no frames" in warning.message


class Renamed(DistillSegmentor):
    """A subclass, registered under another name in the fixture below."""


@pytest.fixture
def renamed():
    MODELS.register_module(name="OtherDistiller", module=Renamed)
    yield
    MODELS.module_dict.pop("OtherDistiller")


@pytest.mark.usefixtures("renamed")
@pytest.mark.parametrize(
    "spelling",
    ["mmseg.DistillSegmentor", DistillSegmentor, Renamed, "OtherDistiller"],
)
def test_overlap_is_detected_for_any_spelling_of_the_model(
    pond, tmp_path, parts, spelling
):
    teacher = leave_teacher(tmp_path / "t", parts["val"])
    cfg = config(pond, str(teacher))
    cfg.model.type = spelling
    (overlap,) = teacher_overlaps(cfg)
    assert len(overlap.frames) == 6
    with pytest.raises(ValueError, match=r"\[teacher-leak\]"):
        check_data(cfg)


def test_plain_model_has_no_teacher(pond):
    assert teacher_overlaps(read_config(PLAIN, tiny_run(pond))) == []


def test_student_whose_teacher_was_trained_on_its_test_part_does_not_train(
    pond, teacher, distil_options, tmp_path
):
    """Both are real runs: the second trains on what the first one validated."""
    swapped = {"val_dataloader.dataset.split": "test"}
    swapped["train_dataloader.dataset.dataset.split"] = "val"
    swapped["test_dataloader.dataset.split"] = "train"
    options = distil_options | swapped
    with pytest.raises(ValueError, match="trained on 22 of 22 frames of the test part"):
        train(DISTILLED, tmp_path / "run", cfg_options=options)
    assert not list(tmp_path.iterdir())


def photos_of_pond(pond) -> dict:
    """The files of the pond, read by a data set of MMSegmentation."""
    frames: dict = {"type": "BaseSegDataset", "data_root": str(pond)}
    frames["img_suffix"] = frames["seg_map_suffix"] = ".png"
    prefix = {"img_path": "images", "seg_map_path": "labels"}
    return {**frames, "data_prefix": prefix}


def test_data_sets_of_two_classes_are_compared_by_their_files(pond, teacher, tmp_path):
    """The teacher is a real run on the frames that a foreign data set evaluates."""
    (weights,) = teacher.glob("weights_*_best.safetensors")
    cfg = config(pond, str(weights))
    repeated = {"type": "RepeatDataset", "times": 1, "dataset": photos_of_pond(pond)}
    cfg.val_dataloader.dataset = cfg.test_dataloader.dataset = repeated
    (overlap,) = teacher_overlaps(cfg)
    assert (len(overlap.frames), overlap.evaluated) == (22, 31)


def test_frames_of_a_target_are_found_under_another_name(pond, teacher, tmp_path):
    """The teacher is a real run on the camera whose labels the student does not see."""
    (weights,) = teacher.glob("weights_*_best.safetensors")
    source = tmp_path / "source"
    shutil.copytree(pond, source)
    cfg = config(pond, str(weights))
    own = cfg.train_dataloader.dataset.dataset
    both = [{**own, "data_root": str(source)}, {**own, "unlabelled": "all"}]
    cfg.train_dataloader.dataset.dataset = {"type": "ConcatDataset", "datasets": both}
    cfg.test_dataloader.dataset = {**cfg.test_dataloader.dataset, "split": "train"}
    (overlap,) = teacher_overlaps(cfg)
    assert (overlap.part, len(overlap.frames), overlap.evaluated) == ("test", 22, 22)
    assert overlap.frames[0].startswith("target/")
    alone = config(pond, str(weights))
    alone.train_dataloader.dataset.dataset.unlabelled = "all"
    alone.test_dataloader.dataset = {**alone.test_dataloader.dataset, "split": "train"}
    (overlap,) = teacher_overlaps(alone)
    assert overlap.frames[0].startswith("pond/")


def test_files_of_a_foreign_teacher_are_found_in_a_split(pond, tmp_path, parts):
    link = tmp_path / "link"
    link.symlink_to(pond)
    listed = frame_paths(read_config(PLAIN, tiny_run(pond)))["val"] or ()
    images = [file.image.replace(str(pond), str(link)) for file in listed]
    cfg = config(pond, str(leave_teacher(tmp_path / "t", images[:2])))
    (overlap,) = teacher_overlaps(cfg)
    assert overlap.frames == tuple(parts["val"][:2])


@pytest.mark.parametrize(
    ("content", "same"), [("the photo", True), ("another", False), (None, True)]
)
def test_equal_stems_are_one_frame_only_with_equal_content(
    tmp_path, monkeypatch, content, same
):
    """Names such as ``0001`` occur in every folder of photos."""
    evaluated, trained = (
        [ListedFrame("./0001", Frame(".", NO_TIME, str(tmp_path / f"{folder}.jpg")))]
        for folder in ("mine", "theirs")
    )
    (tmp_path / "mine.jpg").write_text("the photo")
    if content is not None:
        (tmp_path / "theirs.jpg").write_text(content)
    teacher = leave_teacher(tmp_path / "t", ["./0001"])
    write_record(teacher.parent, record(config_text="kind = 'teacher'\n"))
    monkeypatch.setattr(
        module,
        "frame_paths",
        lambda cfg: {"train": trained} if cfg.get("kind") else {"val": evaluated},
    )
    monkeypatch.setattr(module, "_teachers", lambda cfg: [teacher])
    overlaps = teacher_overlaps(Config())
    assert [overlap.frames for overlap in overlaps] == [("./0001",)] * same


# Weights to start from, such as of a run without labels.


def starting(pond, path, key="model__backbone__init_cfg"):
    start: Any = str(path)
    if key.endswith("init_cfg"):
        start = {"type": "Pretrained", "checkpoint": start, "prefix": "backbone."}
    return read_config(PLAIN, tiny_run(pond, **{key: start}))


@pytest.mark.parametrize("key", ["model__backbone__init_cfg", "load_from"])
def test_start_from_weights_of_evaluated_frames_is_refused(pond, tmp_path, parts, key):
    leave_teacher(tmp_path / "s", [*parts["train"], *parts["val"][:2]])
    cfg = starting(pond, tmp_path / "s" / "weights_last.safetensors", key)
    (overlap,) = start_overlaps(cfg)
    assert (overlap.part, overlap.frames) == ("val", tuple(parts["val"][:2]))
    with pytest.raises(
        ValueError, match=r"\[start-leak\] the weights .* to start from"
    ):
        check_data(cfg)
    cfg.data_check = {"allow": ["start-leak"]}
    assert "start-leak" in {finding.code for finding in check_data(cfg)}


def test_start_from_a_pattern_of_files_is_looked_at(pond, tmp_path, parts):
    leave_teacher(tmp_path / "s", parts["test"])
    (overlap,) = start_overlaps(starting(pond, tmp_path / "*" / "*.safe*", "load_from"))
    assert overlap.part == "test"


@pytest.mark.parametrize("missing", [True, False])
def test_start_from_other_weights_passes(pond, tmp_path, parts, missing):
    """Weights of other packages have no list of frames, and need none."""
    path = leave_teacher(tmp_path / "s", None if missing else parts["train"])
    assert list(overlap_findings(starting(pond, path))) == []


def test_a_teacher_that_began_from_evaluated_frames_is_refused(pond, tmp_path, parts):
    first = leave_teacher(tmp_path / "first", parts["val"])
    teacher = leave_teacher(tmp_path / "t", parts["train"])
    start = {"type": "Pretrained", "checkpoint": str(first)}
    text = f"model = {{'type': 'os.system', 'backbone': {{'init_cfg': {start!r}}}}}\n"
    write_record(teacher.parent, record(config_text=text))
    (overlap,) = teacher_overlaps(config(pond, str(teacher)))
    assert (overlap.teacher, overlap.trained) == (teacher, first)
    (found,) = overlap_findings(config(pond, str(teacher)))
    assert f"distilled or begun from {first}, was trained on 6 of 6" in found.message

import json

import pytest
import torch

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.config.data_check import check_data
from mmseg_splashkd.config.frames import frame_names
from mmseg_splashkd.config.leaks import (
    leak_findings,
    leaked_frames,
    untold_teachers,
)
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.runs.train import train
from tests.conftest import DISTILLED, PLAIN, tiny_run
from tests.records.builders import record


@pytest.fixture
def parts(pond):
    return frame_names(read_config(PLAIN, tiny_run(pond)))


def leave_teacher(folder, names=None, taught_by=None):
    """A folder of a run, with weights of nobody."""
    folder.mkdir()
    path = folder / "weights_last.safetensors"
    write_weights({"a": torch.zeros(1)}, path, {})
    if names is not None:
        (folder / "train_frames.txt").write_text("\n".join([*names, ""]))
    if taught_by is not None:
        state = record(teacher={"checkpoint": taught_by})
        (folder / "run.json").write_text(json.dumps(state))
    return path


def config(pond, teachers, **options):
    return read_config(
        DISTILLED,
        tiny_run(pond, model__teacher_checkpoint=teachers, **options),
    )


def test_teacher_of_other_frames_passes(pond, tmp_path, parts):
    teacher = leave_teacher(tmp_path / "t", [*parts["train"], "elsewhere/0"])
    cfg = config(pond, str(teacher))
    assert leaked_frames(cfg) == []
    assert untold_teachers(cfg) == []
    assert "teacher-leak" not in {finding.code for finding in check_data(cfg)}


def test_teacher_of_scored_frames_is_refused_by_number_and_name(pond, tmp_path, parts):
    seen = [*parts["train"], *parts["val"][1:3], parts["test"][0]]
    teacher = leave_teacher(tmp_path / "t", seen)
    val, test = leaked_frames(config(pond, str(tmp_path / "*" / "*.safetensors")))
    assert (val.teacher, val.trained, val.part) == (teacher, teacher, "val")
    assert (val.frames, val.scored) == (tuple(parts["val"][1:3]), 6)
    assert (test.part, test.frames) == ("test", (parts["test"][0],))
    with pytest.raises(ValueError, match=r"\[teacher-leak\]") as caught:
        check_data(config(pond, str(teacher)))
    text = str(caught.value)
    assert f"{teacher} was trained on 2 of 6 frames of the val part" in text
    assert parts["val"][1] in text
    assert "allow=['teacher-leak']" in text


def test_leak_that_is_meant_is_warned_of(pond, tmp_path, parts):
    teacher = leave_teacher(tmp_path / "t", parts["val"])
    found = check_data(
        config(pond, str(teacher), data_check={"allow": ["teacher-leak"]})
    )
    (leak,) = [finding for finding in found if finding.code == "teacher-leak"]
    assert leak.level == "warning"
    assert "(allowed)" in leak.message


def test_frames_leak_through_the_teacher_of_a_teacher(pond, tmp_path, parts):
    first = leave_teacher(tmp_path / "first", parts["test"], "../t/none.safetensors")
    second = leave_teacher(tmp_path / "second", parts["train"], [str(first)])
    cfg = config(pond, str(second))
    (leak,) = leaked_frames(cfg)
    assert (leak.teacher, leak.trained, len(leak.frames)) == (second, first, 3)
    # The first one's own teacher is gone, and with it what that was trained on.
    assert [path.name for path in untold_teachers(cfg)] == ["none.safetensors"]


def test_one_of_several_teachers_leaks(pond, tmp_path, parts):
    good = leave_teacher(tmp_path / "good", parts["train"])
    bad = leave_teacher(tmp_path / "bad", parts["val"][:1])
    leaks = leaked_frames(config(pond, [str(good), str(bad)]))
    assert [leak.teacher for leak in leaks] == [bad]


def test_teacher_that_cannot_be_told_is_warned_of(pond, tmp_path):
    teacher = leave_teacher(tmp_path / "t")
    cfg = config(pond, str(teacher))
    assert leaked_frames(cfg) == []
    assert untold_teachers(cfg) == [teacher]
    (warning,) = [f for f in check_data(cfg) if f.code == "teacher-leak"]
    assert warning.level == "warning"
    assert f"{teacher} was trained on frames that are scored cannot be told" in str(
        warning
    )


def test_paths_are_compared_wherever_they_are_seen_from(pond, tmp_path, monkeypatch):
    frames: dict = {"type": "BaseSegDataset", "data_root": "pond"}
    frames["img_suffix"] = frames["seg_map_suffix"] = ".png"
    frames["data_prefix"] = {"img_path": "images", "seg_map_path": "labels"}
    monkeypatch.chdir(pond.parent)
    image = next((pond / "images").iterdir())
    teacher = leave_teacher(tmp_path / "t", [str(image.resolve())])
    cfg = config(pond, str(teacher))
    cfg.val_dataloader.dataset = frames
    (leak,) = leaked_frames(cfg)
    assert (leak.part, leak.scored) == ("val", 31)
    assert leak.frames == (f"pond/images/{image.name}",)


def test_part_that_is_not_listed_is_warned_of(pond, tmp_path, parts):
    cfg = config(pond, str(leave_teacher(tmp_path / "t", parts["train"])))
    cfg.test_dataloader.dataset = {"type": "NoSuchDataset"}
    (warning,) = leak_findings(cfg)
    assert warning.level == "warning"
    assert "the test part does not list its frames" in warning.message


def test_plain_model_has_no_teacher(pond):
    assert leaked_frames(read_config(PLAIN, tiny_run(pond))) == []


def test_student_of_a_teacher_that_saw_its_test_part_does_not_train(
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

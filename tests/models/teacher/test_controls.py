"""Which controls a config names, and how the answers of a batch are shuffled."""

import pytest
import torch
from mmseg.structures import SegDataSample

from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from mmseg_splashkd.models.teacher.controls import (
    TeacherControl,
    read_control,
    shuffled,
)

MODEL = {"teacher": {"type": "EncoderDecoder"}}


@pytest.mark.parametrize(
    ("options", "control"),
    [
        (MODEL, TeacherControl()),
        (MODEL | {"teacher_checkpoint": "t", "teacher_gate": {}}, TeacherControl()),
        (MODEL | {"teacher_control": "shuffled"}, TeacherControl("shuffled")),
        (MODEL | {"teacher_control": "untrained"}, TeacherControl("untrained")),
        (
            MODEL | {"teacher_control": "untrained", "teacher_seed": 3},
            TeacherControl("untrained", 3),
        ),
        ({"teacher": "labels", "label_margin": 5.0}, TeacherControl("labels")),
    ],
)
def test_the_control_of_a_config(options, control):
    assert read_control(options) == control
    assert control.has_weights == (control.kind in (None, "shuffled"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"teacher_control": "labels"}, r"teacher_control must be one of .*='labels'"),
        ({"teacher_control": "untrained", "teacher_seed": -1}, "teacher_seed must be"),
        ({"teacher_seed": 3}, "teacher_seed=3 has no effect.*untrained"),
        (
            {"teacher_control": "untrained", "teacher_checkpoint": "t.pth"},
            r"teacher_checkpoint='t\.pth' has no effect.*Leave it out",
        ),
        ({"label_margin": 5.0}, "label_margin=5.0 has no effect: it is for"),
        *(
            ({"teacher": "labels", name: value}, rf"model\.{name}=.* has no effect")
            for name, value in {
                "teacher_checkpoint": "t.pth",
                "class_mapping": [0, 1],
                "ensemble": {"average": "logit"},
                "teacher_gate": {"floor": {"mIoU": 5}},
                "teacher_cache": "cache",
                "teacher_control": "shuffled",
                "teacher_seed": 0,
            }.items()
        ),
    ],
)
def test_options_without_effect_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        read_control(MODEL | options)


def answers(names: str) -> tuple[SegOutputs, list[SegDataSample]]:
    """Outputs that hold the place of each frame of a batch, and its samples."""
    places = torch.arange(len(names), dtype=torch.float)[:, None, None, None]
    samples = [SegDataSample(metainfo={"img_path": name}) for name in names]
    return SegOutputs(places, [places + 10], places + 20), samples


@pytest.mark.parametrize(
    ("names", "order"),
    [
        ("ab", [1, 0]),
        ("abc", [2, 0, 1]),
        ("aabb", [2, 3, 0, 1]),  # a shift of 1 gives two frames their own
        ("aaab", [3, 0, 1, 2]),  # no shift gives none
    ],
)
def test_every_frame_gets_the_answer_to_another_one(names, order):
    outputs = shuffled(*answers(names))
    assert outputs.logits.flatten().tolist() == order
    assert outputs.at(0).flatten().tolist() == [10 + place for place in order]
    assert outputs.at("fused").flatten().tolist() == [20 + place for place in order]


def test_frames_without_a_name_are_shuffled():
    outputs, _ = answers("abc")
    moved = shuffled(outputs, [SegDataSample()] * 3)
    assert moved.logits.flatten().tolist() == [2, 0, 1]


def test_a_batch_of_one_frame_is_refused():
    with pytest.raises(
        ValueError, match=r"a batch has 1: set train_dataloader\.batch_size"
    ):
        shuffled(*answers("a"))

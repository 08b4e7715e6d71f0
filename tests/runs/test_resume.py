from dataclasses import replace
from typing import Any

import pytest

from mmseg_splashkd.records.record import Change, Data, RunRecord, Teacher
from mmseg_splashkd.runs.resume import changed, check_resumed
from tests.records.builders import record

CONFIG = """
model = dict(type="A", head=dict(channels=4, init_cfg=None), teacher_checkpoint="a*")
train_dataloader = dict(batch_size=2, num_workers=0, dataset=dict(data_root="x"))
val_dataloader = dict(batch_size=1, num_workers=0, dataset=dict(data_root="x", fold=0))
val_evaluator = dict(type="IoUMetric")
train_cfg = dict(max_iters=4, val_interval=2)
optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.1))
param_scheduler = [dict(type="PolyLR", end=4), dict(type="LinearLR", end=2)]
randomness = dict(seed=0)
default_hooks = dict(
    checkpoint=dict(interval=2, save_best="mIoU"), logger=dict(interval=1)
)
custom_hooks = [dict(type="ClassesHook")]
work_dir = "a"
visualizer = None
iterations = 4
"""


def described(text: str = CONFIG, **changes: Any) -> RunRecord:
    data = Data(table_sha256=("1",), train_frames_sha256="2", files_sha256="3")
    teacher = Teacher(("a1",), ("4",))
    values = {"iterations": 4, "data": data, "teacher": teacher} | changes
    return record(config_text=text, **values)


def check(old: str, new: str) -> None:
    assert CONFIG.count(old) >= 1
    after = described(CONFIG.replace(old, new))
    check_resumed(described(), after, "iter_2.pth", 2)


def test_changes_that_act_are_recorded_with_their_iteration():
    text = CONFIG.replace("max_iters=4", "max_iters=9").replace("end=4", "end=9")
    text = text.replace('[dict(type="ClassesHook")]', "[]")  # which no result needs
    found = check_resumed(described(), described(text), "iter_2.pth", 2)
    assert set(found) == {
        Change(2, "param_scheduler.0.end", "4", "9"),
        Change(2, "train_cfg.max_iters", "4", "9"),
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max_iters=4", "max_iters=9"),
        ("end=4", "end=9"),
        (', dict(type="LinearLR", end=2)', ""),
        ("val_interval=2", "val_interval=1"),
        ("num_workers=0", "num_workers=3"),
        ('data_root="x"', 'data_root="moved"'),
        ('"a*"', '"a1"'),
        ("init_cfg=None", "init_cfg=dict(type='Pretrained')"),
        ("batch_size=1", "batch_size=2"),
        ("interval=2, save", "interval=1, save"),
        ("logger=dict(interval=1)", "logger=dict(interval=5)"),
        ('[dict(type="ClassesHook")]', "[]"),
        ('work_dir = "a"', 'work_dir = "b"'),
        ("visualizer = None", "visualizer = dict(type='V')"),
        ("iterations = 4", "iterations = 5"),  # no runner reads it
    ],
)
def test_options_that_act_may_change(old, new):
    check(old, new)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("lr=0.1", "lr=0.2", r"optim_wrapper\.optimizer\.lr was 0\.1, now 0\.2"),
        ("seed=0", "seed=1", r"randomness\.seed was 0, now 1"),
        ("channels=4", "channels=8", r"model\.head\.channels was 4, now 8"),
        ("batch_size=2", "batch_size=4", r"train_dataloader\.batch_size was 2, now 4"),
        ("fold=0", "fold=1", r"val_dataloader\.dataset\.fold was 0, now 1"),
        ('"mIoU"', '"aAcc"', r"save_best was 'mIoU', now 'aAcc'"),
        ("IoUMetric", "DiceMetric", r"val_evaluator\.type was 'IoUMetric'"),
    ],
)
def test_options_that_a_checkpoint_overrides_are_refused(old, new, named):
    with pytest.raises(ValueError, match=f"{named}.*load_from=iter_2.pth in another"):
        check(old, new)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"table_sha256": ("9",)}, "the split table changed"),
        ({"train_frames_sha256": "9"}, "the list of training frames changed"),
        ({"files_sha256": "9"}, "files of frames or labels changed"),
    ],
)
def test_data_are_compared_by_content(changes, named):
    after = described()
    after = replace(after, data=replace(after.data, **changes))
    with pytest.raises(ValueError, match=named):
        check_resumed(described(), after, "iter_2.pth", 2)


def test_teacher_is_compared_by_content():
    after = described(teacher=Teacher(("a1",), ("9",)))
    with pytest.raises(ValueError, match="the teacher's weights changed"):
        check_resumed(described(), after, "iter_2.pth", 2)


def test_end_before_the_checkpoint_is_refused():
    check_resumed(described(), described(iterations=2), "iter_2.pth", 2)
    with pytest.raises(ValueError, match=r"max_iters=1, and iter_2\.pth is of iterat"):
        check_resumed(described(), described(iterations=1), "iter_2.pth", 2)


def test_record_without_a_config_or_hashes_is_not_compared():
    check_resumed(record(), described(), "iter_2.pth", 2)
    before = described(data=Data(), teacher=None)
    check_resumed(before, described(), "iter_2.pth", 2)


def test_many_changes_are_counted():
    text = CONFIG.replace("model =", "m =").replace("optim_wrapper", "o")
    text = text.replace("randomness", "r").replace("batch_size=2", "batch_size=1")
    with pytest.raises(ValueError, match="; and 1 more"):
        check_resumed(described(), described(text), "iter_2.pth", 2)


def test_values_are_compared_as_they_are_written():
    assert changed("a = dict(b=(1, 2))", "a = dict(b=[1, 2])") == {}
    assert changed("a = [1]", "a = [2]") == {"a": ([1], [2])}

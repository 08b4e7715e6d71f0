from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from mmseg_splashkd.config.keys import is_read
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.text import values_text
from mmseg_splashkd.records.changes import listed
from mmseg_splashkd.records.record import (
    Change,
    Code,
    Data,
    Hardware,
    RunRecord,
    Teacher,
)
from mmseg_splashkd.records.store import write_record
from mmseg_splashkd.runs.resume import changed, check_resumed, rates_end_early
from mmseg_splashkd.runs.train import _check_resume
from tests.conftest import DISTILLED
from tests.records.builders import leave_run, record

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
    text = text.replace('"ClassesHook"', '"Other"')
    text = text.replace("iterations = 4", "iterations = 9")  # no runner reads it
    text = text.replace('work_dir = "a"', 'work_dir = "b"')
    found = check_resumed(described(), described(text), "iter_2.pth", 2)
    assert set(found) == {
        Change(2, "param_scheduler.0.end", "4", "9"),
        Change(2, "train_cfg.max_iters", "4", "9"),
        Change(2, "custom_hooks.0.type", "'ClassesHook'", "'Other'"),
    }


def other(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return value + 1
    return [*value, 7] if isinstance(value, list | tuple) else f"{value}x"


def changed_leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Dotted key of each leaf, and a copy of the config with another value there."""
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        nested = isinstance(child, dict) or (
            isinstance(child, list) and any(isinstance(each, dict) for each in child)
        )
        found = changed_leaves(child) if nested else [("", other(child))]
        for name, changed_child in found:
            copy = dict(value) if isinstance(value, dict) else list(value)
            copy[key] = changed_child  # type: ignore[index]
            yield f"{key}.{name}".rstrip("."), copy


def effect(before: RunRecord, after: RunRecord) -> tuple[Change, ...] | str:
    """The recorded changes, or the text of the refusal."""
    try:
        return check_resumed(before, after, "iter_2.pth", 2)
    except ValueError as error:
        return str(error)


def test_each_key_of_a_config_acts_and_is_recorded_or_is_refused():
    """Of every key that a run reads, none is ignored."""
    cfg = read_config(DISTILLED).to_dict()
    before = described(values_text(cfg), iterations=None)
    found = {
        key: effect(before, described(values_text(values), iterations=None))
        for key, values in changed_leaves(cfg)
        if is_read(cfg, top(key)) and key != "work_dir"
    }
    refused = {key: each for key, each in found.items() if isinstance(each, str)}
    for key, told in refused.items():
        assert f"not train as asked: {key} was " in told
    acts = {key: each for key, each in found.items() if not isinstance(each, str)}
    for key, (change,) in acts.items():
        assert (change.iteration, change.key) == (2, key)
        assert change.before != change.after
    assert len(refused) > 40
    assert len(acts) > 40
    assert {*map(top, refused)} >= {"model", "optim_wrapper", "train_dataloader"}
    assert {*map(top, acts)} >= {"param_scheduler", "default_hooks", "env_cfg"}


def top(key: str) -> str:
    return key.partition(".")[0]


def test_code_libraries_and_processes_are_recorded():
    before = described(
        code=Code("1", sources={"mine": "a" * 64, "gone": "b" * 64}),
        host={"torch": "2.1"},
    )
    after = described(
        code=Code("1", sources={"mine": "c" * 64}),
        host={"torch": "2.2"},
        hardware=Hardware(processes=2),
    )
    assert check_resumed(before, after, "iter_2.pth", 2) == (
        Change(2, "code mine", "a" * 64, "c" * 64),
        Change(2, "code gone", "b" * 64, "nothing"),
        Change(2, "library torch", "2.1", "2.2"),
        Change(2, "processes", "1", "2"),
    )
    older = replace(before, code=Code("1"), host={})  # records without these
    assert check_resumed(older, before, "iter_2.pth", 2) == ()


def test_whole_values_are_recorded_and_short_ones_told():
    text = CONFIG.replace('type="ClassesHook"', f"names={['n' * 9] * 20}")
    (_, change) = check_resumed(described(), described(text), "iter_2.pth", 2)
    assert change.key == "custom_hooks.0.names"
    assert change.after == str(["n" * 9] * 20)
    assert len(listed([change])) < 120


def test_fewer_epochs_than_the_checkpoint_has_are_refused():
    text = CONFIG.replace("max_iters=4", "max_epochs=4")
    before = described(text, iterations=None)
    after = described(text.replace("epochs=4", "epochs=2"), iterations=None)
    assert check_resumed(before, after, "epoch_2.pth", 8, 2)
    with pytest.raises(ValueError, match=r"max_epochs=2, and e\.pth is of epoch 3 alr"):
        check_resumed(before, after, "e.pth", 12, 3)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("max_iters=4", "max_iters=9", "ends at 4: the rate stays as it is there"),
        ("max_iters=4", "max_iters=3", "ends at 4: the rate stays as it is there"),
        ("=4", "=9", None),
        ("num_workers=0", "num_workers=1", None),
    ],
)
def test_a_longer_run_whose_schedules_do_not_follow_is_told(old, new, told):
    text = CONFIG.replace(old, new)
    if new == "=9":
        text = text.replace("channels=9", "channels=4")
    changes = check_resumed(described(), described(text, iterations=9), "iter_2.pth", 2)
    found = rates_end_early(changes, text)
    assert found is None if told is None else told in (found or "")


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


def saved(folder: Path, text: str | None, iteration: int = 2) -> Path:
    folder.mkdir(exist_ok=True)
    meta = {"iter": iteration, "epoch": 0} | ({} if text is None else {"cfg": text})
    path = folder / f"iter_{iteration}.pth"
    torch.save({"meta": meta, "state_dict": {}, "optimizer": {}}, path)
    (folder / "last_checkpoint").write_text(path.name)
    return path


def test_a_folder_without_a_record_is_compared_with_its_checkpoint(tmp_path):
    """Of a run of MMSegmentation's own tools."""
    saved(tmp_path, CONFIG)
    cfg = Config({"work_dir": str(tmp_path)})
    longer = described(CONFIG.replace("max_iters=4", "max_iters=9"), iterations=9)
    changes, told = _check_resume(cfg, longer)
    assert changes == (Change(2, "train_cfg.max_iters", "4", "9"),)
    assert (
        "resumed with changes: train_cfg.max_iters at iteration 2 (4, then" in told[0]
    )
    assert "ends at 4: the rate stays as it is there" in told[1]
    other = described(CONFIG.replace("lr=0.1", "lr=0.2"))
    with pytest.raises(ValueError, match=r"optimizer\.lr was 0\.1, now 0\.2"):
        _check_resume(cfg, other)
    saved(tmp_path, None)
    _, told = _check_resume(cfg, other)
    assert "holds no config: changes since then cannot be told" in told[0]


def test_a_named_checkpoint_is_compared_with_its_own_run(tmp_path):
    one, other = (leave_run(tmp_path, number, **{}) for number in (1, 2))
    text = CONFIG.replace("lr=0.1", "lr=0.2")
    write_record(one, described())
    write_record(other, described(text))
    path = saved(other, CONFIG)
    cfg = Config({"work_dir": str(one), "load_from": str(path)})
    assert _check_resume(cfg, described(text)) == ((), [])
    with pytest.raises(ValueError, match=r"optimizer\.lr was 0\.2, now 0\.1"):
        _check_resume(cfg, described())


def test_a_change_whose_start_trained_nothing_is_not_recorded_twice(tmp_path):
    run = leave_run(tmp_path)
    saved(run, CONFIG)
    cfg = Config({"work_dir": str(run)})
    text = CONFIG.replace("interval=1", "interval=5")
    write_record(run, described(text, changes=_check_resume_of(run, CONFIG, text)))
    assert [each.after for each in _check_resume(cfg, described(text))[0]] == ["5"]
    assert _check_resume(cfg, described(CONFIG))[0] == ()


def _check_resume_of(run: Path, before: str, after: str) -> tuple[Change, ...]:
    write_record(run, described(before))
    return _check_resume(Config({"work_dir": str(run)}), described(after))[0]

"""``tools/advise.py`` on the drawn pond."""

import functools
import operator
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

import mmseg_splashkd.advice.look as module
from mmseg_splashkd.advice.look import (
    check_lookable,
    is_pretrained,
    look,
    setting_of,
)
from mmseg_splashkd.advice.plain import plain_options
from mmseg_splashkd.config.class_shares import ClassShares
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.walk import leaves
from mmseg_splashkd.records.record import RunRecord
from mmseg_splashkd.records.store import read_record, write_record
from tests.conftest import DISTILLED, PLAIN
from tests.tools import run_tool


@pytest.fixture(scope="module")
def options(distil_options) -> dict:
    return distil_options | {"train_cfg.max_iters": 12}


@pytest.fixture
def cfg(options) -> Config:
    return read_config(str(DISTILLED), dict(options))


@pytest.mark.slow
def test_the_tool_says_what_it_saw_and_trains_once(
    options, cfg, tmp_path, capsys, monkeypatch
):
    settings = []

    def kept(*of: Any) -> Any:
        settings.append(setting_of(*of))
        return settings[-1]

    monkeypatch.setattr(module, "setting_of", kept)
    given = [f"{key}={value}".replace(" ", "") for key, value in options.items()]
    starts = set()
    for _ in range(2):
        run_tool(
            "advise.py", DISTILLED, "--work-dir", tmp_path, "--cfg-options", *given
        )
        (run,) = tmp_path.glob("6_*")
        record = read_record(run)
        assert record is not None
        assert record.iteration == 6
        starts.add(record.id)
    assert len(starts) == 1
    printed = capsys.readouterr().out
    score = record.validations[6]["OperatingPoint.Dice"]
    assert printed.count(f"Plain student: OperatingPoint.Dice {score:.1f}") == 2
    assert "Labels: 22 frames with, 0 without; rarest class splash" in printed
    assert printed.count("(12 x 0.") == 4  # the whole config, plain and distilled
    passes = 12 * cfg.train_dataloader.batch_size / 22  # also those of the whole
    assert [each.passes for each in settings] == pytest.approx([passes, passes])


def test_the_teacher_is_scored_as_a_student_is(cfg, teacher):
    """Its own run validated the same weights by the hook."""
    report, score = module._teacher(cfg, "OperatingPoint.Dice")
    record = read_record(teacher)
    assert record is not None
    scores = [v["OperatingPoint.Dice"] for v in record.validations.values()]
    expected = max(each for each in scores if each is not None)
    assert score == pytest.approx(expected, abs=1e-3)
    assert report["skill"] >= score  # at the threshold that is best on these frames


def test_lengths_out_of_range_are_refused(options, tmp_path):
    for length in (2, 13):
        with pytest.raises(
            ValueError, match=rf"--length {length} must be in \[3, 12\]"
        ):
            look(str(DISTILLED), tmp_path, length, options)


@pytest.mark.parametrize(("reached", "whole"), [(10, False), (13, True)])
def test_a_plain_run_that_a_hook_ended_early_is_refused(
    options, tmp_path, monkeypatch, reached, whole
):
    def trained(config, folder, name, given):
        folder.mkdir()
        write_record(
            folder, RunRecord("1", name, "finished", iterations=13, iteration=reached)
        )

    monkeypatch.setattr(module, "train_once", trained)
    monkeypatch.setattr(module, "logged", lambda *of: ([2, 4, 6], [1.0, 2.0, 3.0]))
    plain = options | plain_options(read_config(DISTILLED, options))
    arguments = str(DISTILLED), plain, 13, tmp_path, "mIoU"
    if whole:
        assert module._plain_run(*arguments)[0] == 3.0
    else:
        with pytest.raises(ValueError, match="ended at 10 of 13 iterations: a hook"):
            module._plain_run(*arguments)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"model.teacher_control": "shuffled"}, "is one of the controls"),
        ({"model.student.test_cfg.mode": "slide"}, "cannot be compared"),
        ({"val_evaluator": None}, "set val_dataloader, val_cfg and val_evaluator"),
        (
            {"val_evaluator": {"type": "IoUMetric", "iou_metrics": ["mDice"]}},
            "with IoUMetric",
        ),
    ],
)
def test_what_cannot_be_looked_at_is_refused_at_once(cfg, changes, fault):
    for key, value in changes.items():
        *parents, name = key.split(".")
        place: Any = functools.reduce(operator.getitem, parents, cfg)
        place[name] = value
    with pytest.raises(ValueError, match=fault):
        check_lookable(cfg)


def test_a_plain_config_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not distil"):
        look(str(PLAIN), tmp_path)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"backbone": {"init_cfg": {"type": "Pretrained", "checkpoint": "a"}}}, True),
        ({"init_cfg": [{"type": "Pretrained", "checkpoint": "a"}]}, True),
        ({"backbone": {"pretrained": True}}, True),
        ({"backbone": {"init_cfg": {"type": "Pretrained", "checkpoint": None}}}, False),
        ({"backbone": {"init_cfg": None, "pretrained": False}}, False),
    ],
)
def test_weights_to_start_from_are_seen(model, expected):
    assert is_pretrained(model) is expected


def test_the_setting_of_a_run_needs_nothing_built_before(cfg, monkeypatch):
    monkeypatch.setattr(DefaultScope, "_instance_dict", {})
    shares = ClassShares(("background", "splash"), (0.98, 0.02), 22, 3)
    assert setting_of(cfg, shares, 44, True, 5.0).parameters > 0


def test_the_setting_of_a_run(cfg):
    shares = ClassShares(("background", "splash"), (0.98, 0.02), 22, 3)
    found = setting_of(cfg, shares, draws=44, saturated=True, lead=5.0)
    assert (found.passes, found.labelled, found.has_unlabelled) == (2.0, 22, True)
    assert found.rarest_share == pytest.approx(2.0)
    assert not found.clip
    cfg.load_from = "weights.pth"
    assert setting_of(cfg, shares, 44, True, 5.0).pretrained
    (leaf,) = leaves(cfg.train_dataloader.dataset, targets=False)
    leaf["clip"] = "2s"
    assert setting_of(cfg, shares, 44, True, 5.0).clip

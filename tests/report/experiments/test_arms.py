"""Runs as arms: which belong together, what they are called, who is the baseline."""

import pytest

from mmseg_splashkd.report.experiments.arms import choose_baseline, gather_arms
from mmseg_splashkd.report.experiments.found import find_runs
from mmseg_splashkd.report.experiments.statistics import judge
from tests.report.experiments.fake import read_lines, write_ledger


def gather(folder, **arguments):
    return gather_arms(find_runs([folder]), **arguments)


def rename(folder, lines, old, new):
    """Rename runs, and their folders."""
    for line in lines:
        name = line["run"].replace(old, new)
        (folder / line["run"]).rename(folder / name)
        line["run"] = line["work_dir"] = name
    write_ledger(folder, lines)


def test_arms_are_runs_of_one_name_but_for_fold_and_seed(sweep):
    arms, aside = gather(sweep)
    assert len(arms) == 11
    told = {arm.title: (arm.name, arm.family, arm.ratio, arm.plain) for arm in arms}
    assert told["farm_b0"] == ("farm_b0_1125", "farm_b0", None, True)
    kind = "farm_b0_kd_pe001"
    assert told[f"{kind}, r = 0.5"] == (f"{kind}_1125_50", kind, 0.5, False)
    assert [arm.title for arm in arms if arm.taught] == ["farm_b1"]
    assert {cell.fold for cell in arms[0].records} == {0, 1, 2}
    assert [each.run.how for each in aside] == ["failed"]


def test_what_else_varies_is_in_the_title(two):
    rename(two, read_lines(two), "_fold", "_lr0.01_fold")
    arms, _ = gather(two)
    titles = [(arm.title, arm.family) for arm in arms]
    kd = "farm_b0_kd lr0.01"
    assert titles == [("farm_b0 lr0.01",) * 2, (f"{kd}, r = 0.5", kd)]


def test_a_share_that_is_no_number_is_none(two):
    lines = read_lines(two)
    for line in lines[3:]:
        line["teacher_ratio"] = {"type": "linear", "begin": 0, "end": 1}
    write_ledger(two, lines)
    arms, _ = gather(two)
    assert [(arm.ratio, arm.plain) for arm in arms] == [(None, True), (None, False)]


def test_the_baseline_is_the_plain_student_or_the_one_named(sweep):
    arms, _ = gather(sweep)
    assert choose_baseline(arms).title == "farm_b0"
    for name in (
        "farm_b0_kd_1125_50",
        "farm_b0_kd, r = 0.5",
        "farm_b0_kd_1125_50_fold1",
    ):
        assert choose_baseline(arms, name).title == "farm_b0_kd, r = 0.5"
    distilled = [arm for arm in arms if not arm.plain]
    assert choose_baseline(distilled[::-1]).ratio == 0.25
    with pytest.raises(
        ValueError, match="--baseline b9 is none of the arms: farm_b1_1125"
    ):
        choose_baseline(arms, "b9")


def test_runs_without_counts_are_put_aside(two):
    (two / "farm_b0_1125_fold0_seed0/scores/val_last.npz").unlink()
    lines = read_lines(two)
    lines[1]["scores"] = {"best": None, "last": None}  # what is there is not its own
    write_ledger(two, lines)
    arms, aside = gather(two)
    assert [len(arm.records) for arm in arms] == [1, 3]
    assert all("train it again" in each.why for each in aside)
    with pytest.raises(
        ValueError, match=r"none of 6 runs .*tools/test.py with --scores"
    ):
        gather(two, part="test")


def test_an_arm_without_a_pair_is_put_aside(two):
    for fold in (1, 2):
        (two / f"farm_b0_kd_1125_50_fold{fold}_seed0/scores/val_last.npz").unlink()
    (two / "farm_b0_1125_fold0_seed0/scores/val_last.npz").unlink()
    (plain, distilled), _ = gather(two)
    findings, aside = judge(plain, [distilled])
    assert findings.shown == (plain,)
    assert [each.run.name for each in aside] == ["farm_b0_kd_1125_50_fold0_seed0"]
    assert "no pair is in every arm" in aside[0].why


def test_a_repetition_is_no_arm(two):
    lines = read_lines(two)
    name = f"{lines[0]['run']}_rerun"
    write_ledger(two, [*lines, lines[0] | {"run": name, "work_dir": name, "id": "x"}])
    arms, aside = gather(two)
    assert [len(arm.records) for arm in arms] == [3, 3]
    assert [each.why for each in aside] == [
        f"repeats {lines[0]['run']} (tools/rerun.py)"
    ]

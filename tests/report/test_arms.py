"""Runs grouped into arms by their records, titles, and the choice of a baseline."""

import shutil

import numpy as np
import pytest

from mmseg_splashkd.evaluation.frame_scores import save_scores
from mmseg_splashkd.records.record import BestAndLast, Data, Teacher
from mmseg_splashkd.records.store import write_record
from mmseg_splashkd.report.arms import choose_baseline, gather_arms
from mmseg_splashkd.report.findings import judge
from mmseg_splashkd.report.scored_runs import select_runs
from mmseg_splashkd.statistics import FoldSeed, Settings
from tests.report.fake_runs import change_record, change_records, record
from tests.statistics.builders import tiny

CONFUSION = np.array([[8, 2], [1, 9]])


def gather(*sources, **arguments):
    return gather_arms(select_runs(sources), **arguments)


def write(folder, config="farm_b0", ratio=None, fold=0, **changes):
    """A run with a record and scores, but nothing else."""
    folder.mkdir(parents=True)
    write_record(folder, record(config, ratio, fold, "t.csv", **changes))
    save_scores(tiny(CONFUSION.tolist(), 60), folder / "scores" / "val_last.npz")
    return folder


def identities(arm):
    return sorted(arm.runs)


def test_runs_of_one_config_and_options_form_an_arm(sweep):
    arms, left_out = gather(sweep)
    assert len(arms) == 11
    by_title = {arm.title: (arm.family, arm.ratio, arm.plain) for arm in arms}
    assert by_title["farm_b0"] == ("farm_b0", None, True)
    kind = "farm_b0_kd_pe001"
    assert by_title[f"{kind}, r = 0.5"] == (kind, 0.5, False)
    assert [arm.title for arm in arms if arm.is_teacher] == ["farm_b1"]
    assert identities(arms[0]) == [FoldSeed(fold, 0) for fold in range(3)]
    assert [each.run.status for each in left_out] == ["failed"]


def test_fold_and_seed_are_those_of_the_record_not_of_the_name(tmp_path):
    write(tmp_path / "unet_seed7_1128", name="unet_seed7_1128", seed=0)
    write(tmp_path / "unet_fold2_seed9", name="unet_fold2_seed9", seed=1)
    (arm,), _ = gather(tmp_path)
    assert identities(arm) == [FoldSeed(0, 0), FoldSeed(0, 1)]
    names = {identity: run.name for identity, run in arm.runs.items()}
    assert names[FoldSeed(0, 0)] == "unet_seed7_1128"


def test_names_that_differ_do_not_separate_runs(tmp_path):
    write(tmp_path / "a", name="monday", fold=0)
    write(tmp_path / "b", name="tuesday", fold=1)
    (arm,), _ = gather(tmp_path)
    assert identities(arm) == [FoldSeed(0, 0), FoldSeed(1, 0)]


def test_options_in_which_arms_differ_are_in_the_title(tmp_path):
    for lr in (0.01, 0.1):
        options = {"optimizer.lr": lr, "model.width": 8, "fold": 0}
        write(tmp_path / f"a{lr}", "kd", 0.5, options=options)
        write(tmp_path / f"b{lr}", "plain", options={"fold": 0, "seed": lr})
    titles = [arm.title for arm in gather(tmp_path)[0]]
    assert titles == [
        "kd, lr = 0.01, r = 0.5",
        "kd, lr = 0.1, r = 0.5",
        "plain, seed = 0.01",
        "plain, seed = 0.1",
    ]


def test_equal_recipes_are_separated_by_teacher_table_and_folder(tmp_path):
    def teacher(sha):
        return Teacher((f"{sha}.safetensors",), (sha * 16,))

    for sha in "ab":
        write(tmp_path / "x" / sha, "kd", 0.5, teacher=teacher(sha))
    arms, left_out = gather(tmp_path / "x")
    assert not left_out
    assert [arm.title for arm in arms] == [
        "kd, r = 0.5 (teacher aaaaaaaa)",
        "kd, r = 0.5 (teacher bbbbbbbb)",
    ]
    for table in "cd":
        write(tmp_path / "y" / table, data=Data(table_sha256=(table,)))
    assert [len(arm.runs) for arm in gather(tmp_path / "y")[0]] == [1, 1]
    for folder in ("first", "second"):
        write(tmp_path / folder / "run")
    titles = [a.title for a in gather(tmp_path / "first", tmp_path / "second")[0]]
    assert titles == ["farm_b0 (first)", "farm_b0 (second)"]


def test_a_repetition_is_left_out(two):
    name = "farm_b0_1125_fold0_seed0"
    shutil.copytree(two / name, two / f"{name}_rerun")
    later = {"name": "again", "began": "2026-11-26T01:00:00+00:00"}
    change_record(two / f"{name}_rerun", **later)
    arms, left_out = gather(two)
    assert [len(arm.runs) for arm in arms] == [3, 3]
    ((run, reason),) = [(each.run.name, each.reason) for each in left_out]
    assert run == "again"
    assert reason.startswith(f"repeats {name}: same config, options, fold and seed")


def test_a_ratio_schedule_is_no_ratio(two):
    schedule = {"type": "linear", "begin": 0, "end": 1}
    change_records(two, lambda old: {"teacher_ratio": old.teacher_ratio and schedule})
    arms, _ = gather(two)
    assert [(arm.ratio, arm.plain) for arm in arms] == [(None, True), (None, False)]


def test_a_run_with_a_teacher_is_not_plain_without_a_ratio(tmp_path):
    write(tmp_path / "cwd", "cwd", teacher=Teacher(("t",), ("t",)))
    assert [arm.plain for arm in gather(tmp_path)[0]] == [False]


def test_the_baseline_is_the_plain_student_or_the_named_arm(sweep):
    arms, _ = gather(sweep)
    assert choose_baseline(arms).title == "farm_b0"
    for name in (
        "farm_b0_kd, r = 0.5",
        "farm_b0_kd_1125_50_fold1_seed0",
        "farm_b0_kd_1125_50*",
    ):
        assert choose_baseline(arms, name).title == "farm_b0_kd, r = 0.5"
    assert choose_baseline(arms, "farm_b1").title == "farm_b1"
    distilled = [arm for arm in arms if not arm.plain]
    assert choose_baseline(distilled[::-1]).ratio == 0.25
    with pytest.raises(ValueError, match="--baseline b9 is none of the arms: farm_b0"):
        choose_baseline(arms, "b9")
    with pytest.raises(ValueError, match=r"--baseline farm_b0_kd fits several arms: "):
        choose_baseline(arms, "farm_b0_kd")


def test_runs_without_scores_are_left_out(two):
    (two / "farm_b0_1125_fold0_seed0/scores/val_last.npz").unlink()
    # The file in the folder is of an earlier run.
    change_record(two / "farm_b0_1125_fold1_seed0", scores=BestAndLast())
    arms, left_out = gather(two)
    assert [len(arm.runs) for arm in arms] == [1, 3]
    assert all("train it again" in each.reason for each in left_out)
    with pytest.raises(
        ValueError, match=r"none of 6 runs .* on part test .*tools/test.py --scores"
    ):
        gather(two, part="test")


def judged(arms):
    plain = choose_baseline(arms)
    others = [arm for arm in arms if arm is not plain]
    return judge(plain, others, Settings(resamples=200, worth=3.0))[0]


def test_the_best_arm_of_a_teacher_is_compared_with_it(sweep):
    arms, _ = gather(sweep)
    findings = judged(arms)
    taught = [arm for arm in findings.arms if not arm.plain]
    (beside,) = findings.beside_teachers
    found = beside.difference
    assert (found.baseline, found.arm) == ("farm_b1", taught[0].title)
    assert (found.metric, found.comparisons) == (findings.focus, len(taught))
    assert found.equivalence is not None
    assert found.equivalence.margin == 3.0
    assert (beside.taught, beside.scored) == ("last", "last")
    assert judged([arm for arm in arms if not arm.is_teacher]).beside_teachers == ()
    assert judged([a for a in arms if a.plain or a.is_teacher]).beside_teachers == ()


def test_only_what_a_teacher_taught_stands_beside_it(sweep):
    best = "farm_b0_kd_1125_25_fold{}_seed0"  # taught by another one than is there
    for fold in range(3):
        change_record(
            sweep / best.format(fold), teacher=Teacher(("other.pth",), ("other",))
        )
    arms, _ = gather(sweep)
    (beside,) = judged(arms).beside_teachers
    assert beside.difference.arm != "farm_b0_kd, r = 0.25"
    text = "model = dict(teacher_control='shuffled')\n"
    change_records(sweep, lambda old: {"config_text": text} if old.teacher else {})
    assert judged(gather(sweep)[0]).beside_teachers == ()


def test_an_arm_without_a_pair_is_left_out(two):
    for fold in (1, 2):
        (two / f"farm_b0_kd_1125_50_fold{fold}_seed0/scores/val_last.npz").unlink()
    (two / "farm_b0_1125_fold0_seed0/scores/val_last.npz").unlink()
    (plain, distilled), _ = gather(two)
    findings, left_out = judge(plain, [distilled])
    assert findings.shown == (plain,)
    assert [each.run.name for each in left_out] == ["farm_b0_kd_1125_50_fold0_seed0"]
    assert "no pair is in every arm" in left_out[0].reason


@pytest.mark.parametrize("status", ["stopped", "failed"])
def test_an_unfinished_run_is_left_out_although_it_has_scores(two, status):
    name = "farm_b0_1125_fold0_seed0"
    change_record(two / name, status=status, reason="NaN")
    arms, left_out = gather(two)
    assert [(each.run.name, each.reason) for each in left_out] == [
        (name, f"{status}: NaN")
    ]
    assert sorted(len(arm.runs) for arm in arms) == [2, 3]
    arms, left_out = gather(two, explicit=True)  # named, but no run that went wrong
    assert bool(left_out) == (status == "failed")

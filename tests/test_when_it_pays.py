"""Arithmetic and order of runs of the study of where distillation pays."""

import json
import os
import select
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mmseg_splashkd import teacher_cache
from mmseg_splashkd.advice.cells import Gain
from mmseg_splashkd.advice.setting import Setting
from mmseg_splashkd.config.reading import read_config
from tests.conftest import ROOT
from tests.test_commands import module_of, run

SETTING = Setting(False, True, False, False, True, 3.2, 367, 0.2, 8.7, 4.0)
SCORES = {
    "plain": [50.0, 52.0, 51.0],
    "weighted": [53.0, 52.0, 54.0],
    "CWD": [55.0, 56.0, 54.0],
    "KL": [49.0, 50.0, 48.0],
}
VALIDATED = {"plain": 60.0, "weighted": 61.0, "CWD": 62.0, "KL": 63.0}


@pytest.fixture(scope="module")
def study() -> ModuleType:
    return module_of(ROOT / "benchmarks" / "when_it_pays.py")


@pytest.fixture
def cell() -> Any:
    cells = module_of(ROOT / "benchmarks" / "map_cell.py")
    arms = {
        "plain": cells.Arm(kind="plain"),
        "weighted": cells.Arm(kind="control"),
        "CWD": cells.Arm("kd.py", {"a": 1}, teacher=True, cached=True),
        "KL": cells.Arm("kd.py", {"a": 2}, teacher=True),
    }
    return cells.Cell(
        name="toy",
        title="Toy.",
        metric="mIoU",
        tested="mIoU",
        plain="plain.py",
        teacher="teacher.py",
        arms=arms,
        rates=(1e-3, 2e-3, 4e-3),
        rarest="c",
        seeds=(0, 1, 2),
    )


def result(score: float, validated: float = 60.0) -> dict[str, Any]:
    iou = {"IoU.a": score + 3, "IoU.b": score, "IoU.c": score - 3}
    curve = [[100, 40.0], [200, validated - 0.2], [300, validated]]
    return {
        "test": {"mIoU": score, **iou},
        "val": {"mIoU": validated},
        "curve": curve,
        "weights": "teacher.safetensors",
        "seconds": 100.0,
        "hardware": "a CPU",
    }


@pytest.fixture
def stored() -> dict[str, Any]:
    rates = dict.fromkeys(SCORES, 2e-3) | {"KL": 4e-3}
    runs = [
        {"arm": arm, "seed": seed, "rate": rates[arm], **result(score, VALIDATED[arm])}
        for arm, scores in SCORES.items()
        for seed, score in enumerate(scores)
    ]
    return {
        "date": "2026-01-01",
        "rates": rates,
        "teachers": [result(57.0), result(56.0)],
        "costs": {
            "hardware": "a CPU",
            "date": "2026-01-01",
            "seconds": {arm: {"teacher": 0.0, "own": 120.0} for arm in SCORES},
        },
        "tuning": [
            {"arm": arm, "rate": rate, "seed": 100, **result(0, 60 + 1000 * rate)}
            for arm in SCORES
            for rate in (1e-3, 2e-3, 4e-3)
        ],
        "equal time": [
            {"arm": arm, "seed": seed, "iterations": 900, **result(score - seed)}
            for arm, score in (("plain", 50.0), ("weighted", 49.0))
            for seed in range(3)
        ],
        "runs": [
            *runs,
            {"arm": "plain", "seed": 3, "rate": 2e-3, **result(10.0)},
            {"arm": "plain", "seed": 0, "rate": 1e-3, **result(10.0)},  # not its rate
        ],
    }


@pytest.fixture
def measured(cell, stored) -> Any:
    return module_of(ROOT / "benchmarks" / "map_results.py").CellResults(cell, stored)


def test_a_gain_is_the_paired_mean_over_the_seeds_of_all_arms(measured):
    assert measured.seeds == [0, 1, 2]
    paired = module_of(ROOT / "benchmarks" / "map_results.py").paired
    gain = paired(measured.scores("CWD"), measured.scores("plain"))
    difference = np.subtract(SCORES["CWD"], SCORES["plain"])
    low, high = stats.t.interval(0.95, 2, difference.mean(), stats.sem(difference))
    assert [gain.value, gain.low, gain.high] == pytest.approx([4, low, high])


def test_the_dearest_taught_arm_is_one_whose_time_was_measured(cell, stored):
    results = module_of(ROOT / "benchmarks" / "map_results.py").CellResults
    stored["costs"]["seconds"] = {
        "plain": {"own": 900.0},  # not taught
        "CWD": {"teacher": 100.0, "own": 120.0},
    }
    assert results(cell, stored).dearest_taught == "CWD"  # of KL nothing is known
    stored["costs"]["seconds"]["KL"] = {"teacher": 100.0, "cache": 30.0, "own": 120.0}
    assert results(cell, stored).dearest_taught == "KL"


def test_the_best_control_is_chosen_against_us_and_the_arm_without_the_test(measured):
    assert measured.best_control == "weighted"  # 53 on the test part, plain 51
    assert measured.best_taught == "KL"  # by validation, although CWD tests better


def test_lead_of_each_teacher_and_mean_without_the_rarest_class(measured):
    assert measured.lead == pytest.approx([6.0, 5.0])
    assert measured.without_rarest("plain") == pytest.approx([51.5, 53.5, 52.5])


def test_a_curve_is_judged_as_in_reports(measured):
    # The mean of each arm ends 0.2 above what it had at two thirds of its run.
    assert measured.has_saturated("plain")
    for each in measured.stored["runs"]:
        each["curve"][-1][1] += 0.4
    assert not measured.has_saturated("plain")


def test_only_a_whole_cell_is_told_to_others(cell, stored):
    results = module_of(ROOT / "benchmarks" / "map_results.py").CellResults
    assert not results(cell, stored).is_whole
    stored["setting"] = asdict(SETTING)
    assert results(cell, stored).is_whole
    assert not results(replace(cell, seeds=(0, 1, 2, 4)), stored).is_whole
    # Of eight planned seeds, five are enough.
    more = [
        {**run, "seed": seed}
        for run in stored["runs"]
        for seed in (3, 4)
        if run["seed"] == 0
    ]
    planned = replace(cell, seeds=tuple(range(8)))
    assert not results(planned, stored).is_whole
    assert results(planned, {**stored, "runs": stored["runs"] + more}).is_whole


def test_controls_of_something_else_are_none_of_a_teacher(cell):
    assert cell.has_controls
    assert not replace(cell, compares_teaching=False).has_controls
    cells = module_of(ROOT / "benchmarks" / "map_cells.py").CELLS
    assert not cells["farm_clip"].has_controls
    assert not cells["farm_temporal"].has_controls


def test_the_map_says_of_a_cell_what_was_measured(measured, stored):
    stored |= {"setting": asdict(SETTING), "losses": {"KL": "ce and KLDLoss"}}
    said = measured.mapped
    assert (said.setting, said.losses) == (SETTING, "ce and KLDLoss")
    assert (said.taught, said.control, said.config) == ("KL", "weighted", "kd.py")
    assert (said.options, said.rate) == ({"a": 2}, 4e-3)
    assert said.over_control == Gain(-4.0, -8.968, 0.968)
    assert said.equal_time == Gain(0.0, -2.484, 2.484)
    assert said.verdict == "cannot tell"
    assert measured.lead_in_validation == pytest.approx(0.0)


def test_one_cache_for_all_arms_with_a_teacher_and_the_same_views(
    study, cell, tmp_path, monkeypatch
):
    taught = replace(cell.arms["CWD"], options={})
    arms = {"CWD": taught, "KL": taught, "all": replace(taught, cache="all")}
    cell = replace(cell, arms={"plain": cell.arms["plain"], **arms})
    built = []
    monkeypatch.setattr(
        teacher_cache,
        "build_teacher_cache",
        lambda config, cfg_options: built.append(cfg_options["teacher_cache.dir"]),
    )
    runs = study.Study(cell, tmp_path, 1)
    runs.teachers = [result(57.0)] * 2
    runs.build_caches(2)
    names = ("cache0", "cache1", "cache0all", "cache1all")
    assert built == [str(tmp_path / name) for name in names]


def test_an_arm_may_have_all_teachers_together(study, cell, tmp_path):
    own = next(arm for arm in cell.arms.values() if arm.teacher and arm.cached)
    arms = {**cell.arms, "both": replace(own, together=True)}
    runs = study.Study(replace(cell, arms=arms), tmp_path, jobs=1)
    runs.teachers = [{"weights": "a"}, {"weights": "b"}]
    options = runs.run("both", 1e-3, 1).options
    assert options["model.teacher_checkpoint"] == ["a", "b"]
    assert options["teacher_cache.dir"] == str(tmp_path / "cache")


def test_seeds_that_tune_do_not_compare(cell):
    with pytest.raises(ValueError, match=r"toy: seeds \[2\] tune and compare"):
        replace(cell, tuning_seeds=(2, 100))


def longer(run: Any, factor: float) -> Any:
    length = {"train_cfg.max_iters": int(1000 * factor)}
    return run._replace(options=run.options | length)


def test_a_rate_that_diverges_is_not_chosen(study, cell, tmp_path, monkeypatch):
    def answered(runs, processes, may_fail=False):
        for each in runs:
            fast = "lr0.004" in each.folder.name
            yield {"diverged": "loss is nan"} if fast else result(0, 60.0)

    monkeypatch.setattr(study, "results_of", answered)
    runs = study.Study(replace(cell, tuning_seeds=(100, 101)), tmp_path, 1)
    runs.teachers = [result(57.0)] * 2
    assert set(runs.best_rates(list(runs.tune())).values()) == {1e-3}


def test_arms_that_do_not_choose_have_the_rate_of_the_plain_student(
    study, cell, tmp_path, monkeypatch
):
    def answered(runs, processes, may_fail=False):
        for each in runs:
            best = ("plain", "lr0.004"), ("KL", "lr0.002")
            name = each.folder.name
            yield result(0, 60.0 + any(a in name and r in name for a, r in best))

    monkeypatch.setattr(study, "results_of", answered)
    runs = study.Study(replace(cell, tuned=("plain", "KL")), tmp_path, 1)
    runs.teachers = [result(57.0)] * 2
    tuning = list(runs.tune())
    assert {each["arm"] for each in tuning} == {"plain", "KL"}
    rates = {"plain": 4e-3, "weighted": 4e-3, "CWD": 4e-3, "KL": 2e-3}
    assert runs.best_rates(tuning) == rates
    with pytest.raises(ValueError, match="toy: the plain student has no rate"):
        replace(cell, tuned=("KL",))


def test_a_cell_without_controls_is_not_compared_in_time(
    study, cell, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        study, "results_of", lambda runs, *_, **__: [result(50.0) for _ in runs]
    )
    monkeypatch.setattr(study.Study, "build_caches", lambda self, teachers: None)
    arms = {name: cell.arms[name] for name in ("plain", "CWD")}
    file = tmp_path / "toy.json"
    study.study(replace(cell, arms=arms), tmp_path, 1, file)
    kept = json.loads(file.read_text())
    assert len(kept["runs"]) == 6
    assert kept["equal time"] == []
    assert "costs" not in kept


def test_what_is_worse_at_equal_steps_is_not_compared_in_time(
    study, cell, tmp_path, monkeypatch
):
    def answered(runs, processes, may_fail=False):
        for each in runs:
            yield result(60.0 - 10 * each.folder.name.startswith(("CWD", "KL")))

    monkeypatch.setattr(study, "results_of", answered)
    monkeypatch.setattr(study.Study, "build_caches", lambda self, teachers: None)
    monkeypatch.setattr(study.Study, "setting", lambda self, measured: SETTING)
    monkeypatch.setattr(study.Study, "losses", lambda self, name: f"those of {name}")
    file = tmp_path / "toy.json"
    study.study(cell, tmp_path, 1, file)
    kept = json.loads(file.read_text())
    assert kept["equal time"] == []
    assert "costs" not in kept
    assert Setting(**kept["setting"]) == SETTING  # it is whole all the same


def costs_of_arm(**changes: float) -> dict[str, float]:
    """1,000 steps of 0.1 s, of 4 views each: all of them are different."""
    return {
        "step": 0.1,
        "iterations": 1000,
        "batch": 4,
        "cached": 0.0125,
        "loading": 0.01,
        "views": 4000,
    } | changes


MEASURED = {
    "hardware": "a CPU, 1 thread",
    "date": "2026-01-01",
    "arms": {name: costs_of_arm() for name in (*SCORES, "the teacher")},
}


def test_a_run_is_charged_its_teacher_its_cache_and_each_view_once(study, cell):
    charged = module_of(ROOT / "benchmarks" / "map_costs.py").charged
    few = costs_of_arm(views=1000)  # 3,000 of 4,000 draws are of views that are kept
    arms = MEASURED["arms"] | {"CWD": few, "plain": few}
    seconds = charged(cell, MEASURED | {"arms": arms})
    assert seconds["plain"] == pytest.approx({"teacher": 0, "cache": 0, "own": 70})
    assert seconds["CWD"] == pytest.approx({"teacher": 100, "cache": 12.5, "own": 70})
    assert seconds["KL"]["cache"] == 0  # its teacher is in the loop


def test_costs_of_other_arms_are_refused(study, cell, tmp_path):
    costs_of = module_of(ROOT / "benchmarks" / "map_costs.py").costs_of
    arms = {name: costs_of_arm() for name in ("plain", "CWD")}
    (tmp_path / "toy_costs.json").write_text(json.dumps({"arms": arms}))
    with pytest.raises(ValueError, match=r"no costs of \['KL', 'weighted'\]"):
        costs_of(study.Study(cell, tmp_path, 1), tmp_path / "toy.json", cell.arms)


def test_an_arm_that_is_not_compared_in_time_needs_no_costs(
    study, cell, measured, tmp_path
):
    costs = module_of(ROOT / "benchmarks" / "map_costs.py")
    assert measured.compared_in_time == ["plain", "weighted", "CWD", "KL"]
    arms = {"later": cell.arms["weighted"], **cell.arms}
    runs = study.Study(replace(cell, arms=arms), tmp_path, 1)
    (tmp_path / "toy_costs.json").write_text(json.dumps(MEASURED))
    kept = costs.costs_of(runs, tmp_path / "toy.json", measured.compared_in_time)
    assert costs.charged(runs.cell, kept).keys() == cell.arms.keys()


@pytest.mark.parametrize(("factor", "length"), [(2.5, 3750), (1.0001, 1500)])
def test_a_longer_run_has_the_same_recipe(study, tmp_path, factor, length):
    cells = module_of(ROOT / "benchmarks" / "map_cells.py").CELLS
    runs = study.Study(cells["farm_small"], tmp_path, 1)
    run = runs._longer(runs.run("CE", 6e-3, 0), factor, ())
    cfg = read_config(ROOT / run.config, dict(run.options))
    assert run.options["train_cfg.max_iters"] == cfg.train_cfg.max_iters == length
    assert [each.end for each in cfg.param_scheduler] == [length * 30 // 1500, length]
    assert run.folder.name == f"CE_lr0.006_seed0_{length}it"


@pytest.mark.parametrize(
    ("had", "length"), [((), 3000), ((2851, 3149, 3), 3149), ((2849, 3151), 3000)]
)
def test_a_length_near_one_that_was_run_is_that_one(study, tmp_path, had, length):
    cells = module_of(ROOT / "benchmarks" / "map_cells.py").CELLS
    runs = study.Study(cells["farm_small"], tmp_path, 1)
    run = runs._longer(runs.run("CE", 6e-3, 0), 2.0, had)
    assert run.options["train_cfg.max_iters"] == length


def test_longer_runs_of_another_rate_are_not_counted(
    study, cell, tmp_path, monkeypatch
):
    given: list[set[int]] = []
    monkeypatch.setattr(
        study, "results_of", lambda runs, *_, **__: [result(0) for _ in runs]
    )
    monkeypatch.setattr(
        study.Study,
        "_longer",
        lambda _, run, by, had: given.append(had) or longer(run, by),
    )
    runs = study.Study(cell, tmp_path, 1)
    runs.teachers = [result(57.0)] * 2
    rates = dict.fromkeys(cell.arms, 2e-3)
    compared = list(runs.compare(rates))
    costs = {name: {"own": 1 + (name == "CWD")} for name in cell.arms}
    before = [
        {"arm": arm, "rate": rate, "iterations": length}
        for arm, rate, length in (
            ("plain", 2e-3, 7),
            ("plain", 4e-3, 8),
            ("CWD", 2e-3, 9),
        )
    ]
    list(runs.give_equal_time(rates, compared, costs, before))
    assert given == [{7}] * 3


def test_a_result_of_another_plan_is_refused(study, tmp_path):
    module = module_of(ROOT / "benchmarks" / "study_runs.py")
    cells = module_of(ROOT / "benchmarks" / "map_cells.py").CELLS
    runs = study.Study(cells["farm_small"], tmp_path, 1)
    first, again = runs.run("CE", 6e-3, 0), runs.run("CE", 6e-3, 1)
    plans = {module.plan_of(run) for run in (first, again)}
    assert len(plans) == 1  # a seed is no plan
    first.folder.mkdir()
    done = first.folder / "result.json"
    done.write_text(json.dumps({"plan": plans.pop()}))
    assert "plan" in module.result_of(first)
    other = first._replace(options={**first.options, "max_iters": 1400})
    with pytest.raises(ValueError, match=r"is of another plan .*: remove its folder"):
        module.result_of(other)


def test_order_of_a_study(study, cell, tmp_path, monkeypatch):
    asked: list[Any] = []

    def answered(runs, processes, may_fail=False):
        asked.extend(runs)
        for each in runs:
            yield result(50.0, 60 + ("lr0.002" in each.folder.name))

    monkeypatch.setattr(study, "results_of", answered)
    monkeypatch.setattr(study.Study, "build_caches", lambda self, teachers: None)
    monkeypatch.setattr(study, "costs_of", lambda runs, results, needed: MEASURED)
    monkeypatch.setattr(study.Study, "_longer", lambda _, run, by, had: longer(run, by))
    monkeypatch.setattr(study.Study, "setting", lambda self, measured: SETTING)
    monkeypatch.setattr(study.Study, "losses", lambda self, name: f"those of {name}")
    study.study(cell, tmp_path, 2, tmp_path / "toy.json")
    teachers, tuning, final, equal = asked[:2], asked[2:14], asked[14:26], asked[26:]
    assert [each.folder.name.split("_")[0] for each in equal] == ["plain"] * 3
    assert [each.options["randomness.seed"] for each in teachers] == [200, 201]
    assert {each.options["randomness.seed"] for each in tuning} == {100}
    assert not any(each.tested for each in tuning)
    assert all(each.tested for each in final)
    assert {each.options[study.RATE] for each in final} == {2e-3}
    caches = [each.options.get("teacher_cache.dir") for each in final]
    assert caches[2::4] == [str(tmp_path / f"cache{n}") for n in (0, 1, 0)]
    # Teacher 100 s, cache 50 s and its own 100 s, where a plain run takes 100 s.
    assert [each.options["train_cfg.max_iters"] for each in equal] == [2500] * 3
    kept = json.loads((tmp_path / "toy.json").read_text())
    assert Setting(**kept["setting"]) == SETTING
    assert kept["losses"] == {"CWD": "those of CWD"}
    seconds = {"teacher": 100.0, "cache": 50.0, "own": 100.0}
    assert kept["costs"]["seconds"]["CWD"] == seconds
    assert [len(kept[part]) for part in ("tuning", "runs")] == [12, 12]
    assert "weights" not in (tmp_path / "toy.json").read_text()
    assert [each["iterations"] for each in kept["equal time"]] == [2500] * 3
    assert final[0].config == "plain.py"
    assert "model.teacher_checkpoint" not in final[1].options


def test_the_page_holds_what_was_measured(study, cell, stored, tmp_path, monkeypatch):
    folder = tmp_path / "map"
    folder.mkdir()
    stored |= {"setting": asdict(SETTING), "losses": {"KL": "ce and KLDLoss"}}
    for each in stored["runs"]:
        each["test"]["IoU.b"] += 2.0 * (each["arm"] == "KL")
    (folder / "toy.json").write_text(json.dumps(stored))
    page = Path(f"{folder}.md")
    page.write_text("# Map\n\n<!-- measured -->\nold\n<!-- end of measured -->\nend\n")
    tuned = {"cell": "new", **{key: stored[key] for key in ("teachers", "tuning")}}
    (folder / "new.json").write_text(json.dumps({**tuned, "runs": []}))
    cells = {
        "toy": replace(cell, beside=("IoU.a",)),
        "new": replace(cell, name="new"),
        "later": replace(cell, name="later"),
    }
    monkeypatch.setattr(study, "CELLS", cells)
    shipped = tmp_path / "cells.json"
    run(
        "benchmarks/when_it_pays.py",
        *("--page", "--results", folder, "--shipped", shipped),
    )
    text = page.read_text()
    assert text.startswith("# Map\n")
    assert text.endswith("-->\nend\n")
    assert "old" not in text
    assert "| KL | 0.004 (edge) | 49.00 ± 2.48 | -2.00 (-4.48 to +0.48)" in text
    assert "without c | IoU.a | saturated |" in text
    assert "| 52 ± 2.5 | yes |" in text
    assert "| class | mean IoU | plain | weighted |" in text
    assert "| b | 51.0 | +0.00 (-2.48 to +2.48) | -2.00 (-6.97 to +2.97) |" in text
    # 49, 50, 48 against 50, 49, 48 of the plain student with more iterations.
    assert "| -4.00 (-8.97 to +0.97) | +0.00 (-2.48 to +2.48) | cannot tell |" in text
    (said,) = json.loads(shipped.read_text())
    assert (said["name"], said["setting"]) == ("toy", asdict(SETTING))
    assert "| plain | 900 | 49.00 ± 2.48 |" in text
    assert "a CPU (12 runs)" in text
    assert "## new: tuned, not compared\n\nToy. Teachers, validation part: 60.0" in text
    assert "| KL | 61.0 | 62.0 | 64.0 |" in text
    assert (folder / "gains.svg").read_text().startswith("<svg")


def test_scores_that_are_shown_are_kept(cell, tmp_path):
    kept = module_of(ROOT / "benchmarks" / "map_store.py").Kept
    shown = replace(cell, beside=("Flicker",))
    result = {"test": {"mIoU": 50.0, "Flicker": 0.2, "mDice": 60.0, "IoU.a": 40.0}}
    test = kept(shown, tmp_path / "toy.json").short(result)["test"]
    assert test == {"mIoU": 50.0, "Flicker": 0.2, "IoU.a": 40.0}


def test_a_study_goes_on_from_its_results_where_its_runs_are_lost(
    study, cell, stored, tmp_path
):
    store = module_of(ROOT / "benchmarks" / "map_store.py")
    for each in (*stored["runs"], *stored["equal time"]):
        each["rate"] = 2e-3
    store.restore(study.Study(cell, tmp_path, 1), stored)
    folders = {each.parent.name for each in tmp_path.glob("*/result.json")}
    assert {"KL_lr0.004_seed100", "plain_lr0.002_seed0"} < folders
    assert "plain_lr0.002_seed2_900it" in folders
    assert len(folders) == 12 + 13 + 6  # once a rate, a seed and a length
    mended = tmp_path / "plain_lr0.002_seed0" / "result.json"
    mended.write_text("{}")
    store.restore(study.Study(cell, tmp_path, 1), stored)
    assert mended.read_text() == "{}"  # what is there stays


def test_results_that_wait_for_their_turn_stay_in_the_file(cell, stored, tmp_path):
    store = module_of(ROOT / "benchmarks" / "map_store.py")
    file = tmp_path / "toy.json"
    late = {"arm": "KL", "seed": 2, "rate": 4e-3, **result(48.0)}
    file.write_text(json.dumps({"cell": "toy", "runs": [late]}))

    def watched():
        yield {"arm": "plain", "seed": 0, "rate": 4e-3, **result(50.0)}
        seen = json.loads(file.read_text())["runs"]
        assert [each["arm"] for each in seen] == ["KL", "plain"]
        yield late

    other = store.Kept(cell, file)
    assert [each["arm"] for each in other.keep("runs", watched())] == ["plain", "KL"]
    plain = {"arm": "plain", "seed": 1, "rate": 4e-3, **result(50.0)}
    assert len(other.keep("runs", [plain])) == 1  # of another plan
    assert len(json.loads(file.read_text())["runs"]) == 3
    with pytest.raises(ValueError, match="holds the cell 'toy', not 'other'"):
        store.Kept(replace(cell, name="other"), file)


POOL = """
import os, sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
sys.path.insert(0, sys.argv[1])
from study_runs import end_with_parent
if __name__ == "__main__":
    with ProcessPoolExecutor(1, get_context("spawn"), end_with_parent) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
def test_processes_of_a_study_end_with_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    command = [sys.executable, "-W", "ignore", script, ROOT / "benchmarks"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as parent:
        assert parent.stdout is not None
        worker = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    ended, _, _ = select.select([worker], [], [], 60)
    assert ended == [worker]
    os.close(worker)

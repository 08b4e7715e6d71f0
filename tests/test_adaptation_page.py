"""The page of what adapting brings, from results of runs."""

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mmseg_splashkd.adaptation.methods import METHODS
from tests.conftest import ROOT
from tests.test_commands import module_of, run

BENCHMARKS = ROOT / "benchmarks"
SCORES = {
    "start": [40.0, 42.0, 41.0, 40.0, 43.0],
    "source only": [43.0, 45.0, 42.0, 44.0, 41.0],
    "source, augmented": [44.0, 45.0, 44.0, 44.0, 43.0],
    "minent": [50.0, 53.0, 47.0, 49.0, 40.0],
    "advent": [50.0, 53.0],
}


@pytest.fixture(scope="module")
def shifts() -> ModuleType:
    return module_of(BENCHMARKS / "shifts.py")


@pytest.fixture(scope="module")
def page() -> ModuleType:
    return module_of(BENCHMARKS / "adaptation_page.py")


def test_page_has_paired_gains_of_whole_arms_and_refusals(shifts, tmp_path):
    signs = {"entropy": 0.1, "sure": 0.9, "shares": [0.98, 0.02]}
    signs |= {"agreement": [1.0, 0.5], "doubts": []}
    runs: list[dict[str, Any]] = [
        {
            "arm": arm,
            "seed": seed,
            "seconds": 30.0 if arm == "minent" else 20.0,
            "hardware": "a CPU",
            "test": {"Dice.splash": score},
            "best": 60.0,
            "signs": signs | {"doubts": ["so few"] if score == 40 else []},
        }
        for arm, scores in SCORES.items()
        for seed, score in enumerate(scores)
    ]
    before = dict.fromkeys(("adaptsegnet", "proda"), SCORES["start"])
    later = {"proda-2": SCORES["minent"], "proda-2 of source only": SCORES["start"]}
    runs += [
        {**runs[0], "arm": arm, "seed": seed, "test": {"Dice.splash": score}}
        for arm, scores in {**before, **later}.items()
        for seed, score in enumerate(scores)
    ]
    runs += [{"arm": "adabn", "seed": s, "diverged": "it is poor"} for s in range(5)]
    done = {(each["arm"], each["seed"]) for each in runs}
    runs += [
        {"arm": arm, "seed": seed, "refused": "it was not asked"}
        for arm in (*shifts.CONTROLS, *METHODS)
        for seed in range(5)
        if (arm, seed) not in done
    ]
    folder = tmp_path / "adaptation"
    folder.mkdir()
    text = {"shift": "farm", "date": "2026-01-01", "runs": runs}
    (folder / "farm.json").write_text(json.dumps(text))
    file = tmp_path / "adaptation.md"
    file.write_text("before <!-- measured --> outdated <!-- end of measured --> after")
    shipped = tmp_path / "evidence.json"
    where = ("--results", folder, "--shipped", shipped)
    run("benchmarks/adaptation_study.py", "--page", *where)
    (shown,) = json.loads(shipped.read_text())
    assert (shown["two_classes"], shown["same"]) == (True, False)
    assert shown["gains"].keys() == {"minent", *before}  # a taught network had longer
    text_of_page = file.read_text()
    gain = np.subtract(SCORES["minent"], SCORES["source only"])
    low, high = stats.t.interval(0.95, 4, gain.mean(), stats.sem(gain))
    row = next(
        line for line in text_of_page.splitlines() if line.startswith("| minent |")
    )
    assert f"{gain.mean():+.2f} ({low:+.2f} to {high:+.2f})" in row
    np.testing.assert_allclose(
        shown["gains"]["minent"], [gain.mean(), low, high], atol=1e-3
    )
    control = np.subtract(SCORES["minent"], SCORES["source, augmented"])
    low, high = stats.t.interval(0.95, 4, control.mean(), stats.sem(control))
    over_control = f"{control.mean():+.2f} ({low:+.2f} to {high:+.2f})"
    ending = f"| {over_control} | 60.00 | 0.100 | 90.0 | 2.00 | 75 | 1 of 5 | 1.50 x |"
    assert row.endswith(ending)
    np.testing.assert_allclose(
        shown["over_control"]["minent"], [control.mean(), low, high], atol=1e-3
    )
    assert "The best control is *source, augmented*." in text_of_page
    # Three runs each of two methods with warnings, which gain 2 once; minent 4 times.
    assert "| below -1 | 6 | 6 |" in text_of_page
    assert "| above 0 | 6 | 2 |" in text_of_page
    assert "advent |" not in text_of_page  # three of five seeds are missing
    over = np.subtract(SCORES["minent"], SCORES["start"])
    low, high = stats.t.interval(0.95, 4, over.mean(), stats.sem(over))
    gain_of_target = f"{over.mean():+.2f} ({low:+.2f} to {high:+.2f})"
    assert f"- proda-2 over proda-2 of source only: {gain_of_target}\n" in text_of_page
    assert (
        "- adabn was refused, or diverged, with 5 of 5 seeds: it is poor\n"
        in text_of_page
    )
    assert text_of_page.startswith("before <!--")
    assert text_of_page.endswith("--> after")
    assert "outdated" not in text_of_page
    assert (folder / "farm.svg").is_file()


def results_of(page: ModuleType, shift: Any, scores: dict[str, list[float]]) -> Any:
    """Results of arms, one score a seed."""
    runs = [
        {"arm": arm, "seed": seed, "test": {shift.tested: score}}
        for arm, each in scores.items()
        for seed, score in enumerate(each)
    ]
    return page.ShiftResults(shift, {"runs": runs, "date": "2026-01-01"})


def test_page_says_which_harm_is_excluded(page, shifts):
    scores = {
        "source only": [80.0] * 5,
        "minent": [80.0, 80.1, 79.9, 80.0, 80.2],
        "advent": [75.0, 75.5, 76.0, 75.5, 75.0],
        "proda": [80.0, 70.0, 85.0, 90.0, 75.0],
    }
    lines = list(page._harm(results_of(page, shifts.SHIFTS["same"], scores)))
    assert lines == [
        "- Less harm than 1 point is shown for minent",
        "- More harm than 1 point is shown for advent",
        "- The interval leaves both open for proda",
    ]


def test_page_compares_students_with_networks_of_another_shift(page, shifts):
    student = "student of mean-teacher, agreed threshold"
    large = {student: [85.0, 84.0, 86.0, 85.0, 85.0]}
    large["student of mean-teacher"] = [80.0] * 5
    small = {"source only": [80.0, 80.0, 81.0, 80.0, 80.0]}
    names = ("farm_large", "farm")
    both = {
        name: results_of(page, shifts.SHIFTS[name], scores)
        for name, scores in zip(names, (large, small), strict=True)
    }
    gain = np.subtract(large[student], small["source only"])
    low, high = stats.t.interval(0.95, 4, gain.mean(), stats.sem(gain))
    lines = list(page._compared(both["farm_large"], both))
    assert lines == [
        f"- {student} over student of mean-teacher: +5.00 (+4.12 to +5.88)",
        f"- {student} over source only of the shift farm: {gain.mean():+.2f} "
        f"({low:+.2f} to {high:+.2f})",
    ]


def test_page_has_rare_classes_apart(page, shifts):
    signs = {"entropy": 0.1, "sure": 0.9, "shares": [0.9, 0.1], "agreement": [1.0]}
    iou = {"road": 90.0, "sign": 10.0, "pedestrian": 20.0, "bicyclist": 30.0}
    test = {"mIoU": 37.5, **{f"IoU.{name}": value for name, value in iou.items()}}
    run: dict[str, Any] = {"arm": "source only", "seconds": 1.0, "signs": signs}
    runs = [{**run, "seed": seed, "test": test} for seed in range(3)]
    results = page.ShiftResults(shifts.SHIFTS["dusk"], {"runs": runs})
    cells = page._columns(results, "source only")
    assert cells["IoU of sign, pedestrian, bicyclist"] == "20.00"
    assert cells["mIoU without bicyclist"] == "40.00"
    assert cells["warned"] == "0 of 0"


def test_evidence_waits_for_all_arms_and_a_failed_shift_is_named(
    page, shifts, tmp_path
):
    scores = {"source only": [40.0] * 5, "minent": [50.0] * 5}
    assert not results_of(page, shifts.SHIFTS["farm"], scores).is_whole
    every = {**dict.fromkeys((*shifts.CONTROLS, *METHODS), [40.0] * 5)}
    assert results_of(page, shifts.SHIFTS["farm"], every).is_whole
    folder = tmp_path / "adaptation"
    folder.mkdir()
    failed = [{"arm": "source only", "seed": 0, "diverged": "loss is nan"}]
    text = {"shift": "farm", "date": "2026-01-01", "runs": failed}
    (folder / "farm.json").write_text(json.dumps(text))
    (tmp_path / "adaptation.md").write_text("<!-- measured --><!-- end of measured -->")
    page.write_page([shifts.SHIFTS["farm"]], folder, tmp_path / "evidence.json")
    assert json.loads((tmp_path / "evidence.json").read_text()) == []
    text_of_page = (tmp_path / "adaptation.md").read_text()
    assert "Not shown, as *source only* has not all seeds: farm." in text_of_page
    signs = {"entropy": 0.1, "sure": 0.9, "shares": [0.9, 0.1], "agreement": [1.0]}
    about = {"seconds": 1.0, "hardware": "a CPU", "signs": signs}
    runs = [
        {"arm": arm, "seed": seed, "test": {"Dice.splash": score}, **about}
        for arm, each in scores.items()
        for seed, score in enumerate(each)
    ]
    (folder / "farm.json").write_text(json.dumps(text | {"runs": runs}))
    page.write_page([shifts.SHIFTS["farm"]], folder, tmp_path / "evidence.json")
    assert "| minent | 50.00" in (tmp_path / "adaptation.md").read_text()
    assert json.loads((tmp_path / "evidence.json").read_text()) == []

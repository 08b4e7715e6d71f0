"""Plan and arithmetic of the study of what adapting brings."""

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from mmseg_splashkd.adaptation.methods import METHODS
from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.split_table import read_table
from mmseg_splashkd.models.losses.logit_terms import KLDLoss
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
def study() -> ModuleType:
    return module_of(ROOT / "benchmarks/adaptation_study.py")


@pytest.fixture(scope="module")
def shifts() -> ModuleType:
    return module_of(BENCHMARKS / "shifts.py")


def configs_of(
    study: ModuleType, shift: Any, folder: Any, *arms: str
) -> dict[str, Any]:
    """Configs of arms with seed 1, after the training on the source."""
    runs = study.AdaptationStudy(shift, folder, 1)
    for name in ("start", "adaptsegnet"):
        runs.weights[name, 1] = f"{name}.safetensors"
    return {
        name: read_config(run.config, dict(run.options))
        for name in arms
        for run in [runs.run(name, 1)]
    }


def schedules(configs: dict[str, Any]) -> set[tuple]:
    return {
        (
            cfg.train_cfg.max_iters,
            tuple(each["end"] for each in cfg.param_scheduler),
            cfg.optim_wrapper.optimizer.lr,
        )
        for cfg in configs.values()
    }


def test_arms_differ_in_what_they_are_named_for(study, shifts, tmp_path):
    names = (
        "source only",
        "source, augmented",
        "labels of the target",
        "minent-prior",
    )
    shift = shifts.SHIFTS["farm"]
    configs = configs_of(study, shift, tmp_path, *names, "proda")
    assert schedules(configs) == {(500, (30, 500), 3e-3)}
    # Arms of a stage draw the same frames, and others than the stage before.
    drawn = {name: cfg.train_dataloader.sampler.seed for name, cfg in configs.items()}
    assert drawn == {**dict.fromkeys(names, 1001), "proda": 2001}
    source, strong, labels, adapted, proda = configs.values()
    before, after = (
        cfg.train_dataloader.dataset.dataset.pipeline for cfg in (source, strong)
    )
    changed = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    assert [after[i].type for i in changed] == ["PhotoMetricDistortion"]
    assert after[changed[0]].brightness_delta == 64
    tables = [c.train_dataloader.dataset.dataset.split_table for c in (source, labels)]
    assert tables == ["A.csv", "B.csv"]
    pair = adapted.train_dataloader.dataset.dataset
    assert [pair[each].split_table for each in ("source", "target")] == tables
    assert adapted.model.method == shifts.ARMS["minent-prior"].method
    assert adapted.load_from == source.load_from == "start.safetensors"
    assert proda.load_from == "adaptsegnet.safetensors"
    for cfg in (source, strong, adapted, proda):
        assert cfg.test_dataloader.dataset.split_table == "B.csv"


def test_arms_of_camvid_have_one_schedule(study, shifts, tmp_path, monkeypatch):
    monkeypatch.setenv("CAMVID_BENCHMARKS", str(tmp_path))
    names = ("source, augmented", "minent", "labels of the target")
    configs = configs_of(study, shifts.SHIFTS["dusk"], tmp_path, *names)
    labels = configs["labels of the target"]
    loaders = (labels.train_dataloader, labels.val_dataloader)
    tables = [each.dataset.dataset.split_table for each in loaders]
    assert tables == ["dusk.csv", "day.csv"]
    assert schedules(configs) == {(400, (400,), 1e-3)}
    strong = configs["source, augmented"].train_dataloader.dataset.dataset.pipeline
    assert [each.type for each in strong if "brightness_delta" in each] == [
        "PhotoMetricDistortion"
    ]


def test_later_stages_learn_from_the_one_before_on_both_farms(study, shifts, tmp_path):
    runs = study.AdaptationStudy(shifts.SHIFTS["farm"], tmp_path, 1)
    (tmp_path / "proda.safetensors").write_text("weights")
    runs.weights["proda", 1] = str(tmp_path / "proda.safetensors")
    run = runs.run("proda-2", 1)
    plan_of = module_of(BENCHMARKS / "study_runs.py").plan_of
    before = plan_of(run)
    (tmp_path / "proda.safetensors").write_text("others")
    assert plan_of(runs.run("proda-2", 1)) != before  # the path is the same
    cfg = read_config(run.config, dict(run.options))
    own, _ = runs._configs
    assert cfg.model.teacher_checkpoint == runs.weights["proda", 1]
    assert cfg.model.student == own.model
    assert cfg.get("load_from") is None
    assert schedules({"": cfg}) == schedules({"": own})  # as long as the start
    source, target = cfg.train_dataloader.dataset.dataset.datasets
    assert [each.split_table for each in (source, target)] == ["A.csv", "B.csv"]
    assert target.unlabelled == "all"
    assert source == own.train_dataloader.dataset.dataset


def test_a_small_student_learns_from_the_large_network(study, shifts, tmp_path):
    shift = shifts.SHIFTS["farm_large"]
    runs = study.AdaptationStudy(shift, tmp_path, 1)
    (tmp_path / "large.safetensors").touch()
    runs.weights["mean-teacher", 1] = str(tmp_path / "large.safetensors")
    run = runs.run("student of mean-teacher", 1)
    cfg = read_config(run.config, dict(run.options))
    large, _ = runs._configs
    assert cfg.model.teacher_checkpoint == runs.weights["mean-teacher", 1]
    assert cfg.model.teacher.neck == large.model.neck
    small = read_config(shift.student, dict(shift.tables))
    assert cfg.model.student == small.model
    assert cfg.train_cfg == small.train_cfg
    assert is_a(cfg.model.distill_loss.terms[0], KLDLoss)


def test_arms_begin_after_those_from_which_they_go_on(
    study, shifts, tmp_path, monkeypatch
):
    batches: list[set[str]] = []

    def answered(runs, jobs, may_fail):
        assert may_fail
        names = [run.folder.name.rpartition("_seed")[0] for run in runs]
        batches.append(set(names))
        for name in names:
            poor = name == "proda"
            (tmp_path / name).touch()
            done = {"weights": str(tmp_path / name)}
            yield {"refused": "it is poor"} if poor else done

    monkeypatch.setattr(study, "results_of", answered)
    for each in ("_signs", "_recomputed", "_at_agreed_threshold"):
        monkeypatch.setattr(study.AdaptationStudy, each, lambda *given: {})
    runs = study.AdaptationStudy(shifts.SHIFTS["farm"], tmp_path, 1)
    results = [each for each in runs.results() if each]
    order = ("start", "adaptsegnet", "proda")
    assert [next(i for i, b in enumerate(batches) if n in b) for n in order] == [
        0,
        1,
        2,
    ]
    assert not any("proda-2" in batch for batch in batches)
    refused = {each["arm"]: each["refused"] for each in results if "refused" in each}
    assert refused.keys() == {"proda", "proda-2", "proda-3"}
    reason = "proda was refused or diverged, from which it goes on"
    assert refused["proda-2"] == reason
    loose = {"a": shifts.Arm(start="adabn"), "adabn": shifts.ARMS["adabn"]}
    shift = shifts.replace(shifts.SHIFTS["farm"], arms=loose)
    with pytest.raises(ValueError, match="a go on from what is not trained"):
        list(study.AdaptationStudy(shift, tmp_path, 1).results())


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
    taught = {"proda-2": SCORES["minent"], "proda-2 of source only": SCORES["start"]}
    runs += [
        {**runs[0], "arm": arm, "seed": seed, "test": {"Dice.splash": score}}
        for arm, scores in {**before, **taught}.items()
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
    found = file.read_text()
    gain = np.subtract(SCORES["minent"], SCORES["source only"])
    low, high = stats.t.interval(0.95, 4, gain.mean(), stats.sem(gain))
    row = next(line for line in found.splitlines() if line.startswith("| minent |"))
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
    assert "The best control is *source, augmented*." in found
    # Three runs each of two methods with warnings, which gain 2 once; minent 4 times.
    assert "| below -1 | 6 | 6 |" in found
    assert "| above 0 | 6 | 2 |" in found
    assert "advent |" not in found  # three of five seeds are missing
    over = np.subtract(SCORES["minent"], SCORES["start"])
    low, high = stats.t.interval(0.95, 4, over.mean(), stats.sem(over))
    gain_of_target = f"{over.mean():+.2f} ({low:+.2f} to {high:+.2f})"
    assert f"- proda-2 over proda-2 of source only: {gain_of_target}\n" in found
    assert "- adabn was refused, or diverged, with 5 of 5 seeds: it is poor\n" in found
    assert found.startswith("before <!--")
    assert found.endswith("--> after")
    assert "outdated" not in found
    assert (folder / "farm.svg").is_file()


@pytest.fixture(scope="module")
def page() -> ModuleType:
    return module_of(BENCHMARKS / "adaptation_page.py")


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
    found = list(page._harm(results_of(page, shifts.SHIFTS["same"], scores)))
    assert found == [
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
    found = list(page._compared(both["farm_large"], both))
    assert found == [
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


def test_rare_classes_are_drawn_more_often_where_named(study, shifts, tmp_path):
    names = ("mean-teacher", "mean-teacher-rare")
    plain, rare = configs_of(study, shifts.SHIFTS["farm"], tmp_path, *names).values()
    assert plain.train_dataloader.sampler.type == "ViewSampler"
    sampler = {"type": "RareClassSampler", "temperature": 0.5, "seed": 1001}
    assert dict(rare.train_dataloader.sampler) == sampler
    assert rare.train_dataloader.dataset == plain.train_dataloader.dataset


def test_a_run_that_diverged_is_an_error_or_a_result(tmp_path, monkeypatch, capsys):
    runs = module_of(BENCHMARKS / "study_runs.py")

    class Pool:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def map(self, _, each):
            return [{"diverged": "loss is nan"} for _ in each]

    monkeypatch.setattr(runs, "ProcessPoolExecutor", lambda *_: Pool())
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run = runs.StudyRun(tmp_path / "arm", "config.py", {}, "mIoU")
    assert list(runs.results_of([run], 1, may_fail=True)) == [
        {"diverged": "loss is nan"}
    ]
    with pytest.raises(RuntimeError, match="arm diverged: loss is nan"):
        list(runs.results_of([run], 1))


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
    found = (tmp_path / "adaptation.md").read_text()
    assert "Not shown, as *source only* has not all seeds: farm." in found


def test_weights_without_a_threshold_are_refused(tmp_path):
    runs = module_of(BENCHMARKS / "study_runs.py")
    weights = tmp_path / "weights.safetensors"
    write_weights({"a": torch.zeros(1)}, weights, {"iter": 1})
    run = runs.StudyRun(tmp_path, "none.py", {}, "mIoU", threshold="stored")
    assert runs.scores_of(run, weights) == {
        "refused": "no threshold finds the class on the validation part"
    }


@pytest.fixture
def frames(tmp_path) -> Any:
    """Two recordings of six frames, in three parts."""
    root = tmp_path / "frames"
    for recording in ("A_day", "B_day"):
        for kind, mode in (("images", "RGB"), ("labels", "L")):
            folder = root / kind / recording
            folder.mkdir(parents=True)
            for second in range(6):
                picture = Image.new(mode, (16, 12), 1 if mode == "L" else "gray")
                picture.save(folder / f"100000000{second}-000000000.png")
    lists = []
    for part, seconds in (("train", range(4)), ("val", [4]), ("test", [5])):
        file = tmp_path / f"{part}.txt"
        names = [
            f"{r}/100000000{s}-000000000" for r in ("A_day", "B_day") for s in seconds
        ]
        file.write_text("\n".join(names))
        lists.append(f"{part}={file}")
    out = root / "frames.csv"
    run("tools/split_dataset.py", root, "--strategy", "list", "--list", *lists,
        "--label-coding", "camvid", "--out", out)  # fmt: skip
    return root


def test_recordings_keeps_whole_names_only(frames, tmp_path):
    out = tmp_path / "a.csv"
    run("benchmarks/recordings.py", frames / "frames.csv", "A_.*", "--out", out)
    assert {frame.recording for frame in read_table(out)} == {"A_day"}
    with pytest.raises(SystemExit, match="'A' fits no recording of A_day, B_day"):
        module_of(BENCHMARKS / "recordings.py").main(
            [str(frames / "frames.csv"), "A", "--out", str(out)]
        )


def test_recordings_can_be_halved(frames, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    run("benchmarks/recordings.py", frames / "frames.csv", "A_.*", "--out", first,
        "--rest", second)  # fmt: skip
    seconds = [
        [(f.timestamp // 10**9 % 10, f.split) for f in read_table(table)]
        for table in (first, second)
    ]
    assert seconds == [
        [(0, "train"), (1, "train"), (4, "val")],
        [(2, "train"), (3, "train"), (5, "test")],
    ]


def test_other_camera_shows_the_second_halves_and_the_test_part(frames, tmp_path):
    out = tmp_path / "look"
    run("benchmarks/camera_look.py", frames, out)
    stay, other = (read_table(t) for t in (frames / "first.csv", out / "second.csv"))
    seconds = [[f.timestamp // 10**9 % 10 for f in part] for part in (stay, other)]
    assert sorted(seconds[0]) == [0, 0, 1, 1, 4, 4]
    assert sorted(seconds[1]) == [2, 2, 3, 3, 5, 5]
    assert {frame.split for frame in other} == {"train", "test"}
    before, after = (np.asarray(Image.open(part[0].image)) for part in (stay, other))
    assert before.shape == after.shape
    assert after.mean() < before.mean() - 10
    assert np.ptp(after) > 10  # noise

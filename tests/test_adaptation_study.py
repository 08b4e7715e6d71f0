"""Plan and arithmetic of the study of what adapting brings."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import is_a
from mmseg_splashkd.datasets.rare_class_sampler import RareClassSampler
from mmseg_splashkd.datasets.split_table import read_table
from mmseg_splashkd.models.losses.logit_terms import KLDLoss
from tests.conftest import ROOT
from tests.test_commands import module_of, run

BENCHMARKS = ROOT / "benchmarks"


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


@pytest.mark.parametrize("shift", ["farm", "dusk"])
def test_both_levels_of_a_network_are_compared(study, shifts, tmp_path, shift):
    arm = "adaptsegnet, two levels"
    cfg = configs_of(study, shifts.SHIFTS[shift], tmp_path, arm)[arm]
    cfg.model.student.backbone.init_cfg = None
    init_default_scope("mmseg")
    network = MODELS.build(cfg.model.student)
    method = MODELS.build(cfg.model.method)
    method.bind(network)
    assert set(method.discriminators) == {"main", "auxiliary"}


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


def test_rare_classes_are_drawn_more_often_where_named(study, shifts, tmp_path):
    names = ("mean-teacher", "mean-teacher-rare")
    plain, rare = configs_of(study, shifts.SHIFTS["farm"], tmp_path, *names).values()
    assert not is_a(plain.train_dataloader.sampler, RareClassSampler)
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

"""Sources of runs: work directories, folders, scores files and patterns."""

from pathlib import Path

import pytest

from mmseg_splashkd.evaluation.frame_scores import save_scores
from mmseg_splashkd.records.store import write_record
from mmseg_splashkd.report.compare import read_arms
from mmseg_splashkd.report.scored_runs import select_runs
from mmseg_splashkd.statistics import FoldSeed
from tests.report.fake_runs import record
from tests.statistics.builders import tiny

A, B = [[8, 2], [1, 9]], [[9, 1], [1, 9]]


def run(folder: Path, confusion=A, file="scores/val_last.npz", **about):
    """A run without a record."""
    part, _, weights = Path(file).stem.partition("_")
    about = {"part": part, "weights": weights, **about}
    save_scores(tiny(confusion, 60, **about), folder / file)
    return folder


def recorded(folder: Path, fold: int = 0, **changes):
    """A run with a record."""
    run(folder)
    write_record(folder, record("kd", 0.5, fold, "t.csv", **changes))
    return folder


def titles(*sources):
    return [arm.title for arm in read_arms(sources)]


def test_test_part_first_and_last_weights(tmp_path: Path):
    folder = run(tmp_path / "a")

    def part(**options) -> str:
        about = read_arms([folder], **options)[0].arm.first.about
        return f"{about['part']} {about['weights']}"

    assert part() == "val last"
    run(folder, file="scores/test_last.npz")
    run(folder, file="scores/val_best.npz")
    assert part() == "test last"
    assert part(part="val") == "val last"
    assert part(part="val", weights="best") == "val best"


def test_a_source_may_be_a_folder_of_a_test_or_a_scores_file(tmp_path: Path):
    work = run(tmp_path / "a_1125")
    test = run(tmp_path / "tested", B, "scores.npz", part="test")
    file = run(tmp_path / "b", B, "mine.npz") / "mine.npz"
    assert titles(work, test, file) == ["a_1125", "tested", "mine"]
    with pytest.raises(ValueError, match="holds scores of part test, not val"):
        read_arms([test], "val")


def test_unrecorded_runs_of_a_pattern_are_an_arm(tmp_path: Path):
    for name in ("plain", "kd"):
        for seed in (0, 1):
            run(tmp_path / f"{name}_{seed}", seed=seed)
    (tmp_path / "plain_0.log").touch()  # matches, and is no run
    arms = read_arms([tmp_path / "plain_*", tmp_path / "kd_*"])
    assert [(arm.title, list(arm.runs)) for arm in arms] == [
        ("plain", [FoldSeed(None, 0), FoldSeed(None, 1)]),
        ("kd", [FoldSeed(None, 0), FoldSeed(None, 1)]),
    ]


def test_unrecorded_runs_without_a_seed_are_numbered(tmp_path: Path):
    for name in "xyz":
        run(tmp_path / name, file="scores.npz")
    (arm,) = read_arms([tmp_path / "*" / "scores.npz"])
    assert list(arm.runs) == [FoldSeed(None, n) for n in range(3)]
    assert [each.name for each in arm.runs.values()] == ["x", "y", "z"]


def test_scores_of_a_recorded_run_have_its_identity(tmp_path: Path):
    folder = recorded(tmp_path / "kd_seed7", fold=2, seed=3)
    (arm,) = read_arms([folder / "scores" / "val_last.npz"])
    assert arm.title == "kd, r = 0.5"
    assert list(arm.runs) == [FoldSeed(2, 3)]


def test_recorded_runs_form_arms_however_they_are_named(tmp_path: Path):
    folders = [recorded(tmp_path / f"r{fold}", fold) for fold in range(2)]
    other = run(tmp_path / "other")
    for sources in ([tmp_path / "r*", other], [*folders, other]):
        arms = read_arms(sources)
        assert [len(arm.runs) for arm in arms] == [2, 1]


def test_one_arm_alone_is_compared_run_by_run(tmp_path: Path):
    folders = [recorded(tmp_path / f"r{seed}", seed=seed) for seed in range(3)]
    arms = read_arms(folders)
    assert [list(arm.runs) for arm in arms] == [[FoldSeed(0, s)] for s in range(3)]
    assert len({arm.title for arm in arms}) == 3


def test_equal_runs_are_distinguished_by_their_source(tmp_path: Path):
    folders = [recorded(tmp_path / name, began=name) for name in ("x", "y")]
    assert titles(*folders) == [
        f"kd, r = 0.5 ({tmp_path}/x)",
        f"kd, r = 0.5 ({tmp_path}/y)",
    ]
    with pytest.raises(ValueError, match="are both fold 0, seed 0: give one of them"):
        read_arms([tmp_path / "*"])


def test_runs_that_did_not_finish_count_if_they_are_named(tmp_path: Path):
    folder = recorded(tmp_path / "a", status="killed", reason="gone")
    assert titles(folder) == ["kd, r = 0.5"]


def test_missing_sources_and_scores_are_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"there is no run .*/nowhere, and no"):
        read_arms([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no runs found .*empty.*: give work"):
        read_arms([tmp_path / "empty"])
    folder = run(tmp_path / "a")
    with pytest.raises(ValueError, match=r"no scores of its best weights .*a/scores"):
        read_arms([folder], "val", "best")
    other = run(tmp_path / "b", file="scores/val_best.npz")
    with pytest.raises(FileNotFoundError, match=r"run a: no scores of its best weig"):
        read_arms([folder, other], "val", "best")
    with pytest.raises(ValueError, match="part='train'"):
        read_arms([tmp_path], part="train")


def test_a_work_directory_counts_once(tmp_path: Path):
    folder = recorded(tmp_path / "sweep" / "a")
    selected = select_runs([tmp_path / "sweep", folder])
    assert [each.source for each in selected] == [0]


def test_sources_keep_their_order(tmp_path: Path):
    file = run(tmp_path / "b", file="mine.npz") / "mine.npz"
    folder = recorded(tmp_path / "a")
    assert titles(file, folder) == ["mine", "kd, r = 0.5"]


def test_records_of_the_first_version_are_read(tmp_path: Path):
    line = (
        '{"version": 1, "id": "i", "run": "old_seed5", "how": "finished", '
        '"config": "configs/kd.py", "fold": 1, "seed": 0, "teacher_ratio": 0.5, '
        '"scores": {"best": null, "last": "scores/val_last.npz"}, '
        '"work_dir": "old_seed5"}\n'
    )
    run(tmp_path / "old_seed5")
    (tmp_path / "records.jsonl").write_text(line)
    (arm,) = read_arms([tmp_path])
    assert (arm.title, list(arm.runs)) == ("kd, r = 0.5", [FoldSeed(1, 0)])


def test_a_pattern_may_be_absolute_or_relative(tmp_path: Path, monkeypatch):
    recorded(tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    assert titles("a*") == titles(str(tmp_path / "a*")) == ["kd, r = 0.5"]


def test_a_test_within_a_recorded_work_directory_counts(tmp_path: Path):
    folder = recorded(tmp_path / "a")
    run(folder, file="scores.npz", part="test", weights="best")
    (arm,) = read_arms([folder], "test", "best")
    assert arm.arm.first.about["part"] == "test"
    with pytest.raises(ValueError, match="no scores of its last weights on the test"):
        read_arms([folder], "test")

"""Scores within and across farms, from the records of runs to the page."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.frames import list_frames
from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.datasets.splits.plan import SplitPlan
from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.evaluation.frame_scores import load_scores, save_scores
from mmseg_splashkd.files import file_sha256
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.report.arms import gather_arms
from mmseg_splashkd.report.experiments import report_experiments
from mmseg_splashkd.report.experiments.seen_recordings import (
    SeenRecordings,
    UnknownTrainingError,
    seen_recordings,
)
from mmseg_splashkd.report.scored_runs import select_runs
from tests.report.fake_runs import change_record
from tests.report.html import Page
from tests.report.unseen_runs import write_tested

MISSED = {"pond1": 2.0, "pond2": 2.0, "pond3": 6.0}
SECTION = "Within and across farms"
DICE = "Dice of splash in percent with 95 % intervals"


@pytest.fixture(scope="module")
def ponds(tmp_path_factory) -> Path:
    """Three synthetic ponds of 48x64 as recordings, at the same times."""
    root = tmp_path_factory.mktemp("ponds")
    for n, frames in ((1, 40), (2, 40), (3, 60)):
        draw_pond(root / f"p{n}", frames=frames, size=(48, 64), seed=n, progress=False)
        for folder in ("images", "labels"):
            (root / folder).mkdir(exist_ok=True)
            (root / f"p{n}" / folder).rename(root / folder / f"pond{n}")
    return root


def split(ponds: Path, name: str, **options) -> Path:
    frames = list_frames(ponds / "images", ponds / "labels")
    plan = SplitPlan("per-recording", ratios=[1, 1, 2], **options)
    return write_table(ponds / name, plan.apply(frames))


@pytest.fixture(scope="module")
def table(ponds: Path) -> Path:
    return split(ponds, "split.csv", leave_out="pond3")


@pytest.fixture
def runs(table: Path, tmp_path: Path) -> Path:
    """A plain and a distilled student, tested on all ponds, trained on two."""
    write_tested(tmp_path / "runs", table, MISSED)
    better = dict.fromkeys(MISSED, 1.0)
    write_tested(tmp_path / "runs", table, better, "farm_b0_kd", 0.5)
    return tmp_path / "runs"


def seen(folder: Path) -> SeenRecordings:
    arms, _ = gather_arms(select_runs([folder]), "test")
    return seen_recordings(arms[0])


def dice_on(path: Path, *recordings: str) -> str:
    scores = load_scores(path / "scores" / "test_last.npz")
    areas = scores.confusion[np.isin(scores.recordings, recordings)].sum(0)
    return f"{200 * areas[1, 1] / (areas[1].sum() + areas[:, 1].sum()):.1f}"


def test_the_page_shows_both_sides(runs: Path, capsys):
    markdown = runs.parent / "arms.md"
    page = Page(report_experiments([runs], part="test", markdown=markdown, block="3"))
    page.check_accessible()
    page.check_self_contained()
    assert SECTION in page.texts_of("h2")
    sentence = (
        "Training has not seen 1 of 3 recordings of the test part. Across-farm: pond3. "
        "Within-farm, seen in training: pond1, pond2."
    )
    assert sentence in page.text
    heads, *rows = page.tables[DICE]
    assert heads[1:] == [
        *("Within-farm", "Across-farm", "Across-farm loss, points"),
        *("Frames within", "Frames across"),
    ]
    assert [row[0] for row in rows] == ["farm_b0", "farm_b0_kd, r = 0.5"]
    for row, run in zip(rows, ("farm_b0_1125", "farm_b0_kd_1125_50"), strict=True):
        (path,) = runs.glob(f"{run}_fold*")
        within, across = dice_on(path, "pond1", "pond2"), dice_on(path, "pond3")
        assert [cell.split()[0] for cell in row[1:3]] == [within, across]
        assert float(row[3].split()[0]) == pytest.approx(
            float(within) - float(across), abs=0.11
        )
        assert row[4:] == ["40", "60"]
        assert all(" to " in cell for cell in row[1:4])
    assert "mIoU in percent with 95 % intervals" in page.tables
    assert float(rows[0][3].split()[0]) > 10 > float(rows[1][3].split()[0])
    printed = capsys.readouterr().out
    assert "% on 60 frames of recordings not seen in training" in printed
    assert "% on 40 frames of recordings seen: across-farm loss" in printed
    assert f"{sentence}\n\n| {DICE} | Within-farm |" in markdown.read_text()


def test_nothing_changes_where_all_recordings_were_seen(ponds: Path, tmp_path: Path):
    table = split(ponds, "all.csv")
    write_tested(tmp_path / "runs", table, MISSED)
    page = Page(report_experiments([tmp_path / "runs"], part="test"))
    assert "farm" not in page.text.replace("farm_b0", "").replace("configs/farm", "")
    assert not [caption for caption in page.tables if caption == DICE]


def test_a_test_part_without_recordings_seen_has_no_loss(ponds: Path, tmp_path: Path):
    frames = list_frames(ponds / "images", ponds / "labels")
    plan = SplitPlan("per-recording", ratios=[1, 1, 0], leave_out="pond3")
    table = write_table(ponds / "out.csv", plan.apply(frames))
    write_tested(tmp_path / "runs", table, MISSED)
    page = Page(report_experiments([tmp_path / "runs"], part="test"))
    (row,) = page.table(DICE)
    assert row[1] == row[3] == "n/a"
    assert row[4:] == ["0", "60"]
    assert "The test part has no frame of a recording seen in training" in page.text


def test_a_recording_is_seen_by_its_frames_in_training(runs: Path, table: Path):
    assert seen(runs) == SeenRecordings(("pond1", "pond2"), ("pond3",))
    trained = {f.recording for f in read_table(table) if f.split == "train"}
    assert trained == {"pond1", "pond2"}


def test_a_recording_that_one_fold_alone_has_seen_is_on_no_side(
    ponds: Path, tmp_path: Path
):
    rows = read_table(split(ponds, "parts.csv"))
    # Fold 0 trains on pond2 alone, fold 1 on pond1 and pond2; pond3 is tested.
    fold = {"pond1": 0, "pond2": None, "pond3": None}
    folded = []
    for n, frame in enumerate(rows):
        own = fold[frame.recording]
        number = n % 2 if own is None and frame.recording == "pond2" else own
        tested = frame.split == "test" or frame.recording == "pond3"
        change = {"split": "test"} if tested else {"split": "train", "fold": number}
        folded.append(replace(frame, **change))
    table = write_table(ponds / "folds.csv", folded)
    for number in (0, 1):
        write_tested(tmp_path / "runs", table, MISSED, fold=number)
    expected = SeenRecordings(("pond2",), ("pond3",), ("pond1",))
    assert seen(tmp_path / "runs") == expected
    page = Page(report_experiments([tmp_path / "runs"], part="test"))
    assert "Some runs have seen pond1, some have not: frames of these" in page.text
    (row,) = page.table(DICE)
    assert row[4:] == ["20", "60"]


def unrecorded_list(run: Path, table: Path):
    (run / "train_frames.txt").write_text("pond3/1714521600-000000000\n")


def no_list(run: Path, table: Path):
    (run / "train_frames.txt").unlink()


def another_table(run: Path, table: Path):
    path = run / "scores" / "test_last.npz"
    scores = load_scores(path)
    about = {**scores.about, "table_sha256": "e" * 64}
    save_scores(replace(scores, about=about), path)


def another_data_set(run: Path, table: Path):
    change_config(
        run, "type='TimeSplitDataset', split='train'", "type='BaseSegDataset'"
    )


def several_tables(run: Path, table: Path):
    one, other = (
        f"dict(type='TimeSplitDataset', split='train', split_table={path.as_posix()!r})"
        for path in (table, table.with_name("other.csv"))
    )
    both = f"dict(type='ConcatDataset', datasets=[{one}, {other}])"
    change_record(run, config_text=f"train_dataloader = dict(dataset={both})")


def code_in_the_config(run: Path, table: Path):
    change_config(run, "type='RepeatDataset'", "type='subprocess.Popen'")


def no_config(run: Path, table: Path):
    change_record(run, config_text=None)


def other_weights(run: Path, table: Path):
    change_config(run, "train_dataloader =", "load_from = 'a.pth'\ntrain_dataloader =")


def change_config(run: Path, old: str, new: str):
    record = read_record(run)
    assert record is not None
    assert record.config_text is not None
    assert old in record.config_text
    change_record(run, config_text=record.config_text.replace(old, new))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unrecorded_list, "has no list of its training frames (train_frames.txt), or"),
        (no_list, "has no list of its training frames (train_frames.txt), or"),
        (another_table, "was tested on frames of another split table than it was"),
        (another_data_set, "was not trained on the frames of one split table"),
        (several_tables, "was not trained on the frames of one split table"),
        (code_in_the_config, "was not trained on the frames of one split table"),
        (no_config, "was not trained on the frames of one split table"),
        (other_weights, "goes on from other weights (load_from), and what these were"),
    ],
)
def test_what_is_not_recorded_is_not_guessed(
    table: Path, tmp_path: Path, change, reason: str
):
    run = write_tested(tmp_path / "runs", table, MISSED)
    change(run, table)
    with pytest.raises(UnknownTrainingError, match=re.escape(reason)):
        seen(tmp_path / "runs")


def test_the_page_says_what_is_not_known(runs: Path, table: Path):
    (run,) = runs.glob("farm_b0_1125*")
    another_table(run, table)
    page = Page(report_experiments([runs], part="test", allowed=["table"]))
    known = "Whether training has seen the recordings of the test part is not known of"
    assert f"{known} farm_b0: farm_b0_1125_foldNone_seed0 was tested on" in page.text
    assert [row[0] for row in page.table(DICE)] == ["farm_b0_kd, r = 0.5"]


def test_the_training_table_is_meant_not_that_of_the_test(ponds: Path, tmp_path: Path):
    """A record lists the tables of all parts: that of the test is not enough."""
    table = split(ponds, "mine.csv", leave_out="pond3")
    run = write_tested(tmp_path / "runs", table, MISSED)
    record = read_record(run)
    assert record is not None
    other = "f" * 64
    data = replace(
        record.data,
        tables=(*record.data.tables, "test.csv"),
        table_sha256=(other, *record.data.table_sha256),
    )
    change_record(run, data=data)
    with pytest.raises(UnknownTrainingError, match="of another split table"):
        seen(tmp_path / "runs")


def test_scores_apart_are_those_of_the_weights_they_name(table: Path, tmp_path: Path):
    run = write_tested(tmp_path / "runs", table, MISSED)
    weights = run / "weights_last.safetensors"
    weights.write_bytes(b"weights")
    scores = load_scores(run / "scores" / "test_last.npz")
    about = {
        **scores.about,
        "checkpoint": str(weights),
        "checkpoint_sha256": file_sha256(weights),
    }
    apart = save_scores(replace(scores, about=about), tmp_path / "x_test/scores.npz")
    assert seen(apart) == SeenRecordings(("pond1", "pond2"), ("pond3",))
    weights.write_bytes(b"others")
    with pytest.raises(UnknownTrainingError, match="has no record of its training"):
        seen(apart)


def test_without_a_split_table_nothing_is_said(runs: Path):
    for path in runs.glob("*/scores/test_last.npz"):
        scores = load_scores(path)
        about = {**scores.about, "table": None, "table_sha256": None}
        save_scores(replace(scores, about=about), path)
    page = Page(report_experiments([runs], part="test"))
    assert SECTION not in page.texts_of("h2")
    assert "not known" not in page.text

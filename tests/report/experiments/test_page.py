"""The page of experiments, against the files it is made of."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.label_coding import SPLASH, read_gray
from mmseg_splashkd.datasets.split_table import read_table, select_frames
from mmseg_splashkd.records.record import BestAndLast, Cost, Timing
from mmseg_splashkd.records.store import find_runs
from mmseg_splashkd.report.experiments import report_experiments
from tests.report.fake_runs import KINDS, change_records, run_name
from tests.report.html import Page

BEST = ("farm_b0_kd", 0.25)


def pixels(sweep, table, config, ratio, fold):
    """True and predicted classes of a fold, one row per frame, from the files."""
    work_dir = sweep / run_name(config, ratio, fold)
    true, predicted = [], []
    for frame in select_frames(read_table(table), "val", fold):
        label = SPLASH.to_train_ids(read_gray(frame.label), frame.label)
        name = frame.image.rpartition("/")[2]
        true.append(label.ravel())
        predicted.append(
            np.asarray(Image.open(work_dir / "predictions/val" / name)).ravel()
        )
    return np.array(true), np.array(predicted)


def overlap(true, found, class_id):
    """Intersection, predicted and labelled pixels of a class."""
    hit = ((true == class_id) & (found == class_id)).sum()
    return hit, (found == class_id).sum(), (true == class_id).sum()


def all_folds(sweep, table, config, ratio):
    parts = [pixels(sweep, table, config, ratio, fold) for fold in range(3)]
    true, predicted = zip(*parts, strict=True)
    return np.concatenate(true), np.concatenate(predicted)


def test_scores_of_an_arm_pool_the_frames_of_its_folds(reported, sweep, table):
    page, _ = reported
    rows = {row[0]: row for row in page.table("Scores in percent")}
    for (config, ratio), title in ((KINDS[1], "farm_b0 baseline"), (BEST, "highest")):
        (row,) = [cells for name, cells in rows.items() if title in name]
        true, found = all_folds(sweep, table, config, ratio)
        hits, predicted, labelled = overlap(true, found, 1)
        other = overlap(true, found, 0)
        ious = (
            hits / (predicted + labelled - hits),
            other[0] / (sum(other[1:]) - other[0]),
        )
        assert row[1].startswith(f"{200 * hits / (predicted + labelled):.1f} ")
        assert row[2].startswith(f"{50 * sum(ious):.1f} ")
        assert row[-2:] == ["3 folds", "72"]


def test_arms_are_sorted_between_baseline_and_teacher(reported):
    page, _ = reported
    rows = page.table("Scores in percent")
    names = [row[0] for row in rows]
    assert names[0].startswith("farm_b0 baseline")
    assert names[1].startswith("farm_b0_kd, r = 0.25 highest 0616")
    assert names[-1].startswith("farm_b1 teacher")
    dice = [float(row[1].split()[0]) for row in rows[1:-1]]
    assert len(dice) == 9
    assert dice == sorted(dice, reverse=True)


def test_every_difference_is_drawn(reported):
    page, _ = reported
    rows = page.table("Scores in percent")[1:]
    drawn = [text.lstrip("▲▼ ") for text in page.texts_of("text")]
    assert "farm_b1 (teacher)" in drawn
    for cell in [cell for row in rows for cell in row[3:5]]:
        value, low, _, high = cell.split()[-4:]
        assert f"{value} ({low} to {high})" in drawn


def test_the_headline_comes_first(reported):
    page, _ = reported
    start = (
        "Experiments in sweep 33 runs, 11 arms, 1 h 44 min of training. Scores are of "
        "the last weights on the validation part, 72 frames. No arm is clearly better "
        "than the baseline, farm_b0. The highest is farm_b0_kd, r = 0.25: cannot tell"
    )
    assert page.text.startswith(start)
    assert "farm_b0_kd, r = 0.25 beside its teacher, farm_b1" in page.text
    assert "Not shown to be within 1 point of farm_b1" in page.text


def test_scores_of_classes_follow_from_counts(reported, sweep, table):
    page, _ = reported
    rows = page.table("Percent, mean over the runs of an arm")
    assert [row for row in rows if len(row) == 1] == [["splash"], ["background"]]
    row = rows[rows.index(["splash"]) + 2]
    hits, predicted, labelled = overlap(*all_folds(sweep, table, *BEST), 1)
    expected = [
        hits / (predicted + labelled - hits),
        2 * hits / (predicted + labelled),
        hits / predicted,
        hits / labelled,
    ]
    assert row == ["farm_b0_kd, r = 0.25", *(f"{100 * e:.1f}" for e in expected)]


def test_the_confusion_matrix_has_shares_of_rows_and_pixels(reported, sweep, table):
    page, _ = reported
    cells = [each["title"] for each in page.all("td") if "title" in each]
    true, predicted = all_folds(sweep, table, "farm_b0", None)
    missed = ((true == 1) & (predicted == 0)).sum()
    splash = (true == 1).sum()
    assert f"{missed:,} of {splash:,} pixels of splash predicted as background" in cells
    shares = [each["style"] for each in page.all("td") if "title" in each]
    assert shares[2] == f"--share: {100 * missed / splash:.2f}"


def test_a_score_over_the_ratio_is_of_the_frames_of_its_fold(reported, sweep, table):
    page, _ = reported
    rows = page.table("Score of each fold")
    chosen = [
        row for row in rows if row[:3] == ["farm_b0_kd", "Dice of splash", "0.25"]
    ]
    folds = []
    for fold in range(3):
        hits, *both = overlap(*pixels(sweep, table, BEST[0], BEST[1], fold), 1)
        folds.append(200 * hits / sum(both))
    figures = [f"{score:.1f}" for score in (np.mean(folds), *folds)]
    assert [row[3:] for row in chosen] == [figures]
    # The baseline is at r = 0 of each of three plots.
    baseline = [row[3:] for row in rows if row[1:3] == ["Dice of splash", "0"]]
    assert len(baseline) == 3
    assert baseline[0] == baseline[1] == baseline[2]


def test_frames_with_the_largest_differences_are_shown(reported, sweep, table):
    page, _ = reported
    wrong = []
    for fold in range(3):
        true, plain = pixels(sweep, table, "farm_b0", None, fold)
        _, best = pixels(sweep, table, *BEST, fold)
        wrong += ((true != plain).sum(1) - (true != best).sum(1)).tolist()
    assert f"r = 0.25 has {max(wrong):,} fewer pixels wrong" in page.text
    assert f"farm_b0 has {-min(wrong):,} fewer pixels wrong" in page.text
    alts = [image["alt"] for image in page.all("img")]
    assert len(alts) % 8 == 0  # frame and truth, two pictures of three arms
    assert all(
        image["src"].startswith("data:image/jpeg;base64,") for image in page.all("img")
    )
    assert "do not match the figures" not in page.text


def test_a_run_left_out_has_a_reason(reported):
    page, _ = reported
    assert "1 of 33 runs is left out" in page.text
    ((name, status, reason, *_),) = page.table("Runs left out")
    assert (name, status) == (run_name("farm_b0_kd_none", 0.75, 1), "failed")
    assert reason == "RuntimeError: the loss is NaN at iteration 120"
    assert len(page.table("Compared runs")) == 32


def test_every_run_can_be_repeated(reported, sweep):
    page, _ = reported
    for run in find_runs([sweep]):
        assert run.record.command in page.text
        assert f"python tools/rerun.py {run.work_dir}" in page.text


def test_text_is_escaped_and_no_resource_is_loaded(reported):
    page, _ = reported
    assert "do &lt;it&gt;" in page.html
    assert page.loaded()
    page.check_self_contained()


def test_the_page_is_accessible(reported):
    page, _ = reported
    page.check_accessible()
    targets = {link["href"].removeprefix("#") for link in page.all("a")}
    sections = {"arms", "differences", "ratio", "learning", "frames", "runs"}
    assert sections <= targets
    charts = [each for _, each in page.elements if each.get("role") == "img"]
    # Two metrics, three families twice, three logs, one recording, two thresholds.
    assert len(charts) == 14


def test_a_command_writes_missing_predictions(two, tmp_path):
    for path in two.glob("*_fold0_*/predictions/val/*.png"):
        path.unlink()
    page = Page(report_experiments([two], tmp_path / "page.html"))
    assert not page.all("img")
    assert "kept no predictions" in page.text
    assert f"--out {two}/farm_b0_1125_fold0_seed0/predictions/val" in page.text
    assert "fold=0 randomness.seed=0 test_dataloader.dataset.split=val" in page.text


def test_predictions_of_other_weights_are_noticed(two, tmp_path):
    for path in two.glob("*/predictions/val/*.png"):
        Image.fromarray(np.zeros((48, 64), np.uint8)).save(path)
    page = Page(report_experiments([two], tmp_path / "page.html"))
    assert "The pictures do not match the figures" in page.text


def test_config_of_a_record_is_not_executed(two, tmp_path):
    trap = tmp_path / "trap"
    code = f"val_dataloader = dict(dataset=open({str(trap)!r}, 'w'))\n"
    change_records(two, lambda _: {"config_text": code})
    page = Page(report_experiments([two], tmp_path / "page.html"))
    assert "val_dataloader is not a literal, and code is not executed" in page.text
    assert not trap.exists()


def test_one_run_alone(two, tmp_path):
    out = report_experiments([two / "farm_b0_1125_fold0_seed0"], tmp_path / "page.html")
    page = Page(out)
    assert "One arm alone: there is nothing to compare." in page.text
    assert {"#differences", "#ratio"}.isdisjoint(link["href"] for link in page.all("a"))
    assert len(page.table("Scores in percent")) == 1


def test_a_log_of_one_validation_is_no_curve(two, tmp_path):
    for path in two.glob("*/*/vis_data/scalars.json"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        kept = [line for line in lines if "loss" in line or line["step"] == 300]
        path.write_text("".join(json.dumps(line) + "\n" for line in kept))
    page = Page(report_experiments([two], tmp_path / "page.html"))
    assert "Training loss, the sum of each arm's own terms" in page.text
    assert "Validation mIoU" not in page.text


def test_the_best_weights_on_request(two):
    for path in two.glob("*/scores/val_last.npz"):
        path.rename(path.with_name("val_best.npz"))
    scores = BestAndLast(best="scores/val_best.npz")
    change_records(two, lambda _: {"scores": scores})
    assert report_experiments([two], weights="best") == two / "report.html"
    page = Page(two / "report.html")
    assert page.text.startswith("Experiments in two 6 runs, 2 arms")
    assert "Scores are of the best weights on the validation part" in page.text


def timing(measurement="a", ratio=1.0):
    return Timing(measurement, 9, (13.0, 16.5), "farm_b0_x", ratio, (0.97, 1.104))


def test_cost_is_shown_where_it_is_recorded(two, tmp_path):
    assert "GMACs" not in Page(report_experiments([two], tmp_path / "a.html")).text
    cost = Cost(3_715_170, 0.64, 14.52, "CPU, 2 threads", timing(ratio=1.046))
    change_records(two, lambda old: {"cost": cost if old.teacher_ratio else None})
    page = Page(report_experiments([two], tmp_path / "b.html", tmp_path / "b.md"))
    title = "Pixel accuracy, and cost of one frame on CPU, 2 threads; time: median"
    plain, distilled = page.table(title)
    assert "of 9 rounds in turn, relative to farm_b0_x" in page.text
    assert plain[2:] == ["n/a"] * 4
    assert distilled[2:] == ["3.72", "0.64", "14.5", "1.05 (0.97 to 1.10)"]
    paths = two.glob("*_kd_*/scores/*.npz")
    confusion = np.sum([np.load(path)["confusion"].sum(0) for path in paths], 0)
    assert distilled[1] == f"{100 * np.trace(confusion) / confusion.sum():.2f}"
    row = "| 3.72 | 0.64 | 14.5 | 1.05 (0.97 to 1.10) |"
    assert row in (tmp_path / "b.md").read_text()


@pytest.mark.parametrize("of_plain", [None, timing("b")], ids=["alone", "another"])
def test_times_that_were_not_measured_in_turn_are_left_out(two, tmp_path, of_plain):
    cost = Cost(3_715_170, 0.64, 209.0, "CPU, 2 threads", timing())
    before = replace(cost, ms_per_frame=42.0, timing=of_plain)
    change_records(two, lambda old: {"cost": cost if old.teacher_ratio else before})
    page = Page(report_experiments([two], tmp_path / "page.html"))
    title = "Pixel accuracy, and cost of one frame on CPU, 2 threads; times are left"
    assert [row[2:] for row in page.table(title)] == [["3.72", "0.64"]] * 2


def test_the_reference_of_times_is_named_as_its_arm(two, tmp_path):
    (name,) = {run.name for run in find_runs([two]) if "b0_1125_fold0" in run.name}
    cost = Cost(1, 1.0, 1.0, "CPU", replace(timing(), reference=name))
    change_records(two, lambda _: {"cost": cost})
    page = Page(report_experiments([two], tmp_path / "page.html"))
    assert "relative to farm_b0" in page.text


def test_tiles_of_a_row_are_equally_wide(reported):
    page, _ = reported
    columns = {
        grid["style"] for grid in page.all("div") if grid.get("class") == "tiles"
    }
    assert columns == {"--columns: 4"}
    assert "repeat(var(--columns, 2), minmax(0, 24rem))" in page.html

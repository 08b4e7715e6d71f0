"""The page: what stands on it, against the files it was made of."""

import json

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.label_coding import SPLASH, read_gray
from mmseg_splashkd.datasets.split_table import read_table, select_frames
from mmseg_splashkd.report.experiments import report_experiments
from tests.report.experiments.fake import KINDS, read_lines, run_name, write_ledger
from tests.report.experiments.html import Page
from tests.report.test_page import LOADS

BEST = ("farm_b0_kd", 0.25)


def pixels(sweep, table, config, ratio, fold):
    """True and found classes of a fold, one row a frame, read off the label maps."""
    work_dir = sweep / run_name(config, ratio, fold)
    true, found = [], []
    for frame in select_frames(read_table(table), "val", fold):
        label = SPLASH.to_train_ids(read_gray(frame.label), frame.label)
        name = frame.image.rpartition("/")[2]
        true.append(label.ravel())
        found.append(
            np.asarray(Image.open(work_dir / "predictions/val" / name)).ravel()
        )
    return np.array(true), np.array(found)


def overlap(true, found, class_id):
    hit = ((true == class_id) & (found == class_id)).sum()
    return hit, (found == class_id).sum(), (true == class_id).sum()


def all_folds(sweep, table, config, ratio):
    parts = [pixels(sweep, table, config, ratio, fold) for fold in range(3)]
    true, found = zip(*parts, strict=True)
    return np.concatenate(true), np.concatenate(found)


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


def test_arms_stand_from_best_to_worst_between_baseline_and_teacher(reported):
    page, _ = reported
    rows = page.table("Scores in percent")
    names = [row[0] for row in rows]
    assert names[0].startswith("farm_b0 baseline")
    assert names[1].startswith("farm_b0_kd, r = 0.25 highest 0616")
    assert names[-1].startswith("farm_b1 teacher")
    dice = [float(row[1].split()[0]) for row in rows[1:-1]]
    assert len(dice) == 9
    assert dice == sorted(dice, reverse=True)


def test_differences_are_placed_as_they_are_large(reported):
    page, _ = reported
    places = [
        float(each["cx"].rstrip("%")) for each in page.all("circle") if "cy" in each
    ]
    rows = page.table("Scores in percent")[1:]
    values = [
        float(cell.replace("\N{MINUS SIGN}", "-").split()[-4])
        for row in rows
        for cell in row[3:5]
    ]
    # One scale for all: equal differences are equally far apart.
    scale = (places[0] - places[16]) / (values[0] - values[16])
    expected = [places[0] + scale * (value - values[0]) for value in values]
    assert len(places) == 20
    assert np.abs(np.array(places) - expected).max() < 0.15 * scale


def test_the_headline_stands_first(reported):
    page, _ = reported
    start = (
        "Experiments in sweep 33 runs, 11 arms, 1 h 44 min of training: what came out, "
        "how sure that is, and how to repeat it. Figures are of the last weights on "
        "the validation part, 72 frames. No arm is clearly better than the baseline, "
        "farm_b0. The highest is farm_b0_kd, r = 0.25: cannot tell apart"
    )
    assert page.text.startswith(start)


def test_each_class_is_told_by_counts(reported, sweep, table):
    page, _ = reported
    rows = page.table("Percent, mean over an arm's runs")
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
    true, found = all_folds(sweep, table, "farm_b0", None)
    missed = ((true == 1) & (found == 0)).sum()
    splash = (true == 1).sum()
    assert f"{missed:,} of {splash:,} pixels of splash found as background" in cells
    shares = [each["style"] for each in page.all("td") if "title" in each]
    assert shares[2] == f"--share: {100 * missed / splash:.2f}"


def test_a_fold_over_the_teachers_share_is_of_its_own_frames(reported, sweep, table):
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
    # The baseline stands at r = 0 of each of three plots.
    baseline = [row[3:] for row in rows if row[1:3] == ["Dice of splash", "0"]]
    assert len(baseline) == 3
    assert baseline[0] == baseline[1] == baseline[2]


def test_frames_are_shown_where_the_two_differ_most(reported, sweep, table):
    page, _ = reported
    wrong = []
    for fold in range(3):
        true, plain = pixels(sweep, table, "farm_b0", None, fold)
        _, best = pixels(sweep, table, *BEST, fold)
        wrong += ((true != plain).sum(1) - (true != best).sum(1)).tolist()
    assert f"r = 0.25 has {max(wrong):,} fewer pixels wrong" in page.text
    assert f"farm_b0 has {-min(wrong):,} fewer pixels wrong" in page.text
    alts = [image["alt"] for image in page.all("img")]
    assert len(alts) % 6 == 0
    assert all(
        image["src"].startswith("data:image/jpeg;base64,") for image in page.all("img")
    )
    assert "not what the figures count" not in page.text


def test_a_run_without_a_part_says_why(reported):
    page, _ = reported
    assert "1 of 33 runs has no part in these figures" in page.text
    ((name, how, why, *_),) = page.table("Without a part in the figures")
    assert (name, how) == (run_name("farm_b0_kd_none", 0.75, 1), "failed")
    assert why == "RuntimeError: the loss is NaN at iteration 120"
    assert len(page.table("The figures are of these")) == 32


def test_every_run_can_be_repeated(reported, sweep):
    page, _ = reported
    for line in read_lines(sweep):
        assert line["command"] in page.text
        rerun = f"python tools/rerun.py {sweep}/records.jsonl --run {line['run']}"
        assert rerun in page.text


def test_text_is_no_markup_and_nothing_is_loaded(reported):
    page, _ = reported
    assert "do &lt;it&gt;" in page.html
    links = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in LOADS
    ]
    assert links
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in links)
    assert not {"script", "link", "iframe", "object"} & {
        tag for tag, _ in page.elements
    }
    assert "@import" not in page.html
    assert "url(http" not in page.html
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_a_reader_without_eyes_or_mouse_is_served(reported):
    page, _ = reported
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {link["href"] for link in page.all("a")}
    assert {
        "#arms",
        "#differences",
        "#ratio",
        "#learning",
        "#frames",
        "#runs",
    } <= targets
    assert {target.removeprefix("#") for target in targets} <= set(ids)
    assert all(image["alt"] for image in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in th for th in page.all("th"))
    for _, attributes in page.elements:
        if attributes.get("role") == "region":
            assert attributes["tabindex"] == "0"
            assert attributes.get("aria-label") or attributes["aria-labelledby"] in ids
    charts = [each for _, each in page.elements if each.get("role") == "img"]
    # Three shares twice, three logs, one recording, two thresholds.
    assert len(charts) == 12
    assert all(chart["aria-label"] for chart in charts)


def test_without_label_maps_a_command_makes_them(two, tmp_path):
    for path in two.glob("*_fold0_*/predictions/val/*.png"):
        path.unlink()
    page = Page(report_experiments([two], tmp_path / "page.html"))
    assert not page.all("img")
    assert "kept no label maps of what it found" in page.text
    assert f"--out {two}/farm_b0_1125_fold0_seed0/predictions/val" in page.text
    assert "fold=0 randomness.seed=0 test_dataloader.dataset.split=val" in page.text


def test_label_maps_of_other_weights_are_told(two, tmp_path):
    for path in two.glob("*/predictions/val/*.png"):
        Image.fromarray(np.zeros((48, 64), np.uint8)).save(path)
    page = Page(report_experiments([two], tmp_path / "page.html"))
    assert "The pictures are not what the figures count" in page.text


def test_config_of_a_record_is_not_run(two, tmp_path):
    lines = read_lines(two)
    trap = tmp_path / "trap"
    code = f"dict(dataset=open({str(trap)!r}, 'w'))"
    for line in lines:
        line["config_text"] = f"val_dataloader = {code}\n"
    write_ledger(two, lines)
    page = Page(report_experiments([two], tmp_path / "page.html"))
    assert "val_dataloader is more than a value, and is not run" in page.text
    assert not trap.exists()


def test_one_run_alone(two, tmp_path):
    out = report_experiments([two / "farm_b0_1125_fold0_seed0"], tmp_path / "page.html")
    page = Page(out)
    assert "One arm alone: there is nothing to compare." in page.text
    assert {"#differences", "#ratio", "#frames"}.isdisjoint(
        link["href"] for link in page.all("a")
    )
    assert len(page.table("Scores in percent")) == 1


def test_a_log_of_one_validation_is_no_curve(two, tmp_path):
    for path in two.glob("*/*/vis_data/scalars.json"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        kept = [line for line in lines if "loss" in line or line["step"] == 300]
        path.write_text("".join(json.dumps(line) + "\n" for line in kept))
    page = Page(report_experiments([two], tmp_path / "page.html"))
    assert "Training loss, each arm's own sum of terms" in page.text
    assert "Validation mIoU" not in page.text


def test_the_best_weights_on_request(two):
    for path in two.glob("*/scores/val_last.npz"):
        path.rename(path.with_name("val_best.npz"))
    lines = read_lines(two)
    for line in lines:
        line["scores"] = {"last": None, "best": "scores/val_best.npz"}
    write_ledger(two, lines)
    assert report_experiments([two], weights="best") == two / "report.html"
    page = Page(two / "report.html")
    assert page.text.startswith("Experiments in two 6 runs, 2 arms")
    assert "Figures are of the best weights on the validation part" in page.text

"""What a report refuses, and its options."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.evaluation.frame_scores import load_scores, save_scores
from mmseg_splashkd.report.experiments import report_experiments
from tests.report.html import Page


def rewrite(folder, run, **changes):
    """Change the counts of a run."""
    path = folder / run / "scores" / "val_last.npz"
    save_scores(replace(load_scores(path), **changes), path)


def test_arms_of_different_frames_are_refused(two):
    times = np.arange(24) * 10**9
    rewrite(two, "farm_b0_kd_1125_50_fold1_seed0", timestamps=times)
    with pytest.raises(ValueError, match="were tested on different frames"):
        report_experiments([two])
    assert not (two / "report.html").exists()


def test_damaged_counts_are_refused(two):
    path = two / "farm_b0_1125_fold0_seed0/scores/val_last.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"val_last.npz are damaged"):
        report_experiments([two])


def test_arms_of_different_tables_need_leave(two):
    for run in two.iterdir():
        name = "other" if "_kd_" in run.name else "one"
        rewrite(two, run.name, about={"table": f"{name}.csv", "table_sha256": name})
    with pytest.raises(ValueError, match="--allow table"):
        report_experiments([two])
    page = Page(report_experiments([two], allowed=["table"]))
    assert "The runs differ in table, which was allowed." in page.text


def test_probabilities_are_shown_where_they_are_known(two):
    rewrite(two, "farm_b0_1125_fold0_seed0", histogram=None)
    page = Page(report_experiments([two]))
    charts = [each.get("aria-label", "") for _, each in page.elements]
    shown = [label for label in charts if label.endswith("over the threshold")]
    assert shown == [
        "farm_b0_kd, r = 0.5: precision, recall and Dice over the threshold"
    ]


def test_operating_points_replace_argmax_in_figures_alone(two):
    argmax = Page(report_experiments([two])).table("Scores in percent")
    page = Page(report_experiments([two], operating_point=True))
    decided = page.table("Scores in percent")
    assert [row[0] for row in decided] == [row[0] for row in argmax]
    assert decided != argmax
    assert "at the threshold that is best on the other folds of its arm" in page.text


def test_arguments_are_checked(two):
    with pytest.raises(ValueError, match="part='train' must be one of"):
        report_experiments([two], part="train")
    with pytest.raises(ValueError, match="block '3 m' is neither"):
        report_experiments([two], block="3 m")


def test_a_page_is_not_headed_by_zeros(two):
    """All arms rank the pixels well, and none reaches 0.5 anywhere."""
    for run in sorted(two.iterdir()):
        old = load_scores(run / "scores" / "val_last.npz")
        assert old.histogram is not None
        shy = old.histogram.reshape(*old.histogram.shape[:2], 128, 2).sum(-1)
        shy = np.pad(shy, ((0, 0), (0, 0), (0, 128)))
        below = np.stack([shy.sum(-1), np.zeros_like(shy.sum(-1))], -1)
        rewrite(two, run.name, histogram=shy, confusion=below)
    page = Page(report_experiments([two]))
    reason = (
        "No arm predicts splash at the threshold 0.5 (Dice 0.0 %): figures at each "
        "arm's operating point follow."
    )
    assert reason in page.text
    assert "the same scores on all" not in page.text
    table = page.table("Scores in percent with 95 % intervals, at each arm's operating")
    assert all(float(row[1].split()[0]) > 50 for row in table)
    assert "at the threshold that is best on the other folds of its arm" in page.text


def test_pooled_and_mean_dice_stand_side_by_side_where_sizes_differ(two):
    column = "Dice of splash, mean over frames"
    assert column not in Page(report_experiments([two])).text
    dice = {"farm_b0_1125": [], "farm_b0_kd_1125": []}
    for run in sorted(two.glob("*_fold*")):
        old = load_scores(run / "scores" / "val_last.npz")
        rewrite(two, run.name, about={**old.about, "frame_sizes": 2})
        areas = old.confusion.astype(float)
        both = areas[:, 1].sum(1) + areas[:, :, 1].sum(1)
        dice[run.name.partition("_1125")[0] + "_1125"] += [
            200 * hit / total
            for hit, total in zip(areas[:, 1, 1], both, strict=True)
            if total
        ]
    markdown = two.parent / "arms.md"
    page = Page(report_experiments([two], markdown=markdown))
    (table,) = (t for name, t in page.tables.items() if name.startswith("Scores in p"))
    heads, *rows = table
    assert heads[1:3] == ["Dice of splash", column]
    assert [row[2] for row in rows] == [
        f"{sum(of) / len(of):.1f}" for of in dice.values()
    ]
    assert f"| mIoU (%) | {column} (%) |" in markdown.read_text()

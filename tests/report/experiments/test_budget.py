"""Both views of charged runs, on the page and as findings."""

import json

import numpy as np
import pytest

from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.records.record import Charge
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.report.experiments import report_experiments
from tests.report.fake_runs import change_record, run_name, write_sweep
from tests.report.html import Page

LENGTH = "train_cfg.max_iters"
PLAIN, TEACHER_S, STEP_S = "farm_b0", 30.0, 0.2
BUDGET_S = TEACHER_S + 300 * STEP_S  # of the distilled arm; the plain step takes 0.1 s
LONG = 900  # (30 + 60) / 0.1


def charge(views, step_s, teacher_s=0.0, changed=(), arm=PLAIN):
    return Charge(arm, views, step_s, teacher_s, 0.0, BUDGET_S, "once", changed)


@pytest.fixture(scope="module")
def charged(table, tmp_path_factory):
    """A plain student in both views, and a distilled one that is in both at once."""
    folder = tmp_path_factory.mktemp("charged")
    kinds = [(PLAIN, None), ("farm_b0_kd", 0.5)]
    write_sweep(folder, table, kinds=kinds, fails=False)
    write_sweep(folder / "long", table, kinds=kinds[:1], fails=False)
    for fold in range(3):
        steps = run_name(PLAIN, None, fold)
        # All runs of a sweep may share an option that changes where one is longer.
        shared = {LENGTH: 300, "fold": fold, "randomness.seed": 0}
        short = charge(("steps",), STEP_S / 2)
        change_record(folder / steps, charge=short, options=shared)
        distilled = folder / run_name("farm_b0_kd", 0.5, fold)
        both = charge(("steps", "wall"), STEP_S, TEACHER_S, arm="kd")
        change_record(distilled, charge=both)
        work_dir = folder / "long" / steps
        record = read_record(work_dir)
        assert record is not None
        change_record(
            work_dir,
            name=f"{steps}_wall",
            charge=charge(("wall",), STEP_S / 2, changed=(LENGTH,)),
            options={**record.options, LENGTH: LONG},
            iterations=LONG,
            iteration=LONG,
        )
        work_dir.rename(folder / f"{steps}_wall")
        (log,) = (folder / f"{steps}_wall").glob("*/vis_data/scalars.json")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        stretched = [json.dumps({**line, "step": 3 * line["step"]}) for line in lines]
        log.write_text("\n".join(stretched) + "\n")
    (folder / "long").rmdir()
    return folder


@pytest.fixture(scope="module")
def page(charged, tmp_path_factory):
    return Page(report_experiments([charged], tmp_path_factory.mktemp("p") / "a.html"))


def dice(folder, name):
    """Dice of splash of three folds, pooled, by the files."""
    paths = [folder / name.format(fold) / "scores" / "val_last.npz" for fold in "012"]
    counts = np.sum([load_scores(path).confusion.sum(0) for path in paths], 0)
    return 200 * counts[1, 1] / (counts[1].sum() + counts[:, 1].sum())


def test_both_views_stand_side_by_side(page, charged):
    plain, distilled = page.table("Dice of splash (%) in both views")
    of_plain = f"{dice(charged, 'farm_b0_1125_fold{}_seed0'):.1f}"
    of_distilled = f"{dice(charged, 'farm_b0_kd_1125_50_fold{}_seed0'):.1f}"
    of_long = f"{dice(charged, 'farm_b0_1125_fold{}_seed0_wall'):.1f}"
    short, same = (f"{score} 300 iterations" for score in (of_plain, of_distilled))
    assert plain == ["farm_b0", short, "", f"{of_long} 900 iterations", ""]
    assert distilled[0] == "farm_b0_kd, r = 0.5"
    assert distilled[1] == distilled[3] == same
    for text, before in ((distilled[2], of_plain), (distilled[4], of_long)):
        *verdict, value, low, _, high = text.replace("\N{MINUS SIGN}", "-").split()
        assert " ".join(verdict) in ("cannot tell", "better", "worse")
        expected = float(of_distilled) - float(before)
        assert float(value) == pytest.approx(expected, abs=0.11)
        assert float(low) < float(value) < float(high)


def test_what_is_charged_adds_up(page):
    rows = page.table("What each run is charged")
    assert rows == [
        ["farm_b0", "equal steps", "300", "0.1000", "0.0", "0.0", "30.0", "30.0"],
        [
            "farm_b0_kd, r = 0.5",
            "both",
            *("300", "0.2000", "30.0", "0.0", "60.0", "90.0"),
        ],
        [
            "farm_b0, equal wall-clock",
            "equal wall-clock",
            *("900", "0.1000", "0.0", "0.0", "90.0", "90.0"),
        ],
    ]
    assert "each run has 1 min 30 s, which the dearest arm takes" in page.text
    assert "Each run is charged the whole of its teacher" in page.text


def test_curves_are_drawn_over_iterations_and_over_charged_time(page):
    labels = [each.get("aria-label", "") for _, each in page.elements]
    for over in ("iterations", "charged time"):
        expected = f"Validation Dice of splash (%) over {over}, one line per arm"
        assert expected in labels


def test_crossings_and_saturation_have_an_answer_for_each_arm(page):
    crossings = page.table("Where the mean learning curves cross")
    assert [row[:2] for row in crossings[::2]] == [
        ["farm_b0_kd, r = 0.5", "equal steps"],
        ["farm_b0_kd, r = 0.5", "equal wall-clock"],
    ]
    # Over time the distilled arm has its first validation at 30 + 60 x 0.2 s.
    assert all("42.0 s" in row[3] or " s: " in row[3] for row in crossings[2:])
    flat = page.table("Saturated: the mean curve has not gained more than 1 point")
    assert {row[0] for row in flat} == {
        "farm_b0",
        "farm_b0_kd, r = 0.5",
        "farm_b0, equal wall-clock",
    }
    assert {row[-1] for row in flat} <= {"saturated", "still gains"}


def test_the_page_stays_accessible(page):
    page.check_accessible()


def test_runs_without_charges_have_no_such_section(reported):
    page, _ = reported
    assert "Equal steps" not in page.text
    assert "#budget" not in [link["href"] for link in page.all("a")]

"""The table for a README."""

import re

from mmseg_splashkd.report.experiments.tables import count_of_runs, difference_figure
from tests.report.experiments.test_forest import difference
from tests.report.experiments.test_over_time import runs, scores


def cells(line):
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_markdown_has_one_row_per_arm_and_the_conditions(reported):
    page, markdown = reported
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    heads, ruler, *rows = map(cells, lines)
    assert heads[:5] == ["Arm", "Runs", "Frames", "Dice of splash (%)", "mIoU (%)"]
    assert ruler == ["---"] * len(heads)
    assert [row[0] for row in rows][::10] == ["farm_b0 (baseline)", "farm_b1 (teacher)"]
    assert len(rows) == 11
    score = r"\d+\.\d \(\d+\.\d to \d+\.\d\)"
    assert all(re.fullmatch(score, cell) for row in rows for cell in row[3:5])
    assert rows[0][5:] == ["", ""]
    signed = "([+\N{MINUS SIGN}][0-9.]+|0.0)"
    change = rf"{signed} \({signed} to {signed}\): (better|worse|cannot tell)"
    assert all(re.fullmatch(change, cell) for row in rows[1:] for cell in row[5:])
    assert markdown.endswith("\n\n`do <it>`\n")
    assert "Intervals are 95 % intervals" in markdown
    # The same figures as on the page.
    shown = page.table("Scores in percent")[0]
    assert rows[0][3].replace("(", "").replace(")", "") == shown[1]


def test_figures_have_one_decimal_and_a_sign():
    figure = difference_figure(difference(-0.04, -1.25, 1.16))
    assert str(figure) == "0.0 (\N{MINUS SIGN}1.2 to +1.2)"
    assert str(difference_figure(difference(2.0))) == "+2.0"
    assert str(difference_figure(difference(float("nan")))) == "n/a"


def test_runs_are_counted_as_folds_and_seeds():
    one = scores([0], [1], ["a"])
    assert count_of_runs(runs(one)) == "1 run"
    assert count_of_runs(runs(one, one)) == "2 seeds"

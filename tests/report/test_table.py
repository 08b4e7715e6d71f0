import io
import math

import pytest
from rich.console import Console

from mmseg_splashkd.report.table import columns, conditions, print_table

METRICS = {"mIoU": 71.256, "aAcc": 98.904, "Dice.splash": 60.125, "Dice.background": 99}


def _cells(run, focus="splash"):
    return {heading: cell(run) for heading, cell in columns(focus).items()}


def _print(runs, **arguments):
    file = io.StringIO()
    print_table(runs, console=Console(file=file, width=100), **arguments)
    return file.getvalue()


def test_the_figures_are_those_of_the_record(make_run):
    assert _cells(make_run(metrics=METRICS)) == {
        "mIoU (%)": "71.26",
        "Dice splash (%)": "60.12",
        "Pixel accuracy (%)": "98.90",
        "Parameters (M)": "3.72",
        "GMACs": "0.55",
        "ms/frame": "12.3",
    }


def test_what_was_not_measured_is_said(make_run):
    run = make_run(metrics={"mIoU": math.nan, "aAcc": None}, gmacs=None)
    cells = _cells(run)
    missing = {heading for heading, cell in cells.items() if cell == "n/a"}
    assert missing == {"mIoU (%)", "Dice splash (%)", "Pixel accuracy (%)", "GMACs"}


def test_one_line_a_run(make_run):
    runs = [make_run(), make_run("distilled", metrics={**METRICS, "mIoU": 72.5})]
    rows = _print(runs).splitlines()
    (plain,) = [row for row in rows if "SegFormer-B0, plain" in row]
    (distilled,) = [row for row in rows if "SegFormer-B0, distilled" in row]
    assert plain.split()[-6:] == ["71.25", "60.12", "98.90", "3.72", "0.55", "12.3"]
    assert distilled.split()[-6] == "72.50"


def test_the_focus_class_can_be_chosen(make_run):
    run = make_run(metrics=METRICS)
    assert "99.00" in _print([run], focus_class="background")
    with pytest.raises(ValueError, match="no class 'foam'"):
        _print([run], focus_class="foam")


def test_a_title_is_no_markup(make_run):
    printed = _print([make_run(title="a [red]b[/red]", device="GPU [bold]0")])
    assert "a [red]b[/red]" in printed
    assert "GPU [bold]0" in printed


def test_conditions_name_each_value_once(make_run):
    runs = [make_run(), make_run("second", seed=3), make_run("third", seed=0)]
    assert conditions(runs) == (
        "Measured on CPU, 2 threads; tested 2026-11-23; seed 0 and 3; "
        "training iterations 200."
    )

"""The verdict from a look and the cells of the map."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from mmseg_splashkd.advice.advise import described, verdict
from mmseg_splashkd.advice.cells import (
    COSTS,
    PAYS,
    STEPS_ONLY,
    UNKNOWN,
    Gain,
    MappedCell,
    shipped_cells,
    write_cells,
)
from mmseg_splashkd.advice.look import Look
from mmseg_splashkd.advice.setting import KINDS, POINTS, REACH, Setting
from mmseg_splashkd.config.class_shares import ClassShares
from mmseg_splashkd.evaluation.interleaved import Spread
from mmseg_splashkd.report.experiments.crossing import Saturation
from mmseg_splashkd.runs.measure_steps import StepTime, ViewTime

CASE = Setting(True, False, False, False, True, 3.7, 200, 1.5, 40.0, 6.0)
CELL = MappedCell(
    name="farm",
    title="A drawn farm.",
    score="Dice",
    setting=CASE,
    taught="CWD",
    config="configs/farm/cwd.py",
    options={"model.a": 1},
    losses="ce and CWDLoss",
    rate=0.003,
    control="weighted CE",
    over_plain=Gain(3.0, 2.0, 4.0),
    over_control=Gain(1.0, 0.5, 1.5),
    equal_time=Gain(0.2, -0.5, 0.9),
    seeds=8,
    date="2026-11-29",
)


def seen(setting: Setting = CASE, losses: str = "ce and CWDLoss") -> Look:
    times = {"plain": 0.5, "distilled": 1.0}
    return Look(
        metric="OperatingPoint.Dice",
        plain=70.0,
        length=300,
        whole=1200,
        saturation=Saturation(0.1, setting.saturated),
        teacher_score=76.0,
        teacher={"ece": 0.04, "temperature": 0.5},
        shares=ClassShares(("background", "splash"), (0.985, 0.015), 200, 0),
        setting=setting,
        steps={
            name: StepTime(Spread(each, each, each), 1200)
            for name, each in times.items()
        },
        view=ViewTime(Spread(0.03, 0.03, 0.03), 1000),
        losses=losses,
    )


def said(setting: Setting, *cells: MappedCell) -> str:
    return "\n".join(verdict(seen(setting), cells))


@pytest.mark.parametrize(
    ("control", "equal", "expected"),
    [
        (Gain(1.0, 0.5, 1.5), Gain(0.0, -1.0, 1.0), PAYS),
        (Gain(1.0, 0.5, 1.5), Gain(-0.1, -1.0, 0.8), STEPS_ONLY),
        (Gain(1.0, 0.5, 1.5), None, STEPS_ONLY),
        (Gain(1.0, -0.1, 2.1), Gain(1.0, 0.5, 1.5), UNKNOWN),
        (Gain(-1.0, -1.5, -0.5), None, COSTS),
    ],
)
def test_a_cell_pays_beyond_its_control_and_at_equal_time(control, equal, expected):
    assert replace(CELL, over_control=control, equal_time=equal).verdict == expected


def test_a_case_like_a_cell_gets_its_advice():
    text = said(CASE, CELL)
    assert text.startswith("Distil: it is likely to pay here. It stands on one cell")
    assert "which is configs/farm/cwd.py model.a=1 at the rate 0.003" in text
    assert "+1.00 (+0.50 to +1.50) over the best control (weighted CE)" in text


def test_a_config_with_other_losses_is_told_so():
    assert "say nothing" not in said(CASE, CELL)
    text = "\n".join(verdict(seen(losses="focal and KLDLoss"), [CELL]))
    assert text.endswith(
        "That was measured with ce and CWDLoss; this config has focal and KLDLoss, of "
        "which the cells say nothing"
    )


def test_a_cell_goes_before_the_rule_on_small_leads():
    easy = replace(CELL, setting=replace(CASE, lead=2.0))
    assert said(replace(CASE, lead=1.8), easy).startswith("Distil: it is likely to pay")


def test_cells_that_do_not_agree_give_no_advice():
    other = replace(CELL, over_control=Gain(0.1, -1.0, 1.2))
    assert said(CASE, CELL, other).startswith("Cannot tell")


@pytest.mark.parametrize("name", REACH)
@pytest.mark.parametrize("above", [True, False])
def test_a_case_beyond_the_reach_of_a_cell_gets_none(name, above):
    def scaled(factor: float) -> Setting:
        factor = factor if above else 1 / factor
        here = replace(CASE, lead=20.0)  # above the least lead on both sides
        return replace(here, **{name: getattr(here, name) * factor})

    cell = replace(CELL, setting=replace(CASE, lead=20.0))
    assert said(scaled(REACH[name] * 0.99), cell).startswith("Distil")
    text = said(scaled(REACH[name] * 1.01), cell)
    assert text.startswith("No advice: no cell of the map")
    assert "not extrapolated" in text


@pytest.mark.parametrize("difference", [1.45, -1.45])
@pytest.mark.parametrize("lead", [-0.1, 6.0])
def test_leads_are_compared_by_their_difference(difference, lead):
    cell = replace(CELL, setting=replace(CASE, lead=lead))
    assert said(replace(CASE, lead=lead + difference), cell).startswith("Distil")
    text = said(replace(CASE, lead=lead + 1.1 * difference), cell)
    assert not text.startswith("Distil")
    assert "like it within 1.5 points" in text or lead < 0  # then a rule goes before


@pytest.mark.parametrize("name", KINDS)
def test_a_case_of_another_kind_gets_none(name):
    other = replace(CASE, **{name: not getattr(CASE, name)})
    text = said(other, CELL)
    assert text.startswith("No advice")
    assert "The nearest, farm, differs in" in text


def test_without_a_map_there_is_no_advice():
    assert said(CASE).startswith(
        "No advice: no cell of the map (docs/when_it_pays.md, 0"
    )


def test_a_longer_run_is_proposed_where_it_was_a_short_one():
    assert "--length 1200" in said(replace(CASE, saturated=False), CELL)
    whole = replace(seen(replace(CASE, saturated=False)), length=1200)
    assert "--length" not in "\n".join(verdict(whole, [CELL]))


@pytest.mark.parametrize("name", [*REACH, *POINTS])
def test_what_is_not_known_is_like_no_cell(name):
    assert replace(CASE, **{name: math.nan}).differences(CASE)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            [{"over_control": Gain(-2.0, -3.0, -1.0)}],
            "Do not distil: the control weighted CE",
        ),
        ([{"equal_time": None}], "Distil only where the teacher exists already"),
        ([{}, {"equal_time": None}], "Distil only where the teacher exists already"),
        ([{}, {"over_control": Gain(-2.0, -3.0, -1.0)}], "Cannot tell"),
    ],
)
def test_the_weaker_verdict_is_given(cells, expected):
    assert said(CASE, *(replace(CELL, **each) for each in cells)).startswith(expected)


@pytest.mark.parametrize("lead", [2.9, -0.6, -4.0])
def test_without_a_lead_there_is_nothing_to_distil(lead):
    low = replace(CELL, setting=replace(CASE, lead=1.0), name="easy")
    text = said(replace(CASE, lead=lead), CELL, low)
    assert text.startswith(f"Probably not: the teacher leads by {lead:+.1f} points")
    assert "#easy" in text
    assert "#farm" not in text


def test_times_are_those_of_whole_runs():
    text = "\n".join(described(seen()))
    assert "plain 10 min 0 s (1,200 x 0.500 s)" in text
    assert "the loop 20 min 0 s (1,200 x 1.000 s)" in text
    assert "takes 30 s (1,000 views x 0.030 s) once" in text


@pytest.mark.parametrize(("gain", "falls"), [(-0.6, True), (-0.4, False)])
def test_a_run_that_falls_is_told_of(gain, falls):
    text = "\n".join(described(replace(seen(), saturation=Saturation(gain, True))))
    assert ("It falls at the end" in text) == falls


def test_cells_are_stored_as_they_are(tmp_path, monkeypatch):
    cells = [CELL, replace(CELL, equal_time=None)]
    write_cells(tmp_path / "cells.json", cells)
    monkeypatch.setattr("mmseg_splashkd.advice.cells.files", lambda _: Path(tmp_path))
    assert shipped_cells() == cells


def test_the_shipped_map_can_be_read():
    names = [cell.name for cell in shipped_cells()]
    assert len(names) == len(set(names))

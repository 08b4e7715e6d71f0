"""What people are told, word for word."""

import re
from datetime import date
from io import StringIO

import pytest
from rich.console import Console

from mmseg_splashkd.sweep.queue import Why
from mmseg_splashkd.sweep.spec import SweepSpec
from mmseg_splashkd.sweep.table import SweepTable
from mmseg_splashkd.sweep.units import Units
from tests.sweep.conftest import STUDENT
from tests.sweep.test_queue import SWEEP, begin, take

RATIO = "model.distill_loss.teacher_ratio"


@pytest.fixture
def units() -> Units:
    spec = SweepSpec((STUDENT,), {RATIO: [0.25, 1]}, folds=2, metric="Dice.splash")
    return Units(type(SWEEP)(spec, date(2026, 6, 27), {}))


def table_of(units: Units, tmp_path, **console) -> SweepTable:
    queue = begin(tmp_path / "sweep", units.all, units.space)
    console = Console(file=StringIO(), width=100, soft_wrap=True, **console)
    return SweepTable(queue, units.rows, units.sweep.spec, queue.folder, console)


def printed(table: SweepTable) -> str:
    return table.console.file.getvalue()  # type: ignore[attr-defined]


def test_a_log_gets_a_line_an_event(units, tmp_path):
    with table_of(units, tmp_path) as table:
        taken = take(table.queue)
        taken.beat("trains")
        table.update(False)
        table.update(False)
        taken.done(81.5, {})
        table.update(False)
    lines = printed(table).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("0 of 4 done, 4 waiting (")
    assert " [0/4] farm_b0_kd_0627_25_fold0_seed0: trains on " in lines[1]
    assert " [1/4] farm_b0_kd_0627_25_fold0_seed0: done, " in lines[2]
    assert lines[2].endswith(" Dice.splash 81.50")


def test_a_terminal_gets_a_table(units, tmp_path):
    table = table_of(units, tmp_path, force_terminal=True, height=40, color_system=None)
    with table:
        take(table.queue).done(81.5, {})
        take(table.queue).failed(Why("input", "r is odd"))
        table.queue.refill()
        take(table.queue).beat("trains the teacher of fold 0")
        table.update(False)
    text = printed(table)
    assert re.search(r"farm_b0_kd_0627_25 +81\.50 +failed\n", text)
    assert re.search(r"farm_b0_kd_0627_100 +\d:\d\d +\.\n", text)
    assert "farm_b0_kd_0627_25_fold1_seed0: r is odd" in text
    assert "(cpu) trains the teacher of fold 0: farm_b0_kd_0627_100_fold0_seed0" in text
    assert "1 of 4 done, 1 running, 1 waiting, 1 failed" in text


def test_a_small_terminal_shows_what_is_worked_on(units, tmp_path):
    units.rows = [units.rows[0]] * 9 + [units.rows[1]]
    table = table_of(units, tmp_path, force_terminal=True, height=8, color_system=None)
    for _ in range(2):
        take(table.queue).done(81.5, {})
    take(table.queue)
    with table:
        table.update(False)
    assert "farm_b0_kd_0627_100" in printed(table)
    assert "and 7 more" in printed(table)


def test_the_end_says_what_failed_what_is_left_and_how_to_go_on(units, tmp_path):
    table = table_of(units, tmp_path)
    for _ in range(3):
        take(table.queue).done(81.5, {})
    assert table.conclude([]) == 1
    assert "3 of 4 done, 1 waiting" in printed(table)
    assert "The same command goes on with what is left." in printed(table)
    last = take(table.queue)
    last.failed(Why("input", "ValueError: r is odd"))
    assert table.conclude(["the disk is full"]) == 1
    assert "fold1_seed0 failed: ValueError: r is odd" in printed(table)
    assert "a worker ended: the disk is full" in printed(table)
    assert "The same command tries again what failed." in printed(table)
    table.queue.fill(units.all, units.space, None, anew=True)
    take(table.queue).done(1.0, {})
    assert table.conclude([]) == 0


def test_points_of_a_search(tmp_path):
    space = {RATIO: {"low": 0.0, "high": 1.0, "kind": "float"}}
    spec = SweepSpec((STUDENT,), search="random", space=space, trials=2, metric="mIoU")
    units = Units(type(SWEEP)(spec, date(2026, 6, 27), {}))
    queue = begin(tmp_path / "sweep", units.all, space, "random")
    console = Console(file=StringIO(), force_terminal=True, color_system=None, width=80)
    with SweepTable(queue, [], spec, queue.folder, console) as table:
        taken = take(queue)
        taken.done(50.0, {})
        table.update(False)
    ratio = f"{taken.params[RATIO]:.4g}"
    assert f"trial0  {ratio}" in printed(table)

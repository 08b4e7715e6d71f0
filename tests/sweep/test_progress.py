"""The text of the progress display."""

import re
from dataclasses import replace
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from mmseg_splashkd.sweep.progress import Progress, Row
from mmseg_splashkd.sweep.scheduler import FAILED, FINISHED, RUNNING, TaskState

NAME = "farm_b0_kd_0627_{}_fold{}_seed0"


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Two variants in two folds."""
    return [
        (f"farm_b0_kd_0627_{ratio}", [NAME.format(ratio, fold) for fold in (0, 1)])
        for ratio in (25, 100)
    ]


def progress_of(rows, tmp_path, **console) -> Progress:
    names = [name for _, runs in rows for name in runs]
    scheduler: Any = SimpleNamespace(
        tasks={name: SimpleNamespace(is_run=True) for name in names},
        states={name: TaskState() for name in names},
        trouble=None,
        is_stopping=False,
    )
    shown = Console(file=StringIO(), width=100, soft_wrap=True, **console)
    total = len(names)
    return Progress(scheduler, lambda: rows, "Dice.splash", tmp_path, total, shown)


def terminal(height: int = 40) -> dict:
    return {"force_terminal": True, "height": height, "color_system": None}


def change(progress: Progress, name: str, status: str, text="", **more) -> None:
    state = replace(progress.scheduler.states[name], status=status, text=text, **more)
    progress.scheduler.states[name] = state
    progress.update()


def printed(progress: Progress) -> str:
    return progress.console.file.getvalue()  # type: ignore[attr-defined]


def test_a_log_gets_one_line_per_event(rows, tmp_path):
    name = NAME.format(25, 0)
    with progress_of(rows, tmp_path) as progress:
        change(progress, name, RUNNING, "trains", where="node7 (GPU 1)")
        progress.update()
        change(progress, name, FINISHED, value=81.5)
    lines = printed(progress).splitlines()
    assert len(lines) == 3
    assert lines[0] == f"0 of 4 done ({tmp_path})"
    assert lines[1].endswith(f" [0/4] {name}: trains on node7 (GPU 1)")
    assert lines[2].endswith(f" [1/4] {name}: done, Dice.splash 81.50")


def test_a_terminal_gets_a_table(rows, tmp_path):
    with progress_of(rows, tmp_path, **terminal()) as progress:
        change(progress, NAME.format(25, 0), FINISHED, value=81.5)
        change(progress, NAME.format(25, 1), FAILED, "r is odd")
        change(progress, NAME.format(100, 0), RUNNING, "trains", where="node7")
    text = printed(progress)
    assert re.search(r"farm_b0_kd_0627_25 +81\.50  failed *\n", text)
    assert re.search(r"farm_b0_kd_0627_100 +running  \. *\n", text)
    assert f"{NAME.format(25, 1)}: r is odd" in text
    assert f"{NAME.format(100, 0)}: trains on node7, " in text
    assert "1 of 4 done, 1 running, 1 failed" in text


def test_a_small_terminal_shows_what_runs(rows, tmp_path):
    with progress_of(rows, tmp_path, **terminal(height=3)) as progress:
        change(progress, NAME.format(100, 0), RUNNING, "trains")
        assert "0 of 4 done, 1 running" in printed(progress)
        assert f"{NAME.format(100, 0)}: trains, " in printed(progress)
        assert "Dice.splash of each run" not in printed(progress)  # cropped


def test_the_end_lists_failures_and_how_to_continue(rows, tmp_path):
    progress = progress_of(rows, tmp_path)
    for fold, ratio in ((0, 25), (1, 25), (0, 100)):
        change(progress, NAME.format(ratio, fold), FINISHED, value=81.5)
    progress.scheduler.trouble = "interrupted by SIGINT"
    assert progress.conclude() == 1
    assert "stopped early: interrupted by SIGINT" in printed(progress)
    assert "3 of 4 done" in printed(progress)
    assert "The same command continues with what is left." in printed(progress)
    progress.scheduler.trouble = None
    change(progress, NAME.format(100, 1), FAILED, "ValueError: r is odd")
    assert progress.conclude() == 1
    assert f"{NAME.format(100, 1)} failed: ValueError: r is odd" in printed(progress)
    assert "The same command tries again what failed." in printed(progress)
    change(progress, NAME.format(100, 1), FINISHED, value=1.0)
    assert progress.conclude() == 0

"""Which sweep a command goes on with; nothing here trains."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mmseg_splashkd.sweep.run import join_sweep, run_sweep
from mmseg_splashkd.sweep.spec import SweepSpec, read_sweep
from mmseg_splashkd.sweep.storage import without_password
from tests.sweep.conftest import PLAIN

LR = "optim_wrapper.optimizer.lr"


@pytest.fixture
def spec(tiny_farm, tmp_path, monkeypatch) -> SweepSpec:
    monkeypatch.chdir(tmp_path)
    options = {k: v for k, v in tiny_farm.items() if "student" not in k}
    options = {k: v for k, v in options.items() if "teacher" not in k}
    return SweepSpec((PLAIN,), {"lr": [0.1, 0.2]}, folds=2, cfg_options=options)


def write_down(spec: SweepSpec, **where) -> int:
    return run_sweep(spec, workers=0, storage="journal:sweep.log", **where)


def test_the_same_command_finds_its_sweep_on_another_day(spec, capsys):
    assert write_down(spec) == 0
    (folder,) = Path("work_dirs").iterdir()
    sweep = read_sweep(folder)
    assert sweep is not None
    assert folder.name == f"sweep_farm_b0_{sweep.began:%m%d}"
    assert "4 runs are written down" in capsys.readouterr().out
    yesterday = folder.with_name("sweep_farm_b0_0101")
    folder.rename(yesterday)
    os.unlink("sweep.log")  # noqa: PTH108
    assert write_down(spec) == 0
    assert list(Path("work_dirs").iterdir()) == [yesterday]


def test_another_question_of_the_same_day_is_refused(spec):
    write_down(spec)
    with pytest.raises(ValueError, match=r"holds another sweep:\n  grid: it has"):
        write_down(replace(spec, grid={"lr": [0.1]}))


def test_a_table_that_was_changed_is_refused(spec, pond, tmp_path):
    table = tmp_path / "folds.csv"
    whole = Path(spec.cfg_options["split_table"])
    rows = whole.read_text().replace("../", f"{whole.parent}/../")
    table.write_text(rows)
    spec = replace(spec, cfg_options=spec.cfg_options | {"split_table": str(table)})
    write_down(spec, out="sweep")
    table.write_text("\n".join(rows.splitlines()[:-1]))
    with pytest.raises(ValueError, match="the content of table has changed"):
        write_down(spec, out="sweep")
    with pytest.raises(ValueError, match="the content of table has changed"):
        join_sweep("sweep", "journal:sweep.log", workers=0)


def test_joining(spec):
    write_down(spec, out="sweep")
    assert join_sweep("sweep", "journal:sweep.log", workers=0) == 0
    with pytest.raises(
        ValueError, match=r"was begun with --storage journal:sweep\.log"
    ):
        join_sweep("sweep", workers=0)
    with pytest.raises(FileNotFoundError, match=r"no sweep\.json. Begin the sweep"):
        join_sweep("nowhere", workers=0)


def test_passwords_are_not_kept():
    assert without_password("postgresql://me:secret@host/db") == (
        "postgresql://me:***@host/db"
    )

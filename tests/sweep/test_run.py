"""Which sweep a command continues; no test trains."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from filelock import FileLock

from mmseg_splashkd.sweep import run as module
from mmseg_splashkd.sweep.run import LOCK, run_sweep
from mmseg_splashkd.sweep.spec import SweepSpec, read_sweep
from tests.sweep.conftest import PLAIN

RUN = module._run


@pytest.fixture
def began(monkeypatch) -> list:
    """The days of the sweeps that were started."""
    days: list = []

    def start(spec, day, *_) -> int:
        days.append(day)
        return 0

    monkeypatch.setattr(module, "_run", start)
    return days


@pytest.fixture
def spec(tiny_farm, tmp_path, monkeypatch, began) -> SweepSpec:
    monkeypatch.chdir(tmp_path)
    options = {k: v for k, v in tiny_farm.items() if "student" not in k}
    options = {k: v for k, v in options.items() if "teacher" not in k}
    return SweepSpec((PLAIN,), {"lr": [0.1, 0.2]}, folds=2, cfg_options=options)


def test_the_same_command_finds_its_sweep_on_another_day(spec, began):
    assert run_sweep(spec) == 0
    (folder,) = Path("work_dirs").iterdir()
    assert folder.name == f"sweep_farm_b0_{began[0]:%m%d}"
    earlier = folder.with_name("sweep_farm_b0_0101")
    folder.rename(earlier)
    sweep = earlier / "sweep.json"
    sweep.write_text(sweep.read_text().replace(str(began[0]), "2026-01-01"))
    assert run_sweep(spec) == 0
    assert list(Path("work_dirs").iterdir()) == [earlier]
    assert f"{began[1]:%m%d}" == "0101"


def test_another_specification_in_the_same_folder_is_refused(spec, began):
    run_sweep(spec)
    with pytest.raises(
        ValueError, match=r"holds another sweep:\n  grid: the sweep has"
    ):
        run_sweep(replace(spec, grid={"lr": [0.1]}))
    assert len(began) == 1


def test_a_changed_table_is_refused(spec, tmp_path):
    table = tmp_path / "folds.csv"
    whole = Path(spec.cfg_options["split_table"])
    rows = whole.read_text().replace("../", f"{whole.parent}/../")
    table.write_text(rows)
    spec = replace(spec, cfg_options=spec.cfg_options | {"split_table": str(table)})
    run_sweep(spec, out="sweep")
    table.write_text("\n".join(rows.splitlines()[:-1]))
    with pytest.raises(ValueError, match="the content of table has changed"):
        run_sweep(spec, out="sweep")


def test_one_driver_per_folder(spec, began):
    run_sweep(spec, out="sweep")
    with (
        FileLock(Path("sweep", LOCK)),
        pytest.raises(BlockingIOError, match=r"sweep is locked: another"),
    ):
        run_sweep(spec, out="sweep")
    assert len(began) == 1
    assert read_sweep(Path("sweep")) is not None


class Planned:
    """Runs whose lengths are known already."""

    total = 0

    def __init__(self, *_) -> None:
        self.extended = 0

    def extend(self, _) -> None:
        self.extended += 1

    def rows(self) -> list:
        return []

    def news(self) -> list[str]:
        return ["Equal wall-clock: 9 s"] * self.extended


def test_a_budget_is_printed_by_a_sweep_that_is_done(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "Budgeted", Planned)
    spec = SweepSpec((PLAIN,), budget="both", metric="mIoU")
    began = date(2026, 6, 27)
    assert RUN(spec, began, tmp_path, module.Resources(), ["beware"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["warning: beware", "Equal wall-clock: 9 s"]
    assert lines[2].startswith("0 of 0 done")

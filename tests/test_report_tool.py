"""``tools/report.py``: exit status, output and files."""

from functools import partial

import pytest

from tests.report.conftest import table  # noqa: F401
from tests.report.fake_runs import KINDS, write_sweep
from tests.report.html import Page
from tests.tools import run_tool

tool = partial(run_tool, "report.py")


def test_a_sweep_becomes_a_page_and_a_table(table, tmp_path, capsys):  # noqa: F811
    sweep = write_sweep(tmp_path / "sweep", table, KINDS[1:3])
    out, readme = tmp_path / "new" / "page.html", tmp_path / "table.md"
    arguments = [f"{sweep}/farm_b0_*", "--out", out, "--markdown", readme]
    tool(*arguments, "--baseline", "farm_b0_kd", "--title", "T")
    printed = capsys.readouterr().out
    assert "left out: farm_b0_kd_1125_25_fold1_seed0: failed" in printed
    assert printed.endswith(f"{out}\n{readme}\n")
    page = Page(out)
    assert page.text.startswith("T 6 runs, 2 arms")
    first = page.table("Scores in percent")[0][0]
    assert first.startswith("farm_b0_kd, r = 0.25 baseline")
    command = f"`python tools/report.py '{sweep}/farm_b0_*' --out {out}"
    assert command in readme.read_text()


def test_without_runs_the_report_exits_with_2_and_a_remedy(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        tool(tmp_path)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("cannot report: no runs found")

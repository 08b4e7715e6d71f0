"""A sweep on disk: teacher, plain student, three configs at three ratios, folds."""

import pytest

from mmseg_splashkd.datasets.frames import list_frames
from mmseg_splashkd.datasets.splits.plan import SplitPlan
from mmseg_splashkd.datasets.splits.summary import save_split
from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.report.experiments import report_experiments
from tests.report.fake_runs import write_sweep
from tests.report.html import Page


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """72 synthetic frames of 48x64 in three folds."""
    root = tmp_path_factory.mktemp("data")
    draw_pond(root, frames=72, size=(48, 64), progress=False)
    frames = list_frames(root / "images", root / "labels")
    save_split(root / "folds.csv", SplitPlan("blocked", folds=3).apply(frames))
    return root / "folds.csv"


@pytest.fixture(scope="session")
def sweep(table, tmp_path_factory):
    """33 runs, one of which failed."""
    return write_sweep(tmp_path_factory.mktemp("runs") / "sweep", table)


@pytest.fixture(scope="session")
def reported(sweep, tmp_path_factory):
    """The page about them, and the Markdown table."""
    out = tmp_path_factory.mktemp("report")
    report_experiments([sweep], out / "page.html", out / "table.md", command="do <it>")
    return Page(out / "page.html"), (out / "table.md").read_text()


@pytest.fixture
def two(table, tmp_path):
    """A plain and a distilled student over three folds: 6 runs to modify."""
    kinds = [("farm_b0", None), ("farm_b0_kd", 0.5)]
    return write_sweep(tmp_path / "two", table, kinds=kinds, fails=False)

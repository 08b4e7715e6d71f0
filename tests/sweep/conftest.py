"""A drawn pond in two folds, and options that make every model a few KB large."""

from pathlib import Path

import pytest

from mmseg_splashkd.datasets.frames import list_frames
from mmseg_splashkd.datasets.split_table import write_table
from mmseg_splashkd.datasets.splits.plan import SplitPlan
from tests.conftest import CONFIGS, tiny_run

FARM = CONFIGS / "farm"
STUDENT = str(FARM / "farm_b0_kd.py")
PLAIN = str(FARM / "farm_b0.py")
TEACHER = str(FARM / "farm_b1.py")


def write_folds(pond: Path, table: Path, folds: int = 2) -> Path:
    """A table of blocked folds with a test part."""
    frames = list_frames(pond / "images", pond / "labels")
    plan = SplitPlan(strategy="blocked", folds=folds, test_share=0.1)
    return write_table(table, plan.apply(frames))


@pytest.fixture(scope="session")
def folds(pond, tmp_path_factory) -> Path:
    """A table with the folds 0 and 1."""
    return write_folds(pond, tmp_path_factory.mktemp("tables") / "folds.csv")


@pytest.fixture(scope="session")
def tiny_farm(pond, folds) -> dict:
    """Options that let the farm's configs run in a second or two."""
    options = tiny_run(pond, "model", "model.student", "model.teacher")
    del options["model.teacher_gate.allow"]  # no config has a place for it
    return options | {"split_table": str(folds)}

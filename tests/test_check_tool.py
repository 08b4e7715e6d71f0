"""``tools/check_dataset.py``: exit status, output and page."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.datasets.checks.builders import clean_pond, parts_of
from tests.tools import status_of


class Done(NamedTuple):
    """How the tool ended, and what it printed."""

    status: int
    out: str
    err: str
    page: Path


@pytest.fixture
def table(pond, tmp_path):
    return clean_pond(pond, tmp_path / "pond")


@pytest.fixture
def check(tmp_path, capsys):
    """Function that runs the tool; its status, output, errors and page."""
    out = tmp_path / "check.html"

    def run(*words):
        status = status_of("check_dataset.py", *words, "--out", out)
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err, out)

    return run


def test_valid_table_exits_with_0(check, table):
    done = check("--table", table)
    assert done.status == 0, done.err
    assert "pond_frames: clean" in done.out
    assert "No errors and no warnings." in done.page.read_text()


def test_invalid_table_exits_with_1_unless_allowed(check, table):
    label = parts_of(table)["val"][0].label
    Image.fromarray(np.full((64, 80), 7, np.uint8)).save(label)
    done = check("--table", table)
    assert done.status == 1
    assert "7 (5120 pixels)" in done.out
    assert "would be invalid" in done.page.read_text()
    assert check("--table", table, "--allow", "unknown_value").status == 0


def test_config_and_folder_give_the_same_findings(check, pond, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = "configs/demo/segformer_b0_pond.py"
    options = ("--cfg-options", f"data_root={pond}", "embargo=0")
    by_config = check(config, "--fast", *options)
    by_folder = check("--data-root", pond, "--fast")
    for done in (by_config, by_folder):
        assert done.status == 0, done.err
        assert "2 of 6 val frames less than" in done.out


def test_missing_table_exits_with_2_and_a_remedy(check, tmp_path):
    done = check("--table", tmp_path / "none.csv")
    assert done.status == 2
    assert "none.csv does not exist" in done.err

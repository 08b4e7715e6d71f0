"""``tools/check_dataset.py`` as a process: exit status, output and page."""

import sys

import numpy as np
import pytest
from PIL import Image

from tests.datasets.checks.builders import clean_pond, parts_of
from tests.test_tools import call

pytestmark = pytest.mark.slow


@pytest.fixture
def table(pond, tmp_path):
    return clean_pond(pond, tmp_path / "pond")


def check(tmp_path, *arguments):
    out = tmp_path / "check.html"
    tool = (sys.executable, "tools/check_dataset.py")
    return call(*tool, *arguments, "--out", out), out


def test_valid_table_exits_with_0(table, tmp_path):
    done, out = check(tmp_path, "--table", table)
    assert done.returncode == 0, done.stderr
    assert "pond_frames: clean" in done.stdout
    assert "No errors and no warnings." in out.read_text()


def test_invalid_table_exits_with_1_unless_allowed(table, tmp_path):
    label = parts_of(table)["val"][0].label
    Image.fromarray(np.full((64, 80), 7, np.uint8)).save(label)
    done, out = check(tmp_path, "--table", table)
    assert done.returncode == 1
    assert "7 (5120 pixels)" in done.stdout
    assert "would be invalid" in out.read_text()
    allowed, _ = check(tmp_path, "--table", table, "--allow", "unknown_value")
    assert allowed.returncode == 0


def test_config_and_folder_give_the_same_findings(pond, tmp_path):
    config = "configs/demo/segformer_b0_pond.py"
    options = ("--cfg-options", f"data_root={pond}", "embargo=0")
    by_config, _ = check(tmp_path, config, "--fast", *options)
    by_folder, _ = check(tmp_path, "--data-root", pond, "--fast")
    assert by_config.returncode == by_folder.returncode == 0, by_config.stderr
    for done in (by_config, by_folder):
        assert "2 of 6 val frames less than" in done.stdout


def test_missing_table_exits_with_2_and_a_remedy(tmp_path):
    done, _ = check(tmp_path, "--table", tmp_path / "none.csv")
    assert done.returncode == 2
    assert "none.csv does not exist" in done.stderr

"""Behaviour of tools/test.py beyond ``evaluate``."""

import runpy

import pytest

from mmseg_splashkd.datasets.mask_coding import MASK_CODINGS
from tests.conftest import ROOT, TEACHER, tiny_run
from tests.tools import run_tool


@pytest.fixture
def call(teacher, pond, tmp_path):
    """Test the tiny teacher on its validation part, with further arguments."""
    options = tiny_run(pond, "model", test_dataloader__dataset__split="val")
    pairs = [f"{key}={value}".replace(" ", "") for key, value in options.items()]

    def call(*arguments: object) -> None:
        weights = teacher / "weights_*_last.safetensors"
        common = (TEACHER, weights, "--work-dir", tmp_path / "test")
        run_tool("test.py", *common, *arguments, "--cfg-options", *pairs)

    return call


def test_the_curve_marks_the_threshold_of_the_test(call, tmp_path):
    call("--threshold", 0.25, "--curve", tmp_path / "curve.svg")
    assert "p ≥ 0.25" in (tmp_path / "curve.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--threshold", "half"), "cannot test: --threshold half is neither 'stored'"),
        (("--curve", "curve.pdf"), r"cannot test: --curve curve\.pdf ends with none"),
        (("--threshold", 0.4, "--tta"), "cannot test: --tta averages classes"),
        (("--curve", "curve.svg", "--tta"), "2"),
        (("--cfg-options", "data_root"), "--cfg-options data_root: expected KEY=VALUE"),
    ],
)
def test_bad_input_ends_with_its_remedy(call, tmp_path, arguments, message):
    with pytest.raises(SystemExit, match=message):
        call(*arguments)
    assert not list(tmp_path.iterdir())


def test_codings_are_those_of_the_metric():
    tool = runpy.run_path(str(ROOT / "tools" / "test.py"))
    assert tool["CODINGS"] == MASK_CODINGS

"""Tools read their command line before they import what takes seconds."""

import subprocess
import sys

import pytest

from mmseg_splashkd.datasets.converters import CONVERTERS
from mmseg_splashkd.datasets.splits.plan import OPTIONS
from mmseg_splashkd.datasets.synthetic import FARMS, WEATHERS
from mmseg_splashkd.datasets.timestamps import FORMATS
from mmseg_splashkd.label_errors.held_out import WEIGHTS
from tests.conftest import ROOT
from tools import find_label_errors, make_demo_data, split_dataset
from tools.convert_dataset import OPTIONS as CONVERTER_OPTIONS
from tools.converter_texts import converter_texts

TOOLS = sorted(
    path.stem
    for path in (ROOT / "tools").glob("*.py")
    if "__main__" in path.read_text(encoding="utf-8")
)
# ``mmseg_splashkd`` may be found, not imported: that imports ``mmseg_splashkd._host``.
BLOCKED = """
import runpy, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        heavy = "torch numpy scipy PIL mmengine mmcv mmseg mmseg_splashkd._host ray"
        if name in heavy.split():
            raise SystemExit(f"imports {name}")
sys.meta_path.insert(0, Blocker())
sys.path.insert(0, "tools")
runpy.run_path(f"tools/{sys.argv.pop(1)}.py", run_name="__main__")
"""


def call(tool: str, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", BLOCKED, tool, *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("tool", TOOLS)
def test_help_and_bad_arguments_need_no_heavy_import(tool):
    helped = call(tool, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "usage" in helped.stdout
    refused = call(tool, "--no-such-option")
    assert refused.returncode == 2
    assert "error: " in refused.stderr


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("split_dataset", ["data", "--out", "x.csv", "--embargo", "5min"]),
        ("split_dataset", ["data", "--out", "x.csv", "--timestamp", "unknown"]),
        ("convert_dataset", ["unknown", "src", "dst"]),
        ("make_demo_data", ["out", "--farm", "unknown"]),
        ("find_label_errors", ["run", "--weights", "unknown"]),
    ],
)
def test_bad_values_need_no_heavy_import(tool, words):
    refused = call(tool, *words)
    assert refused.returncode == 2
    assert "error: argument" in refused.stderr


def test_the_blocker_blocks():
    done = call("runs", "nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("imports ")


def test_choices_are_those_of_the_package():
    assert tuple(OPTIONS) == split_dataset.STRATEGIES
    assert tuple(FORMATS) == split_dataset.FORMATS
    assert tuple(FARMS) == make_demo_data.FARMS
    assert tuple(WEATHERS) == make_demo_data.WEATHERS
    assert find_label_errors.WEIGHTS == WEIGHTS


def test_texts_of_converters_are_those_of_the_package():
    texts = converter_texts()
    assert list(texts) == list(CONVERTERS) == list(CONVERTER_OPTIONS)
    for name, converter in CONVERTERS.items():
        expected = (converter.label_coding, converter.help, converter.layout)
        assert texts[name] == expected

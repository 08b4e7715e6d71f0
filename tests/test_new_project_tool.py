"""``tools/new_project.py`` from the command line."""

import io
import sys
from functools import partial
from pathlib import Path

import pytest

from mmseg_splashkd.datasets.timestamps import FORMATS
from mmseg_splashkd.project import files, new
from tests.conftest import ROOT
from tests.project.builders import save_pair, waves
from tests.tools import run_tool
from tools import new_project

tool = partial(run_tool, "new_project.py")


def test_one_command_makes_a_project(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    waves(tmp_path / "waves")
    tool("waves", "--out", "farm", "--iterations", 4, "--classes", "sea", "foam")
    printed = capsys.readouterr().out
    assert "label values 0 (96.88%), 255 (3.12%)" in printed  # 40 of 1280 pixels
    assert "max_iters     4: as given" in printed
    assert "1970" not in printed
    assert "one part: --split grouped" in printed  # an option of this tool
    assert "--strategy" not in printed
    for line in printed[printed.index("Next:") :].splitlines()[1:]:
        script = line.split()[1]
        assert (ROOT / script).is_file()
    assert "python tools/train.py farm/distilled.py" in printed


def test_missing_facts_end_the_tool_without_a_terminal(tmp_path: Path):
    for n in range(4):
        image, mask = tmp_path / f"images/{n}a.png", tmp_path / f"masks/{n}a.png"
        save_pair(image, mask, n, values=(0, 1, 2))
    with pytest.raises(SystemExit, match="--label-values 0=NAME 1=NAME 2=NAME"):
        tool(tmp_path, "--out", tmp_path / "farm")


def test_missing_facts_are_asked_for_on_a_terminal(tmp_path: Path, monkeypatch, capsys):
    for n in range(8):
        image, mask = tmp_path / f"images/{n}a.png", tmp_path / f"masks/{n}a.png"
        save_pair(image, mask, n, values=(0, 1, 2))
    terminal = io.StringIO("--label-values 0=sea 1=foam 2=ignore\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    tool(tmp_path, "--out", tmp_path / "farm")
    assert "name the class of each" in capsys.readouterr().out


def test_options_without_effect_are_refused(tmp_path: Path):
    with pytest.raises(SystemExit, match="--fps has no effect without --timestamp"):
        tool(waves(tmp_path / "waves"), "--out", tmp_path / "farm", "--fps", 25)


def test_choices_are_those_of_the_package():
    assert tuple(FORMATS) == new_project.FORMATS
    assert new.SPLITS == new_project.SPLITS
    assert files.TEACHERS == new_project.TEACHERS


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("--size 64 waves", [64, 64]),
        ("waves --size 64", [64, 64]),
        ("--size=64 waves", [64, 64]),
        ("waves --size 64 --iterations 4", [64, 64]),
        ("--size 96 64 waves", [96, 64]),
        ("waves", None),
    ],
)
def test_one_number_is_the_side_of_a_square(monkeypatch, words: str, size: object):
    monkeypatch.setattr(sys, "argv", ["new_project.py", "--out", "a", *words.split()])
    args = new_project.parse_args()
    assert (args.size, args.data) == (size, "waves")

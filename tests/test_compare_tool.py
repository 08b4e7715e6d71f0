"""``tools/compare.py``: exit status and output."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mmseg_splashkd.evaluation.frame_scores import save_scores
from mmseg_splashkd.statistics.simulation import scores_of
from tests.statistics.builders import pair, tiny
from tests.tools import run_tool

Tool = Callable[..., str]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tool:
    """Run the tool in this process; return its output as one line."""

    def run(*words: object) -> str:
        monkeypatch.setenv("COLUMNS", "200")
        run_tool("compare.py", *words)
        return " ".join(capsys.readouterr().out.split())

    return run


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Two runs on 60 frames that differ much."""
    folders = [tmp_path / "plain_1125", tmp_path / "kd_1125_50"]
    for folder, counts in zip(folders, pair(60, better=1.0), strict=True):
        save_scores(scores_of(counts), folder / "scores" / "val_last.npz")
    return folders


def test_verdict_interval_and_rate(tool: Tool, runs: list[Path]):
    printed = tool(*runs)
    assert "kd_1125_50, mIoU: " in printed
    assert " points better, 95 % interval " in printed
    assert ", on 60 frames. " in printed
    # Beside every verdict on so few frames.
    assert printed.count("On 60 frames, ") == 2
    assert printed.count("comparisons of equal runs were false claims") == 2


def test_options(tool: Tool, runs: list[Path], tmp_path: Path):
    file = tmp_path / "out" / "figures.json"
    words = ("--metrics", "IoU.splash", "--block", "5s", "--seed", 3)
    printed = tool(*runs, *words, "--resamples", 100, "--markdown", "--json", file)
    assert printed.startswith("| Arm | Runs | Frames | Blocks | IoU.splash (%) |")
    values = json.loads(file.read_text())
    assert values["metrics"] == ["IoU.splash"]
    assert (values["block"], values["differences"][0]["blocks"]) == ("5 s", 12)
    assert not list(file.parent.glob(".*"))


def test_as_good_within_a_margin(tool: Tool, runs: list[Path], tmp_path: Path):
    printed = tool(*runs, "--equivalent", 0.5)
    assert "Within 0.5 points" in printed
    assert "Not shown to be within 0.5 points of plain_1125 (90 % interval" in printed
    copies = [runs[0], tmp_path / "copy"]
    (runs[0] / "scores" / "val_last.npz").rename(tmp_path / "one.npz")
    for folder in copies:
        (folder / "scores").mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "one.npz", folder / "scores" / "val_last.npz")
    same = tool(*copies, "--equivalent", 0.5)
    assert same.count("Equivalent: shown to be within 0.5 points of plain_1125") == 2
    rate = "On 60 frames, 7.0 % of simulated copies that differ by the margin, 0.5"
    assert same.count(rate) == 1  # of Dice, for which it was measured
    other = tool(*copies, "--equivalent", 1)
    assert "Equivalent: shown to be within 1 point of plain_1125" in other
    assert "simulated copies" not in other


def test_one_run_alone(tool: Tool, runs: list[Path]):
    assert "kd_1125_50 1 60 6" in tool(runs[1])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "there is no run nowhere"),
        (["--metrics", "Dice.fish"], "metric 'Dice.fish' is not one of"),
        (["--block", "5min"], "block '5min' is neither frames (5) nor seconds (30s)"),
        (["--worth", "0"], "worth=0.0 must be above 0 points"),
        (["--resamples", "10"], "resamples=10 must be 100 or more"),
        (["--weights", "best"], "no scores of its best weights"),
    ],
)
def test_bad_input_is_a_message_and_2(
    tool: Tool, runs: list[Path], capsys, words: list[str], message: str
):
    with pytest.raises(SystemExit) as stopped:
        tool(*runs, *words)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("cannot compare: ")
    assert message in error


def test_other_frames_and_damage_are_named(
    tool: Tool, runs: list[Path], tmp_path: Path, capsys
):
    other = save_scores(tiny([[8, 2], [1, 9]], 60), tmp_path / "other.npz")
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(other.read_bytes()[:200])
    for file, message in (
        (other, "other and plain_1125 were tested on different frames"),
        (damaged, f"scores {damaged} are damaged"),
    ):
        with pytest.raises(SystemExit) as stopped:
            tool(runs[0], file)
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err

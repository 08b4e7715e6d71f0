"""``tools/advise.py`` on the drawn pond."""

import json

import pytest

from mmseg_splashkd.advice.look import look
from mmseg_splashkd.records.store import read_record
from tests.conftest import DISTILLED, PLAIN
from tests.tools import run_tool


@pytest.fixture(scope="module")
def options(distil_options) -> dict:
    return distil_options | {"train_cfg.max_iters": 24}


@pytest.mark.slow
def test_the_tool_says_what_it_saw_and_trains_once(
    options, distilled, tmp_path, capsys
):
    given = [f"{key}={value}".replace(" ", "") for key, value in options.items()]
    folder = tmp_path / "plain"
    starts = set()
    for _ in range(2):
        run_tool("advise.py", DISTILLED, "--work-dir", folder, "--cfg-options", *given)
        (run,) = folder.glob("6_*")
        record = read_record(run)
        assert record is not None
        assert record.iteration == 6
        starts.add(record.id)
    assert len(starts) == 1
    printed = capsys.readouterr().out
    assert printed.count("Plain student: OperatingPoint.Dice") == 2
    assert "Labels: 22 frames with, 0 without; rarest class splash" in printed
    # The teacher's figures are those of the gate of a real distillation.
    report = json.loads((distilled / "teacher.json").read_text())
    assert f"Teacher: OperatingPoint.Dice {report['skill']:.1f}" in printed


def test_lengths_out_of_range_are_refused(options, tmp_path):
    for length in (5, 25):
        with pytest.raises(
            ValueError, match=rf"--length {length} must be in \[6, 24\]"
        ):
            look(str(DISTILLED), tmp_path, length, options)


def test_a_control_is_refused(options, tmp_path):
    given = options | {"model.teacher": "labels", "model.teacher_checkpoint": None}
    given = {k: v for k, v in given.items() if "teacher." not in k}
    given.pop("model.teacher_gate.allow", None)
    with pytest.raises(ValueError, match="names no trained teacher"):
        look(str(DISTILLED), tmp_path, cfg_options=given)


def test_a_plain_config_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not distil"):
        look(str(PLAIN), tmp_path)

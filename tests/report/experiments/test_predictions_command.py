"""The command that writes missing predictions runs for any data set."""

import shlex

import pytest

from mmseg_splashkd.config.arguments import parse_options
from mmseg_splashkd.records.store import read_run
from mmseg_splashkd.report.experiments.panels import command_for_predictions
from mmseg_splashkd.runs.test import evaluate


@pytest.mark.parametrize("part", ["val", "test"])
def test_predictions_of_photos_without_a_split(photo_run, tmp_path, part):
    run = read_run(photo_run)
    assert run is not None
    command = shlex.split(command_for_predictions(run, part).replace("\\\n", ""))
    assert command[:2] == ["python", "tools/test.py"]
    options = parse_options(command[command.index("--cfg-options") + 1 :])
    out = tmp_path / "predictions"
    evaluate(command[2], command[3], tmp_path, out=out, cfg_options=options)
    assert len(list(out.rglob("*.png"))) == 4

"""MMSegmentation's own tools train configs of this package as its own tools do."""

import runpy
import sys
from pathlib import Path
from typing import Any

import mmseg
import pytest
from mmengine.config import Config
from mmengine.registry import RUNNERS

from mmseg_splashkd.config.text import text_values
from mmseg_splashkd.records.store import read_record
from mmseg_splashkd.runs import RecordedRunner
from tests.conftest import BEST, tiny_run

TRAIN = Path(mmseg.__file__).parent / ".mim" / "tools" / "train.py"
MINE = """\
_base_ = __import__("mmseg_splashkd").config_path("demo/segformer_b0_pond.py")
data_root = {root!r}
size = (80, 64)
embargo = 0
"""


def run(config: Path, *words: str) -> None:
    """MMSegmentation's tools/train.py, which ``mim train mmseg`` starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(TRAIN), str(config), *words])
        patch.setenv("LOCAL_RANK", "0")
        patch.setattr("signal.signal", lambda *_: None)
        runpy.run_path(str(TRAIN), run_name="__main__")


@pytest.mark.slow
def test_mim_trains_a_config_of_mine(pond, tmp_path):
    config, work_dir = tmp_path / "mine.py", tmp_path / "run"
    config.write_text(MINE.format(root=str(pond)))
    options = tiny_run(pond, "model")
    del options["data_root"], options["embargo"]
    given = [f"{key}={value!r}".replace(" ", "") for key, value in options.items()]
    run(config, "--work-dir", str(work_dir), "--cfg-options", *given)
    record = read_record(work_dir)
    assert record is not None
    assert record.status == "finished"
    assert record.config == str(config)
    assert record.options == options
    values = text_values(record.config_text or "")
    assert values["test_pipeline"][1]["scale"] == (80, 64)
    assert values["train_dataloader"]["dataset"]["dataset"]["data_root"] == str(pond)
    assert list(work_dir.glob(BEST))
    with pytest.raises(FileExistsError, match="holds a run"):
        run(config, "--work-dir", str(work_dir))
    with pytest.raises(ValueError, match="no 'lr_rate'"):
        run(config, "--work-dir", str(work_dir), "--cfg-options", "lr_rate=1")


def test_it_is_no_part_of_a_config_in_memory():
    cfg: Any = Config({"runner_type": "RecordedRunner", "model": {}})
    runner = RUNNERS.build(cfg)
    assert isinstance(runner, RecordedRunner)
    with pytest.raises(ValueError, match="runner_type='SafeRunner'"):
        runner.train()

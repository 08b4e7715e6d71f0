from types import SimpleNamespace
from typing import Any

import pytest
from mmengine.config import Config

from mmseg_splashkd.hooks import VariablesHook
from mmseg_splashkd.runs import SafeRunner
from tests.conftest import PLAIN, TEACHER


def test_a_runner_of_others_needs_all_variables():
    cfg = Config.fromfile(PLAIN)
    runner: Any = SimpleNamespace(cfg=cfg)
    with pytest.raises(ValueError, match=r"segformer_b0_pond.py sets .* \.\.\. are"):
        VariablesHook().before_run(runner)
    own: Any = SafeRunner.__new__(SafeRunner)
    own.cfg = cfg
    VariablesHook().before_run(own)


def test_the_config_that_a_run_has_written_passes(teacher):
    (path,) = teacher.glob(TEACHER.name)
    runner: Any = SimpleNamespace(cfg=Config.fromfile(path))
    VariablesHook().before_run(runner)

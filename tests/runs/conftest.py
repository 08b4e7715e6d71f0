"""Finished tiny runs, trained once for all tests of the engine."""

from pathlib import Path

import pytest

from mmseg_splashkd.runs.train import train
from tests.conftest import CONFIGS, tiny_run

TEACHER = CONFIGS / "demo" / "segformer_b1_pond.py"
PLAIN = CONFIGS / "demo" / "segformer_b0_pond.py"
DISTILLED = CONFIGS / "demo" / "segformer_b0_kd_pe001_pond.py"
BEST = "weights_*_best.safetensors"


@pytest.fixture(scope="session")
def teacher(pond, tmp_path_factory) -> Path:
    """Work directory of a tiny teacher."""
    work_dir = tmp_path_factory.mktemp("teacher")
    return train(TEACHER, work_dir, cfg_options=tiny_run(pond, "model"))


@pytest.fixture(scope="session")
def distil_options(pond, teacher) -> dict:
    """Options of a tiny distillation."""
    options = tiny_run(pond, "model.student", "model.teacher")
    return options | {"model.teacher_checkpoint": str(teacher / BEST)}


@pytest.fixture(scope="session")
def distilled(distil_options, tmp_path_factory) -> Path:
    """Work directory of a tiny distilled student."""
    work_dir = tmp_path_factory.mktemp("distilled")
    return train(DISTILLED, work_dir, cfg_options=distil_options)

import os
from datetime import date

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.naming import latest_run, run_name

BEGAN = date(2024, 6, 27)


def config(ratio: float | None) -> Config:
    loss = {} if ratio is None else {"distill_loss": {"teacher_ratio": ratio}}
    return Config({"model": loss}, filename="configs/kd/segformer_b0_kd_pe001.py")


@pytest.mark.parametrize(
    ("ratio", "suffix"),
    # 100 * 0.29 is 28.999...: truncating, as int() does, would file it under 28.
    [(None, ""), (0.0, "_0"), (0.29, "_29"), (0.5, "_50"), (1.0, "_100")],
)
def test_name_is_config_date_and_percent(ratio, suffix):
    assert run_name(config(ratio), BEGAN) == f"segformer_b0_kd_pe001_0627{suffix}"


def test_latest_run_is_the_youngest_of_the_same_config_and_ratio(tmp_path):
    others = ("segformer_b0_kd_pe001_0628_25", "segformer_b0_kd_0629_50", "notes")
    for age, name in enumerate(("_0627_50", "_0526_50")):
        folder = tmp_path / f"segformer_b0_kd_pe001{name}"
        folder.mkdir()
        os.utime(folder, (1e9 - age, 1e9 - age))
    for name in others:
        (tmp_path / name).mkdir()
    found = latest_run(config(0.5), tmp_path)
    assert found == tmp_path / "segformer_b0_kd_pe001_0627_50"
    assert latest_run(config(1.0), tmp_path) is None

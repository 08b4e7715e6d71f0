"""A distillation without its teacher is the plain student."""

import pytest

from mmseg_splashkd.advice.plain import plain_options
from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint
from mmseg_splashkd.config.reading import read_config
from tests.conftest import CONFIGS, tiny_run, train

STUDY = CONFIGS / "study"


def last_weights(work_dir):
    path = find_checkpoint(str(work_dir / "weights_*_last.safetensors"))
    return read_checkpoint(path)["state_dict"]


@pytest.mark.slow
def test_it_ends_with_the_weights_of_the_plain_config(pond, tmp_path):
    distilled, plain = (CONFIGS / "farm" / f"farm_b0{end}.py" for end in ("_kd", ""))
    common = {"split_table": "", "ratios": (0.7, 0.2, 0.1)}
    given = tiny_run(pond, "model.student", "model.teacher") | common
    del given["model.teacher_gate.allow"]
    given = {k: v for k, v in given.items() if not k.startswith("model.teacher.")}
    options = given | plain_options(read_config(distilled, dict(given)))
    one = train(distilled, tmp_path / "one", cfg_options=options)
    other = train(plain, tmp_path / "two", cfg_options=tiny_run(pond, "model") | common)
    found, expected = last_weights(one), last_weights(other)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key].equal(value), key


def test_unlabelled_frames_are_left_out():
    cfg = read_config(STUDY / "study_farm_b0_kd_unlabelled.py")
    options = plain_options(cfg)
    assert options["train_dataloader.dataset.dataset.unlabelled"] == "skip"
    assert options["train_dataloader.sampler.unlabelled_share"] is None
    assert options["teacher_cache"] is None


def test_a_config_that_does_not_distil_is_refused():
    cfg = read_config(CONFIGS / "farm" / "farm_b0.py")
    with pytest.raises(ValueError, match=r"farm_b0\.py does not distil"):
        plain_options(cfg)


def test_frames_without_labels_alone_are_refused():
    cfg = read_config(STUDY / "study_farm_b0_kd_unlabelled.py")
    cfg.train_dataloader.dataset.dataset.unlabelled = "only"
    with pytest.raises(ValueError, match=r"dataset\.unlabelled='only' leaves a plain"):
        plain_options(cfg)

import pytest
from mmengine.config import Config

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.sweep.keys import config_sha256, full_key, has_place
from tests.conftest import CONFIGS


@pytest.fixture(scope="module")
def cfg() -> Config:
    return read_config(CONFIGS / "farm" / "farm_b0_kd.py")


@pytest.mark.parametrize(
    ("key", "full"),
    [
        ("teacher_ratio", "model.distill_loss.teacher_ratio"),
        ("model.distill_loss.gamma", "model.distill_loss.gamma"),
        ("lr", "optim_wrapper.optimizer.lr"),
        ("optimizer.lr", "optim_wrapper.optimizer.lr"),
        ("param_scheduler.1.end", "param_scheduler.1.end"),
        ("embargo", "embargo"),
        ("model.teacher_gate.allow", "model.teacher_gate.allow"),  # only an argument
        ("model.ensemble", "model.ensemble"),
        ("max_iters", "max_iters"),  # a variable, which others are computed from
    ],
)
def test_the_key_that_is_meant(cfg, key, full):
    assert full_key(cfg, key) == full


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("teachr_ratio", "did you mean model.distill_loss.teacher_ratio"),
        ("model.distil_loss.gamma", "did you mean model.distill_loss.gamma"),
        ("qqqq", "has no such key$"),
        ("embed_dims", "any of .*student.*, .*teacher.*: give one in full"),
        ("experiment", "changes no run: a run's record and weights name it"),
    ],
)
def test_no_key(cfg, key, message):
    with pytest.raises(ValueError, match=message):
        full_key(cfg, key)


@pytest.mark.parametrize(
    ("key", "exists"),
    [
        ("model.student.backbone.new", True),
        ("model.backbone.embed_dims", False),
        ("model.teacher_gate.allow", True),
        ("model.teacher_gates.allow", False),
        ("model.student.teacher_gate.allow", False),
        ("param_scheduler.0.end", True),
        ("param_scheduler.7.end", False),
        ("model.type.part", False),
        ("data_root", True),
        ("teacher_cache", True),
        ("nothing", False),
    ],
)
def test_places(cfg, key, exists):
    assert has_place(cfg, key) is exists


def test_a_key_inside_an_argument_that_is_none_has_a_place(cfg, tmp_path):
    path = tmp_path / "mine.py"
    base = str(CONFIGS / "farm" / "farm_b0_kd.py")
    path.write_text(f"_base_ = [{base!r}]\nmodel = dict(teacher_gate=None)\n")
    mine, key = read_config(path), "model.teacher_gate.allow"
    assert mine.model.teacher_gate is None
    assert full_key(mine, key) == key
    assert has_place(mine, key)
    assert not has_place(mine, "model.type.teacher_gate.allow")
    for options in (
        {key: ["floor"]},
        {"model": {"teacher_gate": {"allow": ["floor"]}}},
    ):
        assert read_config(path, options).model.teacher_gate == {"allow": ["floor"]}
    with pytest.raises(
        ValueError, match=r"model\.teacher_gates\.allow: .*has no such key"
    ):
        full_key(mine, "model.teacher_gates.allow")


def test_only_what_a_run_reads_is_hashed(cfg):
    changed, other = Config(cfg.to_dict()), Config(cfg.to_dict())
    changed.max_iters = 7  # a variable of the file
    other.model.distill_loss.gamma = 3.0
    assert config_sha256(changed) == config_sha256(cfg) != config_sha256(other)

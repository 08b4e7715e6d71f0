"""Ways to resume a distillation whose loss has learned weights."""

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.runs.runner import SafeRunner
from mmseg_splashkd.runs.train import set_experiment_name, train
from tests.conftest import DISTILLED


class Stop(Exception):  # noqa: N818 - no error
    """Ends a run before its first step."""


class StopHook(Hook):
    """Keeps the weights of the loss as they are before the first step."""

    def before_train_iter(self, runner, *_, **__):
        loss = runner.model.distill_loss
        self.weights = {key: value.clone() for key, value in loss.state_dict().items()}
        raise Stop


@pytest.fixture(scope="module")
def options(distil_options):
    terms = [{"type": "KLDLoss"}, {"type": "FeatureMSELoss", "tap": 3}]
    return distil_options | {
        "model.distill_loss.terms": terms,
        "model.student.backbone.embed_dims": 16,
        "model.student.decode_head.in_channels": [16] * 4,
    }


@pytest.fixture(scope="module")
def checkpoint(options, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp("projector")
    return train(DISTILLED, work_dir, cfg_options=options) / "iter_2.pth"


def build(kind, options, work_dir, **keys):
    cfg = read_config(DISTILLED, options | {"train_cfg.max_iters": 4})
    cfg.work_dir = str(work_dir)
    cfg.launcher = "none"
    cfg.update(keys)
    set_experiment_name(cfg)
    runner = kind.from_cfg(cfg)
    hook = StopHook()
    runner.register_hook(hook, "LOWEST")
    return runner, hook


# SafeRunner with ``cfg.resume`` is tested with whole runs in test_train.py.
@pytest.mark.parametrize(
    ("kind", "way"),
    [(SafeRunner, "resume"), (Runner, "resume"), (Runner, "cfg.resume")],
)
def test_resumed_run_has_the_weights_of_its_loss(
    options, checkpoint, tmp_path, kind, way
):
    resumed = {"load_from": str(checkpoint), "resume": True}
    runner, hook = build(
        kind, options, tmp_path, **resumed if way == "cfg.resume" else {}
    )
    if way == "resume":
        runner.resume(str(checkpoint))
    with pytest.raises(Stop):
        runner.train()
    expected = read_checkpoint(checkpoint)["distill_loss"]
    assert hook.weights.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(hook.weights[key], value), key


def test_run_that_starts_from_weights_has_a_new_projector(
    options, checkpoint, tmp_path
):
    runner, hook = build(SafeRunner, options | {"load_from": str(checkpoint)}, tmp_path)
    with pytest.raises(Stop):
        runner.train()
    learned = read_checkpoint(checkpoint)["distill_loss"]
    key = "terms.1.projector.weight"
    assert not torch.equal(hook.weights[key], learned[key])


def test_keys_are_loaded_unchanged():
    runner = SafeRunner.__new__(SafeRunner)  # refused before anything is read
    with pytest.raises(ValueError, match="leave out strict and revise_keys"):
        runner.load_checkpoint("iter_2.pth", strict=False)

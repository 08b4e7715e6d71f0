"""Projectors survive a resume under mmengine's Runner and under SafeRunner."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import Tensor

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.runs.runner import SafeRunner
from tests.hooks.small_runs import small_run
from tests.models.builders import build, distiller, fcn, segformer

LOSS = {
    "type": "FocalModulatedKDLoss",
    "terms": [{"type": "KLDLoss"}, {"type": "FeatureMSELoss"}],
}


def run_of(folder: Path, name: str, steps: int = 2, **options) -> Runner:
    path = folder / "teacher.safetensors"
    write_weights(build(fcn()).state_dict(), path, {})
    model = distiller(
        segformer(), fcn(), distill_loss=LOSS, teacher_checkpoint=str(path)
    )
    return small_run(model, folder / name, steps, hooks=("DistillLossHook",), **options)


def weights_of(run: Runner) -> Tensor:
    """Weights of the projector, as they are now."""
    model: Any = run.model
    return model.distill_loss.terms[1].projector.weight.detach().clone()


class FirstStep(Hook):
    """Copies the projector before the first iteration."""

    found: Tensor | None = None

    def before_train_iter(self, runner: Runner, *_, **__) -> None:
        if self.found is None:
            self.found = weights_of(runner)


def trained_from(run: Runner) -> Tensor:
    """The projector at the first iteration of a training."""
    hook = FirstStep()
    run.register_hook(hook)
    run.train()
    assert hook.found is not None
    return hook.found


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Tensor]:
    """Folder with a run of 2 iterations, and the projector it ends with."""
    init_default_scope("mmseg")
    folder = tmp_path_factory.mktemp("projector")
    run = run_of(folder, "first")
    run.train()
    return folder, weights_of(run)


@pytest.mark.parametrize("runner", [Runner, SafeRunner])
@pytest.mark.parametrize("by_call", [False, True])
def test_projector_is_restored_by_every_method_of_resuming(trained, runner, by_call):
    folder, expected = trained
    file = str(folder / "first" / "iter_2.pth")
    options = {} if by_call else {"resume": True, "load_from": file}
    run = run_of(folder, f"{runner.__name__}_{by_call}", 3, runner=runner, **options)
    if by_call:
        run.load_or_resume = lambda: run.resume(file)
    assert not torch.equal(weights_of(run), expected)
    assert torch.equal(trained_from(run), expected)
    assert run.iter == 3


def test_a_run_that_starts_from_weights_has_a_new_projector(trained):
    folder, expected = trained
    run = run_of(folder, "new", 1, load_from=str(folder / "first" / "iter_2.pth"))
    initial = weights_of(run)
    assert torch.equal(trained_from(run), initial)
    assert not torch.equal(initial, expected)


def test_a_resumed_checkpoint_without_the_projector_is_an_error(trained):
    folder, _ = trained
    checkpoint = torch.load(folder / "first" / "iter_2.pth", weights_only=False)
    del checkpoint["distill_loss"]
    torch.save(checkpoint, folder / "lacking.pth")
    options = {"resume": True, "load_from": str(folder / "lacking.pth")}
    with pytest.raises(RuntimeError, match=r"(?s)'distill_loss' of .*projector"):
        run_of(folder, "lacking", 3, **options).train()

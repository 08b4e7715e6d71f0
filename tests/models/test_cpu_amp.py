"""bfloat16 on a CPU, with the other options that make a step cheaper."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from mmseg_splashkd.hooks import ChannelsLastHook
from mmseg_splashkd.models import CPUAmpOptimWrapper
from tests.hooks.small_runs import small_run
from tests.models.builders import build, distiller, fcn, random_batch
from tests.models.test_bf16_check import wide

ADAMW = {"type": "AdamW", "lr": 1e-3, "weight_decay": 0.01}
FAST = {"type": "CPUAmpOptimWrapper", "optimizer": {**ADAMW, "fused": True}}


def types_inside(module: nn.Module) -> set[torch.dtype]:
    """Types of what its convolutions return, filled in by a forward pass."""
    found: set[torch.dtype] = set()

    def note(_: Any, __: Any, output: Tensor) -> None:
        found.add(output.dtype)

    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(note)
    return found


def step(model: Any, config: dict) -> tuple[Any, dict[str, Tensor]]:
    """One step of an optimizer, and what is logged of it."""
    torch.manual_seed(0)
    wrapper: Any = build_optim_wrapper(model, config)
    return wrapper, model.train_step(random_batch(), wrapper)


@pytest.mark.parametrize("config", [fcn(), wide()], ids=["FCN", "SegFormer"])
def test_the_network_computes_in_bfloat16_and_the_rest_in_float32(config):
    model = distiller(config, config).train()
    inside = types_inside(model.student)
    given: list[Tensor] = []
    model.register_forward_hook(lambda _, __, losses: given.extend(losses.values()))
    wrapper, _ = step(model, {"type": "CPUAmpOptimWrapper", "optimizer": ADAMW})
    assert isinstance(wrapper, CPUAmpOptimWrapper)
    assert inside == {torch.bfloat16}
    assert {value.dtype for value in given} == {torch.float32}
    states = [s for each in wrapper.optimizer.state.values() for s in each.values()]
    for tensors in (list(model.parameters()), states):
        assert tensors
        assert {each.dtype for each in tensors} == {torch.float32}
        assert all(each.isfinite().all() for each in tensors)


def test_losses_are_near_those_in_float32():
    plain, half = (distiller(wide(), wide()).train() for _ in range(2))
    _, exact = step(plain, {"optimizer": ADAMW})
    _, rounded = step(half, {"type": "CPUAmpOptimWrapper", "optimizer": ADAMW})
    assert exact.keys() == rounded.keys()
    assert exact["loss"] != rounded["loss"]
    for key in exact:
        if "loss" in key:
            assert rounded[key].item() == pytest.approx(
                exact[key].item(), rel=0.02, abs=1e-3
            )


def test_the_fused_optimizer_takes_the_same_step():
    models = [build(fcn()).train() for _ in range(2)]
    wrapper, _ = step(models[1], {"optimizer": {**ADAMW, "fused": True}})
    assert all(group["fused"] for group in wrapper.optimizer.param_groups)
    step(models[0], {"optimizer": ADAMW})
    for one, other in zip(*(m.parameters() for m in models), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_the_losses_are_the_same_in_channels_last_order():
    models = [distiller(fcn(), fcn()).train() for _ in range(2)]
    models[1].to(memory_format=torch.channels_last)
    one, other = (step(model, {"optimizer": ADAMW})[1] for model in models)
    for key in one:
        assert other[key].item() == pytest.approx(
            one[key].item(), rel=1e-4, abs=1e-6
        ), key


def trained(work_dir: Path, steps: int, **options: Any) -> Runner:
    """A run with bfloat16, fused AdamW and channels last."""
    hooks = ("ChannelsLastHook",)
    run = small_run(
        build(fcn()), work_dir, steps, hooks=hooks, optim_wrapper=FAST, **options
    )
    run.train()
    return run


def test_a_resumed_run_ends_with_the_same_weights(tmp_path):
    whole = trained(tmp_path / "whole", 2).model.state_dict()
    trained(tmp_path / "parts", 1)
    half = tmp_path / "parts" / "iter_1.pth"
    assert "loss_scaler" not in torch.load(half, weights_only=False)["optimizer"]
    resumed = trained(tmp_path / "parts", 2, load_from=str(half), resume=True).model
    for name, tensor in resumed.state_dict().items():
        assert torch.equal(tensor, whole[name]), name


def test_channels_last_is_the_order_of_student_and_teacher():
    model = distiller(fcn(), fcn())
    keys = list(model.state_dict())
    ChannelsLastHook().before_run(type("Run", (), {"model": model}))  # type: ignore
    for part in (model.student, model.teacher):
        weights = [m.weight for m in part.modules() if isinstance(m, nn.Conv2d)]
        assert all(
            each.is_contiguous(memory_format=torch.channels_last) for each in weights
        )
    assert list(model.state_dict()) == keys

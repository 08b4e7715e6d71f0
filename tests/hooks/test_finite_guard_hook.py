import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.runner import Runner
from torch import nn

from mmseg_splashkd.checkpoint import not_finite, read_checkpoint
from mmseg_splashkd.hooks import finite_guard_hook as module
from mmseg_splashkd.hooks import stop_request
from mmseg_splashkd.hooks.finite_guard_hook import FiniteGuardHook, NotFiniteError
from mmseg_splashkd.records.store import find_runs, read_record
from mmseg_splashkd.report.scored_runs import LeftOut, load_run_scores, select_runs
from mmseg_splashkd.runs.train import train
from tests.conftest import PLAIN, tiny_run
from tests.hooks.small_runs import small_run
from tests.models.builders import build, segformer


def guarded(work_dir: Path, steps: int = 3, **options: Any) -> Runner:
    return small_run(
        build(segformer()), work_dir, steps, hooks=("FiniteGuardHook",), **options
    )


def break_at(runner: Any, iteration: int, change) -> None:
    """Change the model before an iteration, from 1."""

    def hook(*_):
        if runner.iter + 1 == iteration:
            with torch.no_grad():
                change(runner.model)

    runner.model.register_forward_pre_hook(hook)


def spoil_classifier(model: Any) -> None:
    model.decode_head.conv_seg.bias.fill_(math.nan)


def spoil_statistics(model: Any) -> None:
    model.decode_head.fusion_conv.bn.running_var.fill_(math.inf)


# A run


@pytest.fixture(scope="module")
def diverged(tmp_path_factory) -> tuple[Path, str]:
    """A run whose classifier is NaN in its third iteration, and the error."""
    work_dir = tmp_path_factory.mktemp("diverged")
    runner = guarded(work_dir, steps=5)
    break_at(runner, 3, spoil_classifier)
    with pytest.raises(NotFiniteError) as caught:
        runner.train()
    return work_dir, str(caught.value)


def test_loss_that_is_not_finite_ends_the_run(diverged):
    work_dir, message = diverged
    assert message.startswith(
        "loss is not finite at iteration 3: loss, decode.loss_focal."
    )
    assert (
        "learning rate that is too high (optim_wrapper.optimizer.lr, now 0.1)"
        in message
    )
    assert str(work_dir / "not_finite.pt") in message
    assert sorted(path.name for path in work_dir.glob("*.pth")) == [
        "iter_1.pth",
        "iter_2.pth",
    ]
    assert not not_finite(read_checkpoint(work_dir / "iter_2.pth")["state_dict"])


def test_batch_is_stored_for_replay(diverged):
    work_dir, _ = diverged
    stored = torch.load(work_dir / "not_finite.pt", weights_only=True)
    assert stored["iteration"] == 3
    assert math.isnan(stored["terms"]["decode.loss_focal"])
    assert stored["learning_rates"] == {"lr": [0.1]}
    assert stored["checkpoint"] == str(work_dir / "iter_2.pth")
    assert stored["frames_in_batch"] == len(stored["frames"]) == 2
    frame = stored["frames"][0]
    assert frame["inputs"].shape == (3, 32, 32)
    assert frame["label"].shape == (1, 32, 32)
    assert stored["random_state"]["torch"].dtype == torch.uint8
    assert len(stored["random_state"]["numpy"][1]) == 624
    assert not list(work_dir.glob(".*partial*"))


def test_statistics_that_are_not_finite_are_not_saved(tmp_path):
    runner = guarded(tmp_path)
    break_at(runner, 2, spoil_statistics)  # in training, no loss depends on them
    with pytest.raises(
        NotFiniteError, match="weights are not finite at iteration 2: d"
    ):
        runner.train()
    assert [path.name for path in tmp_path.glob("*.pth")] == ["iter_1.pth"]


def test_weights_are_checked_before_a_validation(tmp_path):
    runner = guarded(tmp_path, validates=True)
    runner._hooks = [h for h in runner.hooks if type(h).__name__ != "CheckpointHook"]
    break_at(runner, 1, spoil_statistics)
    validated = []
    runner.model.val_step = validated.append  # type: ignore[method-assign]
    with pytest.raises(NotFiniteError, match="weights are not finite at iteration 1"):
        runner.train()
    assert not validated


def test_weights_are_checked_by_epoch(tmp_path):
    runner = guarded(tmp_path, steps=2, by_epoch=True)
    break_at(runner, 3, spoil_statistics)
    with pytest.raises(NotFiniteError, match="weights are not finite at iteration"):
        runner.train()
    assert [path.name for path in tmp_path.glob("*.pth")] == ["epoch_1.pth"]


def test_metric_of_nan_is_never_the_best(tmp_path):
    runner = guarded(tmp_path, steps=1, validates=True)
    loop: Any = runner.train_loop
    loop._iter = 1  # as after the iteration
    runner.call_hook("before_train")
    (checkpoint,) = [h for h in runner.hooks if type(h).__name__ == "CheckpointHook"]
    checkpoint.after_val_epoch(runner, {"mIoU": math.nan})
    assert not list(tmp_path.glob("best_*"))


@pytest.fixture(scope="module")
def failed_run(pond, tmp_path_factory) -> Path:
    """A run of a learning rate of 1e12, started by tools/train.py's function."""
    work_dir = tmp_path_factory.mktemp("failed") / "run"
    options = tiny_run(pond, "model", iterations=40)
    options |= {"optim_wrapper.optimizer.lr": 1e12, "param_scheduler": []}
    with pytest.raises(NotFiniteError, match=r"not finite at iteration \d+: .*loss"):
        train(PLAIN, work_dir, cfg_options=options)
    return work_dir


def test_record_of_a_diverged_run_says_so(failed_run):
    record = read_record(failed_run)
    assert record is not None
    assert record.status == "failed"
    iteration = record.iteration + 1
    assert record.reason == f"loss is not finite at iteration {iteration}"
    for path in failed_run.glob("weights_*"):
        assert not not_finite(read_checkpoint(path)["state_dict"])


def test_diverged_run_is_no_arm(failed_run):
    (selected,) = select_runs([failed_run])
    for unfinished in (True, False):
        left = load_run_scores(selected, "val", "last", unfinished)
        assert isinstance(left, LeftOut)
        assert left.reason.startswith("failed: loss is not finite at iteration")
    assert find_runs([failed_run])[0].status == "failed"


# The hook, alone


def runner_of(name: str, wrapper: Any, grad_norm: float | None = None) -> Any:
    hub = MessageHub(name)
    if grad_norm is not None:
        hub.update_scalar("train/grad_norm", grad_norm)
    return SimpleNamespace(
        optim_wrapper=wrapper,
        message_hub=hub,
        hooks=[],
        iter=0,
        seed=0,
        rank=0,
        world_size=1,
        work_dir="",
        model=nn.Linear(1, 1),
    )


def optim_wrapper() -> OptimWrapper:
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.5)
    return OptimWrapper(optimizer, clip_grad={"max_norm": 1.0})


def step(runner: Any, **outputs: float) -> None:
    tensors = {name: torch.tensor(value) for name, value in outputs.items()}
    FiniteGuardHook().after_train_iter(runner, 0, None, tensors)


def test_values_that_are_no_loss_may_be_nan(request):
    runner = runner_of(request.node.name, optim_wrapper())
    step(runner, loss=1.0, loss_label=1.0, acc_teacher=math.nan, distill=math.nan)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_terms_that_are_not_finite_are_named(request, tmp_path, bad):
    runner = runner_of(request.node.name, optim_wrapper())
    runner.work_dir = str(tmp_path)
    with pytest.raises(
        NotFiniteError, match="at iteration 1: loss, loss_distill\\. Lik"
    ):
        step(runner, loss=bad, loss_label=1.0, loss_distill=bad, distill=bad)


def test_gradient_that_is_not_finite_ends_a_run(request, tmp_path):
    runner = runner_of(request.node.name, optim_wrapper(), math.inf)
    runner.work_dir = str(tmp_path)
    with pytest.raises(NotFiniteError, match="gradient is not finite at iteration 1"):
        step(runner, loss=1.0)


def test_step_that_overflows_in_mixed_precision_is_left_out_by_the_scale(request):
    wrapper = AmpOptimWrapper.__new__(AmpOptimWrapper)  # needs a GPU to be built
    vars(wrapper).update(vars(optim_wrapper()))
    step(runner_of(request.node.name, wrapper, math.inf), loss=1.0)


def test_all_processes_end_together(request, monkeypatch):
    monkeypatch.setattr(stop_request, "all_reduce", lambda flags, _: flags[:1].fill_(1))
    runner = runner_of(request.node.name, optim_wrapper())
    with pytest.raises(NotFiniteError, match=r"loss is .* 1: in another process"):
        step(runner, loss=1.0)


def test_frames_of_a_large_batch_are_left_out(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    frame = {"path": "a", "inputs": torch.zeros(40, dtype=torch.uint8), "label": None}
    assert len(module._bounded([frame] * 4)) == 2


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (torch.tensor([1.0, math.nan]), True),
        (torch.tensor([1.0, -math.inf]), True),
        (torch.tensor([0.0, -math.inf]), False),  # a mask of attention
        (torch.tensor([math.inf], dtype=torch.bfloat16), True),
        (torch.tensor([1, 2]), False),
        (torch.tensor([1.0, 2.0]), False),
    ],
)
def test_names_of_tensors_that_are_not_finite(value, found):
    state = {"fine": torch.ones(2), "w": value, "count": torch.tensor(3)}
    assert not_finite(state) == (["w"] if found else [])

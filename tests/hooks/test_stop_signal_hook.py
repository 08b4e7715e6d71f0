"""Signals end a run at a step, with a checkpoint from which it goes on."""

import functools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.hooks import stop_request as module
from mmseg_splashkd.hooks import stop_signal_hook
from mmseg_splashkd.hooks.held_signals import STOPS
from mmseg_splashkd.hooks.stop_request import (
    Terminated,
    any_process,
    stop_by_signals,
    stop_request,
)
from mmseg_splashkd.runs.runner import SafeRunner
from tests.hooks.small_runs import small_run
from tests.models.builders import build, fcn

NAMES = ("IterationSeedHook", "NoteValidationHook", "ResumedEpochHook")
NAMES += ("ExportWeightsHook", "StopSignalHook", "MadeUpValidationHook")
TERM = signal.SIGTERM

pytestmark = pytest.mark.usefixtures("default_signals")


class SignalHook(Hook):
    """Sends this process a signal at a method of hooks in an iteration."""

    def __init__(self, method: str, iteration: int, *numbers: signal.Signals) -> None:
        self._at, self._numbers = iteration, numbers or (TERM,)
        setattr(self, method, self.send)

    def send(self, runner, *_, **__) -> None:
        if runner.iter == self._at:
            for number in self._numbers:
                os.kill(os.getpid(), number)


def run(work_dir: Path, *hooks: Hook, interval: int = 9, **options: Any) -> Any:
    """Train four iterations, or two epochs of two."""
    torch.manual_seed(0)
    model = build(fcn(auxiliary=False))
    steps = 2 if options.get("by_epoch") else 4
    given = {"steps": steps, "hooks": NAMES, "lr": 0.05} | options
    runner = small_run(model, work_dir, runner=SafeRunner, **given)
    checkpoint: Any
    (checkpoint,) = [h for h in runner.hooks if hasattr(h, "save_last")]
    checkpoint.interval = interval
    runner.register_custom_hooks(list(hooks))
    with stop_by_signals():
        runner.train()
    return runner


def stopped(work_dir: Path, *hooks: Hook, **options: Any) -> Terminated:
    with pytest.raises(Terminated) as caught:
        run(work_dir, *hooks, **options)
    return caught.value


def saved(work_dir: Path) -> dict[str, Any]:
    return read_checkpoint(work_dir / (work_dir / "last_checkpoint").read_text())


def assert_equal(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_first_signal_raises_at_once_and_others_change_nothing(number):
    before = signal.getsignal(number)
    with pytest.raises(Terminated, match=number.name) as caught, stop_by_signals():
        os.kill(os.getpid(), number)
    assert caught.value.exit_code == 128 + number
    assert signal.getsignal(number) is before
    with stop_by_signals():
        stop_request().waits = True
        os.kill(os.getpid(), number)
        stop_request().waits = False
        for each in STOPS:
            os.kill(os.getpid(), each)
        assert stop_request().received == number
        assert not any_process(False)
        assert stop_request().agreed == number
    assert stop_request().agreed == 0


def test_handlers_of_others_and_ignored_signals_stay():
    def theirs(*_: Any) -> None:
        """Do nothing."""

    before = {each: signal.getsignal(each) for each in STOPS}
    try:
        signal.signal(signal.SIGUSR1, theirs)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        with stop_by_signals():
            assert signal.getsignal(signal.SIGUSR1) is theirs
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop_request().received == 0
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_all_processes_follow_the_signal_of_one(monkeypatch):
    """The other process has received SIGUSR1, and asks whether its loss is finite."""
    other = torch.tensor([0, signal.SIGUSR1])
    asked = []

    def reduce(flags: torch.Tensor, how: str) -> None:
        asked.append(how)
        flags.copy_(torch.maximum(flags, other))

    monkeypatch.setattr(module, "all_reduce", reduce)
    with stop_by_signals():
        assert not any_process(False)
        assert stop_request().agreed == signal.SIGUSR1
        assert any_process(True)
    assert asked == ["max", "max"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Callable[[bool], Any]:
    """Runners of uninterrupted runs, by the loop."""
    folder = tmp_path_factory.mktemp("whole")
    return functools.cache(
        lambda by_epoch: run(folder / f"{by_epoch}", by_epoch=by_epoch)
    )


# The first one counts: torchrun sends Ctrl-C to processes that a terminal has sent it.
@pytest.mark.parametrize(
    ("by_epoch", "numbers"),
    [
        (False, (signal.SIGINT, signal.SIGINT)),
        (False, (signal.SIGTERM, signal.SIGUSR1, signal.SIGTERM)),
        (False, (signal.SIGHUP,)),
        (True, (signal.SIGUSR1,)),  # within the second epoch
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP", "epochs-SIGUSR1"],
)
def test_run_that_is_stopped_and_resumed_ends_as_an_uninterrupted_one(
    whole, tmp_path, by_epoch, numbers
):
    sends = SignalHook("before_train_iter", 2, *numbers)
    error = stopped(tmp_path, sends, by_epoch=by_epoch)
    assert (str(error), error.iteration) == (numbers[0].name, 3)
    meta = saved(tmp_path)["meta"]
    assert (meta["iter"], meta["epoch"]) == (3, int(by_epoch))
    (last,) = tmp_path.glob("weights_*_last.safetensors")
    assert read_checkpoint(last)["meta"]["iter"] == 3
    resumed = run(tmp_path, by_epoch=by_epoch, resume=True)
    expected = whole(by_epoch)
    assert (resumed.iter, resumed.epoch) == (expected.iter, expected.epoch)
    first = saved(Path(expected.work_dir))["state_dict"]
    assert_equal(first, saved(tmp_path)["state_dict"])


def test_checkpoint_of_the_step_is_not_saved_twice(tmp_path, monkeypatch):
    calls = []
    save = SafeRunner.save_checkpoint

    def count(self, out_dir, filename, *args, **kwargs):
        calls.append(filename)
        save(self, out_dir, filename, *args, **kwargs)

    monkeypatch.setattr(SafeRunner, "save_checkpoint", count)
    stopped(tmp_path, SignalHook("before_train_iter", 1), interval=2)
    assert calls == ["iter_2.pth"]


class CountHook(Hook):
    """Counts validated batches."""

    def __init__(self) -> None:
        self.batches = 0
        self.complete = 0

    def after_val_iter(self, *_, **__) -> None:
        self.batches += 1

    def after_val_epoch(self, *_, **__) -> None:
        self.complete += 1


@pytest.mark.parametrize("interval", [1, 9])
def test_validation_is_left_where_its_weights_are_saved(tmp_path, interval):
    count = CountHook()
    error = stopped(
        tmp_path,
        count,
        SignalHook("before_val_iter", 2),
        validates=True,
        interval=interval,
    )
    assert str(error) == "SIGTERM"
    assert saved(tmp_path)["meta"]["iter"] == 2
    left = interval == 1
    assert (count.batches, count.complete) == ((3, 1) if left else (4, 2))
    # Either way, the resumed run validates this iteration first.
    again = CountHook()
    run(tmp_path, again, validates=True, interval=interval, resume=True)
    assert again.complete == 3


def test_other_processes_wait_for_the_checkpoint(tmp_path, monkeypatch):
    order: list[str] = []
    monkeypatch.setattr(stop_signal_hook, "barrier", lambda: order.append("barrier"))
    monkeypatch.setattr(
        stop_signal_hook, "save_now", lambda *_: order.append("checkpoint")
    )
    stopped(tmp_path, SignalHook("before_train_iter", 0))
    assert order == ["checkpoint", "barrier"]

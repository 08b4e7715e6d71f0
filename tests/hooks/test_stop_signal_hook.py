"""Signals end a run after its step, and a resumed run ends as one without them."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mmengine.hooks import Hook

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.hooks.held_signals import STOPS
from mmseg_splashkd.hooks.stop_signal_hook import (
    StopSignalHook,
    Terminated,
    stop_on_signals,
)
from mmseg_splashkd.records.traces import resumable
from tests.hooks.test_whole_checkpoint_hook import assert_equal, outcome, run


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of a command, and afterwards those of pytest."""
    before = {each: signal.getsignal(each) for each in STOPS}
    stop_on_signals()
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


class Send(Hook):
    """Sends signals at one place of the second iteration or its validation."""

    priority = "NORMAL"

    def __init__(self, place: str, *signals: signal.Signals) -> None:
        self.signals = signals
        setattr(self, place, self._send)

    def _send(self, runner: Any, *_: Any, **__: Any) -> None:
        during_step = runner.iter == 1 and runner.model.training
        if during_step or (runner.iter == 2 and not runner.model.training):
            for each in self.signals:
                signal.raise_signal(each)


def stopped(work_dir: Path, send: Hook, interval: int = 3) -> Terminated:
    """Train until the signal; checkpoints are written every three iterations."""
    runner = run(work_dir)
    for hook in runner.hooks:
        if hasattr(hook, "max_keep_ckpts"):
            hook.interval = interval
    runner.register_hook(StopSignalHook())
    runner.register_hook(send)
    with pytest.raises(Terminated) as caught:
        runner.train()
    return caught.value


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> dict[str, Any]:
    work_dir = tmp_path_factory.mktemp("signals") / "run"
    run(work_dir).train()
    return outcome(work_dir)


@pytest.mark.parametrize("place", ["before_train_iter", "after_val_iter"])
@pytest.mark.parametrize("sent", STOPS, ids=lambda each: each.name)
def test_one_checkpoint_is_saved_and_the_run_resumed_to_the_same_end(
    sent, place, uninterrupted, tmp_path
):
    ended = stopped(tmp_path / "run", Send(place, sent))
    assert (str(ended), ended.exit_code) == (sent.name, 128 + sent)
    path = resumable(tmp_path / "run")
    assert path == tmp_path / "run" / "iter_2.pth"  # not one of the third iteration
    assert read_checkpoint(str(path))["meta"]["iter"] == 2
    run(tmp_path / "run", resume=True).train()
    assert_equal(outcome(tmp_path / "run"), uninterrupted)


def test_exit_codes_are_distinct():
    codes = {Terminated(each.name).exit_code for each in STOPS}
    assert codes == {129, 130, 138, 143}


def test_further_signals_are_ignored(tmp_path):
    sent = signal.SIGTERM, signal.SIGUSR1, signal.SIGTERM
    ended = stopped(tmp_path / "run", Send("before_train_iter", *sent))
    assert str(ended) == "SIGTERM"
    assert resumable(tmp_path / "run") == tmp_path / "run" / "iter_2.pth"


def test_a_second_ctrl_c_ends_the_run_within_the_step(tmp_path):
    sent = signal.SIGINT, signal.SIGINT
    ended = stopped(tmp_path / "run", Send("before_train_iter", *sent), interval=1)
    assert str(ended) == "SIGINT"
    assert resumable(tmp_path / "run") == tmp_path / "run" / "iter_1.pth"


def test_before_the_first_step_a_signal_ends_the_process_at_once():
    with pytest.raises(Terminated, match="SIGHUP"):
        signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)  # while the first one is being handled


def test_an_epoch_is_not_saved_in_its_middle(tmp_path):
    runner = run(tmp_path / "run", by_epoch=True)
    runner.register_hook(StopSignalHook())
    runner.register_hook(Send("before_train_iter", signal.SIGTERM))
    with pytest.raises(Terminated):
        runner.train()  # in the second of two iterations of the first epoch
    path = resumable(tmp_path / "run")
    assert path is None or read_checkpoint(path)["meta"]["epoch"] == 1

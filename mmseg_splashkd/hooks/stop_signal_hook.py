"""Ends a run by a signal: one checkpoint at the next step, then the process."""

import signal
import sys
from types import FrameType
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.hooks.finite_guard_hook import any_process
from mmseg_splashkd.hooks.held_signals import STOPS
from mmseg_splashkd.hooks.whole_checkpoint_hook import save_now


class Terminated(KeyboardInterrupt):
    """A signal ended the run, such as of a batch system before its time limit.

    Args:
        name: Name of the signal, such as ``'SIGTERM'``.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.exit_code = 128 + signal.Signals[name]


class _Stop:
    """The signal that the process has received, and whether it waits for a step."""

    def __init__(self) -> None:
        self.received: str | None = None
        self.waits = False  # for the end of a step

    def handle(self, number: int, _: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self.received is not None:
            if self.waits and name == "SIGINT":
                self.waits = False
                raise Terminated(name)  # whoever presses Ctrl-C twice wants no step
            return  # it would interrupt writing the record
        self.received = name
        if not self.waits:
            raise Terminated(name)
        print(
            f"{name}: the run stops after this step, with a checkpoint", file=sys.stderr
        )


_stop = _Stop()


def stop_on_signals() -> None:
    """Let SIGINT, SIGTERM, SIGHUP and SIGUSR1 end a run: recorded, ready to resume.

    To be called once, by a command, in the main thread. Before the first step and after
    the last one they end it at once.
    """
    _stop.received, _stop.waits = None, False
    for each in STOPS:
        signal.signal(each, _stop.handle)


@HOOKS.register_module()
class StopSignalHook(Hook):
    """Save a checkpoint after the step in which a signal arrived, and end the run.

    All processes end at the same step. In a validation the checkpoint is that of the
    iteration which is validated; a resumed run makes up for the validation (see
    ``MadeUpValidationHook``). A checkpoint by epoch is not saved within an epoch, which
    cannot be resumed there: such a run goes on from its last epoch.

    Raises:
        Terminated: At the next step, or at the next batch of a validation.
    """

    priority = "VERY_LOW"  # after CheckpointHook, before ExportWeightsHook

    def __init__(self) -> None:
        self._ends: str | None = None

    def before_train(self, runner: Runner) -> None:
        """Let signals wait for a step from here on."""
        _stop.waits = True

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Save, if a signal has arrived in any process."""
        if any_process(_stop.received is not None):
            self._save(runner, runner.iter + 1)

    def before_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """End, if a checkpoint was saved for that."""
        self._end()

    def before_val_epoch(self, runner: Runner) -> None:
        """End, if a checkpoint was saved for that."""
        self._end()

    def before_val_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Save and end, if a signal has arrived in any process."""
        if any_process(_stop.received is not None):
            self._save(runner, runner.iter)
        self._end()

    def after_train(self, runner: Runner) -> None:
        """Let signals end the process at once: the run is complete."""
        _stop.waits = False

    def _save(self, runner: Runner, iteration: int) -> None:
        self._ends = _stop.received or "SIGTERM"  # of another process
        save_now(runner, iteration, within_epoch=True)

    def _end(self) -> None:
        if self._ends is not None:
            _stop.waits = False
            raise Terminated(self._ends)

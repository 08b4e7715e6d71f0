"""Ends a run by a signal: one checkpoint at the next step, then the process."""

import signal
from typing import Any

from mmengine.dist import barrier
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.hooks.export_weights_hook import ExportWeightsHook
from mmseg_splashkd.hooks.stop_request import Terminated, any_process, stop_request
from mmseg_splashkd.hooks.whole_checkpoint_hook import save_now


@HOOKS.register_module()
class StopSignalHook(Hook):
    """Save a checkpoint after the step in which a signal arrived, and end the run.

    All processes end at the same step (see ``any_process``). A validation is left at
    the next batch where the weights of its iteration are saved, since a resumed run
    makes up for it (see ``MadeUpValidationHook``). Where they are not, and in several
    processes, it is completed first: hooks such as ``EMAHook`` exchange the weights
    meanwhile, and processes may validate different numbers of batches.
    """

    priority = "LOWEST"  # after the checkpoints and the record of a step

    def __init__(self) -> None:
        self._asked = 0
        self._saved: int | None = None  # iteration of the newest checkpoint

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note the iteration that the run resumes from."""
        self._note(checkpoint)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note the iteration of a checkpoint that a run can be resumed from."""
        self._note(checkpoint)

    def _note(self, checkpoint: dict) -> None:
        if "optimizer" in checkpoint:
            self._saved = checkpoint["meta"].get("iter")

    def before_train(self, runner: Runner) -> None:
        """Let signals wait for the end of a step from here on."""
        stop_request().waits = True

    def before_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Count what the processes have agreed on before this step."""
        self._asked = stop_request().asked

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Save and end, if a signal has arrived in any process.

        Raises:
            Terminated: One has.
        """
        if stop_request().asked == self._asked:  # no other hook has asked
            any_process(False)
        self._end(runner, runner.iter + 1)

    def after_val_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Leave a validation that a resumed run makes up for.

        Raises:
            Terminated: A signal has arrived.
        """
        number = stop_request().received
        if number and runner.world_size == 1 and self._saved == runner.iter:
            raise Terminated(signal.Signals(number).name)

    def after_val(self, runner: Runner) -> None:
        """Save and end after a validation, if a signal has arrived in any process.

        Raises:
            Terminated: One has.
        """
        any_process(False)
        self._end(runner, runner.iter)

    def _end(self, runner: Runner, iteration: int) -> None:
        number = stop_request().agreed
        if not number:
            return
        save_now(runner, iteration)
        for hook in runner.hooks:
            if isinstance(hook, ExportWeightsHook):  # its turn in this step has passed
                hook.after_train(runner)
        barrier()  # torchrun ends all processes once the first has gone
        raise Terminated(signal.Signals(number).name, iteration)

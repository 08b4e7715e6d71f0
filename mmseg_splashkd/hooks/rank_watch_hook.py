"""Ends all processes of a run when one of them hangs or dies."""

import os
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from mmengine.dist import broadcast_object_list, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from mmseg_splashkd.hooks.rank_watch import LostRank, RankWatch

# Below the 30 s that torchrun waits before it kills what is left, record and all.
TIMEOUT = 20.0  # seconds
# Where an error says that one is gone: seconds without a sign, and to wait for that.
SILENCE = 3.0, 6.0
EXIT_CODE = 1


@HOOKS.register_module()
class RankWatchHook(Hook):
    """End every process of a run within a set time when one of them hangs or dies.

    A process in a collective operation cannot notice this itself: with NCCL it waits
    for ever, and its Python code, signal handlers included, does not run. Here a thread
    notices, has the record of the run closed with the rank that was lost, and ends the
    process. Runs of one process are not watched.

    A process that computes or loads for long is not lost: its thread gives signs
    meanwhile. One that waits in a collective operation which the others never reach is
    ended by the operation's own time limit (``env_cfg.dist_cfg.timeout``, seconds).

    Args:
        timeout: Seconds without a sign after which a process is lost, above 0.

    Raises:
        ValueError: ``timeout`` is not above 0.
    """

    priority = "VERY_HIGH"

    def __init__(self, timeout: float = TIMEOUT) -> None:
        if not timeout > 0:
            raise ValueError(f"timeout={timeout!r} must be seconds above 0")
        self.timeout = timeout
        self.watch: RankWatch | None = None
        # Called before the process ends, such as to close the record.
        self.on_lost: Callable[[LostRank, str], None] = lambda *_: None

    def before_train(self, runner: Runner) -> None:
        """Begin to watch."""
        self.begin(runner)

    def begin(self, runner: Runner) -> None:
        """Begin to watch, unless that was done; to be called by all processes at once.

        Building data and network takes long too: ``train`` calls this before.

        Raises:
            RuntimeError: A process does not answer within the time limit.
        """
        if runner.world_size > 1 and self.watch is None:
            store = shared_store(self.timeout)
            size = runner.world_size
            self.watch = RankWatch(store, runner.rank, size, self.timeout, self._end)
            self.watch.start()

    def before_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Let the signs name the iteration."""
        self._iteration(runner)

    def after_train(self, runner: Runner) -> None:
        """Stop watching: processes may leave at different times from here on."""
        self.stop()

    def stop(self) -> None:
        """Stop watching; the store stays until the hook is gone."""
        if self.watch is not None:
            self.watch.stop()

    def find_lost(self) -> LostRank | None:
        """The process that has fallen silent, after seconds; None if none has."""
        return self.watch and self.watch.find_lost(*SILENCE)

    def _iteration(self, runner: Runner) -> None:
        if self.watch is not None:
            self.watch.iteration = runner.iter + 1

    def _end(self, lost: LostRank) -> None:
        reason = lost.words(get_world_size())
        print(f"rank {get_rank()}: {reason}; this process ends", file=sys.stderr)
        try:
            self.on_lost(lost, reason)
        except Exception:
            traceback.print_exc()
        finally:
            # The main thread waits in C++ code, which no exception can reach.
            sys.stderr.flush()
            os._exit(EXIT_CODE)


def shared_store(timeout: float) -> TCPStore:
    """A store of all processes, held by the first; to be called by all at once.

    Args:
        timeout: Seconds after which an operation without answer fails.
    """
    host = os.environ.get("MASTER_ADDR", "127.0.0.1")
    limit, first, port = timedelta(seconds=timeout), get_rank() == 0, [0]
    store = None
    if first:
        store = TCPStore(host, 0, None, True, timeout=limit, wait_for_workers=False)
        port = [store.port]
    broadcast_object_list(port)
    return store or TCPStore(host, port[0], timeout=limit, wait_for_workers=False)

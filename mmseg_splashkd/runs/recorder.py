"""The record of a run, written while it runs."""

import logging
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmseg_splashkd.files import remove_partials
from mmseg_splashkd.hooks.early_stop_hook import early_stop
from mmseg_splashkd.hooks.finite_guard_hook import skipped_iterations
from mmseg_splashkd.hooks.frame_scores_hook import FOLDER
from mmseg_splashkd.hooks.not_finite import NotFiniteError
from mmseg_splashkd.records.environment import gpu_peak, memory
from mmseg_splashkd.records.killed import as_killed, utc
from mmseg_splashkd.records.lock import lock_folder
from mmseg_splashkd.records.record import FAILED, FINISHED, RUNNING, STOPPED, RunRecord
from mmseg_splashkd.records.store import attempt_of, read_record, write_record
from mmseg_splashkd.records.train_frames import write_train_frames
from mmseg_splashkd.runs.outcome import plain_metrics, with_outcome
from mmseg_splashkd.runs.trackers import close_trackers
from mmseg_splashkd.unwritable import UnwritableError, writing

RANK = {"pytorch": "RANK", "slurm": "SLURM_PROCID", "mpi": "OMPI_COMM_WORLD_RANK"}
SIZE = {"pytorch": "WORLD_SIZE", "slurm": "SLURM_NTASKS", "mpi": "OMPI_COMM_WORLD_SIZE"}
TRACEBACK, TRACEBACKS = "traceback.txt", "traceback*.txt"
# Of the first process where another one has failed, and so left the group.
LOST_GROUP = ("gloo", "nccl", "connection", "process group", "distbackend")
Description = tuple[RunRecord, list[str] | None]  # returned by ``describe``


class Recorder(Hook):
    """Writes the record of one run: at its start, after each validation, at its end.

    Only the first process of a run has one, and it holds the lock of the work
    directory meanwhile (see ``recorded``).

    Args:
        work_dir: Existing folder of the run, absolute.
        record: Record that ``describe`` returns.
        frames: Names of the training frames; None if the data set does not list them.
        name: Name of the run. A resumed run keeps the name it began with.
        resumed: Whether the run continues the one of the work directory.

    Raises:
        OSError: The work directory cannot be written.
        ValueError: The record of an earlier start there cannot be read.
    """

    priority = "LOWEST"  # after weights and scores are written

    def __init__(
        self,
        work_dir: Path,
        record: RunRecord,
        frames: list[str] | None,
        name: str,
        resumed: bool,
    ) -> None:
        self.work_dir = work_dir
        self._start = time.monotonic()
        self._runner: Runner | None = None
        self._gpu_memory = _GpuMemoryHook()
        self.early_stop: str | None = None
        # In words, the process that was lost, where another one has ended this run.
        self.missing: Callable[[], str | None] = lambda: None
        self._ending = threading.Lock()  # a lost process is noticed in a thread
        self._has_ended = False
        earlier = read_record(self.work_dir)
        self.record = _begun(record, earlier, name, resumed, self.work_dir)
        for path in self.work_dir.glob(TRACEBACKS):
            path.unlink()
        write_train_frames(self.work_dir, frames)
        write_record(self.work_dir, self.record)
        if frames is None:
            _log("the data set does not list its frames: they are not recorded")

    def attach(self, runner: Runner) -> None:
        """Read seed and number of processes from a runner, and follow its run."""
        self._runner = runner
        hardware = replace(self.record.hardware, processes=runner.world_size)
        self.record = replace(self.record, seed=runner.seed, hardware=hardware)
        runner.register_hook(self)
        if torch.cuda.is_available():
            runner.register_hook(self._gpu_memory)

    def before_train(self, runner: Runner) -> None:
        """Record the length, and the name that a checkpoint gives a resumed run."""
        name = runner.message_hub.get_info("run_name") or self.record.name
        self.record = replace(self.record, name=name, iterations=runner.max_iters)
        self._write_or_warn()

    def after_train(self, runner: Runner) -> None:
        """Keep where the run stopped, if that was before its last iteration."""
        self.early_stop = early_stop(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Record a validation."""
        if metrics is not None:
            self.add_validation(runner.iter, metrics)

    def add_validation(self, iteration: int, metrics: Mapping[str, Any]) -> None:
        """Add the metrics of a validation, and the files the run has left so far."""
        validations = {**self.record.validations, iteration: plain_metrics(metrics)}
        self._update(validations=validations, iteration=iteration)
        self._write_or_warn()

    def _update(self, **changes: Any) -> None:
        used = memory(self._gpu_memory.peak)
        if self._runner is not None:
            changes["skipped"] = skipped_iterations(self._runner)
        record = replace(self.record, memory=used, **changes)
        self.record = with_outcome(record, self.work_dir)

    def _write_or_warn(self) -> None:
        try:
            write_record(self.work_dir, self.record)
        except OSError as error:  # such as a full drive: no reason to end a run
            _log(str(error))

    def end(
        self, status: str, reason: str | None = None, iteration: int | None = None
    ) -> None:
        """Write how the run ended.

        Args:
            status: ``'finished'``, ``'stopped'`` or ``'failed'``.
            reason: Cause of the end of a run that did not finish, or where one that
                did was stopped early.
            iteration: Iterations that are done; by default those of the runner, which
                counts an iteration after its last hook.

        Raises:
            OSError: The record cannot be written.
        """
        with self._ending:
            if not self._has_ended:
                self._has_ended = True
                self._end(status, reason, iteration)

    def _end(self, status: str, reason: str | None, iteration: int | None) -> None:
        reached = self._runner.iter if self._runner else self.record.iteration
        self._update(
            status=status,
            reason=reason,
            iteration=reached if iteration is None else iteration,
            ended=utc(time.time()),
            wall_s=round(time.monotonic() - self._start, 1),
        )
        try:
            write_record(self.work_dir, self.record)
        except OSError as error:
            raise OSError(
                error.errno,
                f"run {self.record.name} ended ({status}), but its record could not be "
                f"written: {error.strerror}. Weights and scores stay in "
                f"{self.work_dir}; make room, then --resume writes it",
                str(self.work_dir),
            ) from error


class _GpuMemoryHook(Hook):
    """Keeps the peak of GPU memory in MiB, which mmengine's logger resets."""

    priority = "HIGH"  # before the logger
    peak: float | None = None

    def after_train_iter(self, *_: Any, **__: Any) -> None:
        self.peak = gpu_peak(self.peak)


def _begun(
    record: RunRecord,
    earlier: RunRecord | None,
    name: str,
    resumed: bool,
    work_dir: Path,
) -> RunRecord:
    """The record of a start; an earlier one in its folder becomes an attempt."""
    if earlier is not None and earlier.status == RUNNING:
        earlier = as_killed(earlier, work_dir)  # this process holds the lock
    continued = earlier if resumed else None
    return replace(
        record,
        name=name if continued is None else continued.name,
        began=utc(time.time()),
        resumed=resumed,
        memory=memory(),
        validations={} if continued is None else continued.validations,
        attempts=(*earlier.attempts, attempt_of(earlier)) if earlier else (),
        pid=os.getpid(),
        hostname=socket.gethostname(),
    )


def is_writer(launcher: str) -> bool:
    """Whether this is the first process of a run, before the processes join."""
    return launcher == "none" or os.environ.get(RANK[launcher], "0") == "0"


def processes(launcher: str) -> int:
    """Number of processes of a run, before they join."""
    return 1 if launcher == "none" else int(os.environ.get(SIZE[launcher], "1"))


@contextmanager
def recorded(cfg: Config, description: Description | None) -> Iterator[Recorder | None]:
    """Record the run inside the context, however it ends.

    Args:
        cfg: Config with ``work_dir``, ``run_name`` and ``resume``.
        description: Return value of ``describe``; None in processes other than the
            first, which print the traceback of an error and leave it for the record
            of the first.

    Raises:
        FileExistsError: Another process trains in the work directory.
        OSError: The work directory or the record at the end cannot be written.
        ValueError: The record of an earlier start cannot be read.
    """
    if description is None:
        try:
            yield None
        except Exception as error:
            traceback.print_exc()
            _leave_traceback(cfg, error)
            raise
        return
    work_dir = Path(cfg.work_dir).absolute()
    with _unwritable_named(work_dir):
        with writing(work_dir):
            work_dir.mkdir(parents=True, exist_ok=True)
        lock = lock_folder(work_dir)
    try:
        with _unwritable_named(work_dir):
            remove_partials(work_dir, work_dir / FOLDER)
            recorder = Recorder(work_dir, *description, cfg.run_name, bool(cfg.resume))
        try:
            yield recorder
        except BaseException as error:
            interrupt = _interrupt_behind(error)
            _end_unfinished(recorder, cfg, error, interrupt)
            if interrupt is not None:
                raise interrupt from None
            raise
        recorder.end(FINISHED, recorder.early_stop)
    finally:
        lock.release()


@contextmanager
def _unwritable_named(work_dir: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, UnwritableError):  # another process trains there
        raise
    except OSError as error:
        raise OSError(
            error.errno,
            f"the run cannot be recorded there ({error.strerror}): make the folder "
            f"writable, or name another one by --work-dir",
            str(work_dir),
        ) from error


def _end_unfinished(
    recorder: Recorder,
    cfg: Config,
    error: BaseException,
    interrupt: KeyboardInterrupt | None,
) -> None:
    """End the record of a run that was stopped or failed; raises no further error."""
    other = _failure_of_another(recorder, error)
    status = FAILED if interrupt is None or other else STOPPED
    close_trackers(cfg, status)
    if interrupt is None:
        _write_traceback(recorder.work_dir / TRACEBACK, error)
    if other is not None:
        reason = other
    elif isinstance(error, NotFiniteError):
        reason = error.reason
    elif interrupt is not None:
        reason = str(interrupt) or "KeyboardInterrupt"
    else:
        lines = str(error).strip().splitlines() or [""]
        reason = f"{type(error).__name__}: {lines[0]}"
    try:
        recorder.end(status, reason, getattr(interrupt, "iteration", None))
    except OSError as unwritten:
        _log(str(unwritten), logging.ERROR)


def _interrupt_behind(error: BaseException) -> KeyboardInterrupt | None:
    """The Ctrl-C or SIGTERM behind an error.

    mmengine catches whatever is raised while it writes a config into a checkpoint, and
    raises another error.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause


def _leave_traceback(cfg: Config, error: Exception) -> None:
    """Store the traceback of a process that writes no record."""
    rank = next((os.environ[name] for name in RANK.values() if name in os.environ), "")
    work_dir = Path(cfg.work_dir)
    if rank and work_dir.is_dir() and not isinstance(error, NotFiniteError):
        _write_traceback(work_dir / f"traceback_{rank}.txt", error)


def _failure_of_another(recorder: Recorder, error: BaseException) -> str | None:
    """The error of another process, to which this one owes its end; None without one.

    torchrun ends all processes by SIGTERM when one fails.
    """
    interrupt = _interrupt_behind(error)
    if getattr(interrupt, "iteration", None) is not None:
        return None  # all processes have ended at this iteration together
    if interrupt is None and not owes_its_end(error):
        return None
    return traceback_of_another(recorder.work_dir) or recorder.missing()


def traceback_of_another(work_dir: Path) -> str | None:
    """The first error that a process other than the first has left; None without one.

    Those that owe their end to another process themselves are passed over.

    Args:
        work_dir: Folder of the run.
    """
    paths = {path for path in work_dir.glob(TRACEBACKS) if path.name != TRACEBACK}
    for path in sorted(paths, key=lambda each: each.stat().st_mtime):
        lines = path.read_text(encoding="utf-8").strip().splitlines() or [""]
        last = next((line for line in reversed(lines) if not line.startswith(" ")), "")
        if not _lost_group(last.lower()):
            return f"process {path.stem.rpartition('_')[2]} failed: {last}"
    return None


def owes_its_end(error: BaseException) -> bool:
    """Whether an error says that another process has left the group."""
    return _lost_group(f"{type(error).__name__} {error}".lower())


def _lost_group(text: str) -> bool:
    return any(word in text for word in LOST_GROUP)


def _write_traceback(path: Path, error: BaseException) -> None:
    text = "".join(traceback.format_exception(error))
    try:
        path.write_text(text, encoding="utf-8")
        message = f"the run failed; its traceback: {path}"
    except OSError as full:
        message = f"the run failed ({full})\n{text}"
    _log(message, logging.ERROR)


def _log(message: str, level: int = logging.WARNING) -> None:
    print_log(message, logger="current", level=level)

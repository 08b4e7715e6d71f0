"""The record of a run, written while it runs."""

import logging
import os
import socket
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmseg_splashkd.records.environment import gpu_peak, memory
from mmseg_splashkd.records.killed import as_killed, utc
from mmseg_splashkd.records.lock import lock_folder
from mmseg_splashkd.records.record import (
    FAILED,
    FINISHED,
    RUNNING,
    STOPPED,
    Attempt,
    RunRecord,
)
from mmseg_splashkd.records.store import attempt_of, read_record, write_record
from mmseg_splashkd.records.train_frames import write_train_frames
from mmseg_splashkd.runs.outcome import plain_metrics, with_outcome
from mmseg_splashkd.runs.trackers import close_trackers

RANK = {"pytorch": "RANK", "slurm": "SLURM_PROCID", "mpi": "OMPI_COMM_WORLD_RANK"}
TRACEBACK = "traceback.txt"


class Recorder:
    """Writes the record of one run: at its start, after each validation, at its end.

    Only one process of a run does. It holds the lock of the work directory meanwhile.

    Args:
        work_dir: Folder of the run; it is created.
        record: As of ``describe``.
        frames: Names of the training frames; None if they are not known.
        name: Name of the run. A resumed run keeps the name it began with.
        resumed: Whether the run continues the one of the work directory.

    Raises:
        FileExistsError: Another process trains in the work directory.
        OSError: The work directory cannot be written.
        ValueError: The record of an earlier start there cannot be read.
    """

    def __init__(
        self,
        work_dir: str | Path,
        record: RunRecord,
        frames: list[str] | None,
        name: str,
        resumed: bool,
    ) -> None:
        self.work_dir = Path(work_dir).absolute()
        self._start = time.monotonic()
        self._runner: Runner | None = None
        self._gpu_mib: float | None = None
        try:
            self.work_dir.mkdir(parents=True, exist_ok=True)
            self._lock = lock_folder(self.work_dir)
        except FileExistsError:
            raise
        except OSError as error:
            raise _unwritable(self.work_dir, error) from error
        try:
            earlier = read_record(self.work_dir)
            self.record = _begun(record, earlier, name, resumed, self.work_dir)
            (self.work_dir / TRACEBACK).unlink(missing_ok=True)
            self._list_frames(frames)
            write_record(self.work_dir, self.record)
        except OSError as error:
            self._lock.release()
            raise _unwritable(self.work_dir, error) from error
        except ValueError:
            self._lock.release()
            raise

    def _list_frames(self, frames: list[str] | None) -> None:
        write_train_frames(self.work_dir, frames)
        if frames is None:
            message = "the data set does not list its frames: they are not recorded"
            print_log(message, logger="current", level=logging.WARNING)

    def attach(self, runner: Runner) -> None:
        """Take seed and number of processes from a runner, and follow its run."""
        self._runner = runner
        self.record = replace(
            self.record,
            seed=runner.seed,
            hardware=replace(self.record.hardware, processes=runner.world_size),
        )
        runner.register_hook(_RecordHook(self))
        if torch.cuda.is_available():
            runner.register_hook(_GpuMemoryHook(self))

    def begin(self, name: str | None, iterations: int) -> None:
        """Note the name that a checkpoint gives a resumed run, and its length.

        Args:
            name: Name from the checkpoint; None without one.
            iterations: Number of iterations of the whole run.
        """
        name = name or self.record.name
        self.record = replace(self.record, name=name, iterations=iterations)
        self._write()

    def note_gpu_peak(self) -> None:
        """Note the peak of GPU memory, which mmengine resets when it logs."""
        self._gpu_mib = gpu_peak(self._gpu_mib)

    def add_validation(self, iteration: int, metrics: Mapping[str, Any]) -> None:
        """Add the metrics of a validation, and what the run has left so far."""
        validations = {**self.record.validations, iteration: plain_metrics(metrics)}
        record = replace(
            self.record,
            validations=validations,
            iteration=iteration,
            memory=memory(self._gpu_mib),
        )
        self.record = with_outcome(record, self.work_dir)
        self._write()

    def _write(self) -> None:
        try:
            write_record(self.work_dir, self.record)
        except OSError as error:  # such as a full drive: no reason to end a run
            print_log(f"{error}", logger="current", level=logging.WARNING)

    def end(self, status: str, reason: str | None = None) -> None:
        """Write how the run ended, and let others use the work directory.

        Args:
            status: ``'finished'``, ``'stopped'`` or ``'failed'``.
            reason: Why it did not finish.

        Raises:
            OSError: The record cannot be written.
        """
        if self._runner is not None:
            self.record = replace(self.record, iteration=self._runner.iter)
        record = replace(
            self.record,
            status=status,
            reason=reason,
            ended=utc(time.time()),
            wall_s=round(time.monotonic() - self._start, 1),
            memory=memory(self._gpu_mib),
        )
        self.record = with_outcome(record, self.work_dir)
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
        finally:
            self._lock.release()


def _unwritable(work_dir: Path, error: OSError) -> OSError:
    return OSError(
        error.errno,
        f"the run cannot be recorded there ({error.strerror}): make the folder "
        f"writable, or name another one by --work-dir",
        str(work_dir),
    )


def _begun(
    record: RunRecord,
    earlier: RunRecord | None,
    name: str,
    resumed: bool,
    work_dir: Path,
) -> RunRecord:
    """The record of a start; an earlier one in its folder becomes an attempt."""
    continued = earlier if resumed else None
    return replace(
        record,
        name=name if continued is None else continued.name,
        began=utc(time.time()),
        resumed=resumed,
        memory=memory(),
        validations={} if continued is None else continued.validations,
        attempts=() if earlier is None else _attempts(earlier, work_dir),
        pid=os.getpid(),
        hostname=socket.gethostname(),
    )


def _attempts(earlier: RunRecord, work_dir: Path) -> tuple[Attempt, ...]:
    """Attempts of an earlier start and itself; it was killed if it has no end.

    This process holds the lock of its folder.
    """
    if earlier.status == RUNNING:
        earlier = as_killed(earlier, work_dir)
    return (*earlier.attempts, attempt_of(earlier))


class _RecordHook(Hook):
    """Passes start and validations of a run to its recorder."""

    priority = "LOWEST"

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def before_train(self, runner: Runner) -> None:
        name = runner.message_hub.get_info("run_name")
        self.recorder.begin(name, runner.max_iters)

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        if metrics is not None:
            self.recorder.add_validation(runner.iter, metrics)


class _GpuMemoryHook(Hook):
    """Reads the peak of GPU memory before mmengine's logger resets it."""

    priority = "HIGH"

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        self.recorder.note_gpu_peak()


class _NoRecorder:
    """Takes the place of the recorder in processes other than the first."""

    def attach(self, runner: Runner) -> None:
        """Do nothing."""


def is_writer(launcher: str) -> bool:
    """Whether this is the first process of a run, before the processes join."""
    return launcher == "none" or os.environ.get(RANK[launcher], "0") == "0"


@contextmanager
def recorded(
    cfg: Config, description: tuple[RunRecord, list[str] | None] | None
) -> Iterator[Recorder | _NoRecorder]:
    """Record the run inside the context, however it ends.

    Args:
        cfg: With ``work_dir``, ``run_name`` and ``resume``.
        description: As of ``describe``; None in processes other than the first.
    """
    if description is None:
        with _printed_traceback():
            yield _NoRecorder()
        return
    recorder = Recorder(cfg.work_dir, *description, cfg.run_name, bool(cfg.resume))
    try:
        yield recorder
    except BaseException as error:
        if (interrupt := _interrupt_behind(error)) is not None:
            close_trackers(cfg, STOPPED)
            _try_to_end(recorder, STOPPED, str(interrupt) or "KeyboardInterrupt")
            raise interrupt from None
        close_trackers(cfg, FAILED)
        _write_traceback(recorder.work_dir, error)
        lines = str(error).strip().splitlines() or [""]
        _try_to_end(recorder, FAILED, f"{type(error).__name__}: {lines[0]}")
        raise
    recorder.end(FINISHED)


def _interrupt_behind(error: BaseException) -> KeyboardInterrupt | None:
    """The Ctrl-C or SIGTERM behind an error.

    mmengine catches whatever is raised while it writes a config into a checkpoint, and
    raises another error.
    """
    found: BaseException | None = error
    while found is not None and not isinstance(found, KeyboardInterrupt):
        found = found.__cause__ or found.__context__
    return found


@contextmanager
def _printed_traceback() -> Iterator[None]:
    """Print the traceback of a process that writes no record."""
    try:
        yield
    except Exception:
        traceback.print_exc()
        raise


def _try_to_end(recorder: Recorder, status: str, reason: str) -> None:
    """End a record without hiding the error that ended its run."""
    try:
        recorder.end(status, reason)
    except OSError as error:
        print_log(str(error), logger="current", level=logging.ERROR)


def _write_traceback(work_dir: Path, error: BaseException) -> None:
    path, text = work_dir / TRACEBACK, "".join(traceback.format_exception(error))
    try:
        path.write_text(text, encoding="utf-8")
        message = f"the run failed; its traceback: {path}"
    except OSError as full:
        message = f"the run failed ({full})\n{text}"
    print_log(message, logger="current", level=logging.ERROR)

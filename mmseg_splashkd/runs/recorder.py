"""Keeping the record of a run while it runs."""

import logging
import os
import socket
import time
import traceback
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmseg_splashkd.records.environment import gpu_peak, memory
from mmseg_splashkd.records.frame_list import FRAMES, write_frames
from mmseg_splashkd.records.ledger import LEDGER, add_record, settle
from mmseg_splashkd.records.outcome import KINDS, outcome, plain_figures
from mmseg_splashkd.records.run_file import (
    RUNNING,
    VERSION,
    hold,
    iso,
    line_of,
    read_run,
    release,
    write_run,
)
from mmseg_splashkd.runs.trackers import close_trackers

RANK = {"pytorch": "RANK", "slurm": "SLURM_PROCID", "mpi": "OMPI_COMM_WORLD_RANK"}
TRACEBACK = "traceback.txt"


class Recorder:
    """The record of one run, of which one process keeps it.

    Args:
        work_dir: Of the run; it is made.
        about: As of ``describe``.
        frames: Text of the list of training frames.
        name: Of the run.
        resumed: Whether it goes on with what is there.

    Raises:
        FileExistsError: Another process trains in the work directory.
        OSError: The work directory, or the ledger beside it, cannot be written.
    """

    def __init__(
        self,
        work_dir: str | Path,
        about: Mapping[str, Any],
        frames: str | None,
        name: str,
        resumed: bool,
    ) -> None:
        self.work_dir = Path(work_dir).absolute()
        self._open()
        self._start = time.monotonic()
        self._runner: Runner | None = None
        self._gpu_mib: float | None = None
        before = (resumed and read_run(self.work_dir)) or {}
        self.state: dict[str, Any] = {
            **_begun(self.work_dir, before.get("run", name), resumed),
            **about,
            **_nothing_yet(),
            "memory": memory(),
            "pid": os.getpid(),
            "hostname": socket.gethostname(),
            "validations": before.get("validations", {}),
        }
        try:
            (self.work_dir / TRACEBACK).unlink(missing_ok=True)
            self._list_frames(frames)
            write_run(self.work_dir, self.state)
        except OSError:
            release(self.work_dir)
            raise

    def _open(self) -> None:
        try:
            self.work_dir.mkdir(parents=True, exist_ok=True)
            locked = hold(self.work_dir)
            settle(self.ledger, self.work_dir if locked else None)
        except FileExistsError:
            raise
        except OSError as error:
            release(self.work_dir)
            raise OSError(
                error.errno,
                f"records cannot be kept there ({error.strerror}): let it be written, "
                f"or name another place by --work-dir",
                str(self.ledger),
            ) from error

    def _list_frames(self, frames: str | None) -> None:
        if frames is not None:
            write_frames(self.work_dir, frames)
            return
        (self.work_dir / FRAMES).unlink(missing_ok=True)
        told = "the data set does not list its frames: they are not recorded"
        print_log(told, logger="current", level=logging.WARNING)

    @property
    def ledger(self) -> Path:
        """The file beside the work directory."""
        return self.work_dir.parent / LEDGER

    def follow(self, runner: Runner) -> None:
        """Learn from a runner what it alone knows."""
        self._runner = runner
        self.state["seed"] = runner.seed
        self.state["hardware"] |= {"processes": runner.world_size}
        runner.register_hook(_RecordHook(self))
        if torch.cuda.is_available():
            runner.register_hook(_MemoryHook(self))

    def began(self, name: str | None, iterations: int) -> None:
        """Learn the name that a resumed run has, and how long it will be."""
        self.state["run"] = name or self.state["run"]
        self.state["iterations"] = iterations
        self._keep()

    def look_at_gpu(self) -> None:
        """Note the peak of its memory, which the host resets when it logs."""
        self._gpu_mib = gpu_peak(self._gpu_mib)

    def validated(self, iteration: int, metrics: Mapping[str, Any]) -> None:
        """Note the figures of a validation."""
        self.state["validations"][str(iteration)] = plain_figures(metrics)
        self.state["iteration"] = iteration
        self.state["memory"] = memory(self._gpu_mib)
        self._keep()

    def _keep(self) -> None:
        try:
            write_run(self.work_dir, self.state)
        except OSError as error:  # such as a full drive: no reason to end a run
            print_log(f"{error}", logger="current", level=logging.WARNING)

    def end(self, how: str, why: str | None = None) -> None:
        """Add the run's line to the ledger.

        Raises:
            OSError: It could not be written.
        """
        if self._runner is not None:
            self.state["iteration"] = self._runner.iter
        self.state |= {
            "how": how,
            "why": why,
            "ended": iso(time.time()),
            "wall_s": round(time.monotonic() - self._start, 1),
            "memory": memory(self._gpu_mib),
            **outcome(self.work_dir, self.state),
        }
        try:
            add_record(self.ledger, line_of(self.state))
        except OSError as error:
            self.state["recorded"] = False
            raise OSError(
                error.errno,
                f"run {self.state['run']} ended ({how}), but its line could not be "
                f"added: {error.strerror}. Weights and scores stay in {self.work_dir}; "
                f"make room, and the next run beside it adds the line",
                str(self.ledger),
            ) from error
        finally:
            self._keep()
            release(self.work_dir)


def _begun(work_dir: Path, name: str, resumed: bool) -> dict[str, Any]:
    return {
        "version": VERSION,
        "id": uuid.uuid4().hex,
        "run": name,
        "work_dir": work_dir.name,
        "began": iso(time.time()),
        "ended": None,
        "wall_s": None,
        "how": RUNNING,
        "why": None,
        "resumed": resumed,
    }


def _nothing_yet() -> dict[str, Any]:
    return {key: dict.fromkeys(KINDS) for key in ("metrics", "scores", "weights")}


class _RecordHook(Hook):
    """Tells the recorder how a run goes."""

    priority = "LOWEST"

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def before_train(self, runner: Runner) -> None:
        name = runner.message_hub.get_info("run_name")
        self.recorder.began(name, runner.max_iters)

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        if metrics is not None:
            self.recorder.validated(runner.iter, metrics)


class _MemoryHook(Hook):
    """Looks at the GPU's memory before the host does, which resets the peak."""

    priority = "HIGH"

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        self.recorder.look_at_gpu()


class _Silent:
    """Stands in for the recorder in processes other than the first."""

    def follow(self, runner: Runner) -> None:
        """Do nothing."""


def is_writer(launcher: str) -> bool:
    """Whether this is the first process of a run, known before they join."""
    return launcher == "none" or os.environ.get(RANK[launcher], "0") == "0"


@contextmanager
def recorded(
    cfg: Config, about: tuple[dict[str, Any], str | None] | None
) -> Iterator[Recorder | _Silent]:
    """Keep the record of what runs inside.

    Args:
        cfg: With ``work_dir``, ``run_name`` and ``resume``.
        about: As of ``describe``; None: another process keeps the record.
    """
    if about is None:
        with _telling():
            yield _Silent()
        return
    recorder = Recorder(cfg.work_dir, *about, cfg.run_name, bool(cfg.resume))
    try:
        yield recorder
    except BaseException as error:
        if (interrupt := _interrupt_behind(error)) is not None:
            close_trackers(cfg, "stopped")
            _end_anyway(recorder, "stopped", str(interrupt) or "KeyboardInterrupt")
            raise interrupt from None
        close_trackers(cfg, "failed")
        _write_traceback(recorder.work_dir, error)
        lines = str(error).strip().splitlines() or [""]
        _end_anyway(recorder, "failed", f"{type(error).__name__}: {lines[0]}")
        raise
    recorder.end("finished")


def _interrupt_behind(error: BaseException) -> KeyboardInterrupt | None:
    """The Ctrl-C or SIGTERM that an error stems from.

    The host catches all that is raised while it writes a config into a checkpoint, and
    raises an error of its own.
    """
    found: BaseException | None = error
    while found is not None and not isinstance(found, KeyboardInterrupt):
        found = found.__cause__ or found.__context__
    return found


@contextmanager
def _telling() -> Iterator[None]:
    """Print the traceback of a process that keeps no record to write it beside."""
    try:
        yield
    except Exception:
        traceback.print_exc()
        raise


def _end_anyway(recorder: Recorder, how: str, why: str) -> None:
    """End a record without hiding why its run ended."""
    try:
        recorder.end(how, why)
    except OSError as error:
        print_log(str(error), logger="current", level=logging.ERROR)


def _write_traceback(work_dir: Path, error: BaseException) -> None:
    path, text = work_dir / TRACEBACK, "".join(traceback.format_exception(error))
    try:
        path.write_text(text, encoding="utf-8")
        told = f"the run failed; its traceback: {path}"
    except OSError as full:
        told = f"the run failed ({full})\n{text}"
    print_log(told, logger="current", level=logging.ERROR)

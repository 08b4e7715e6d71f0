"""A sweep from its question to its last run."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from mmseg_splashkd.sweep.cell_runner import CellRunner
from mmseg_splashkd.sweep.checks import (
    check_arms,
    check_frames,
    check_spec,
    complete,
    direction_of,
)
from mmseg_splashkd.sweep.places import places
from mmseg_splashkd.sweep.process import Place
from mmseg_splashkd.sweep.queue import SweepQueue
from mmseg_splashkd.sweep.spec import (
    FILE,
    Sweep,
    SweepSpec,
    read_sweep,
)
from mmseg_splashkd.sweep.storage import (
    check_storage,
    default_url,
    open_storage,
    optuna,
    without_password,
)
from mmseg_splashkd.sweep.table import SweepTable
from mmseg_splashkd.sweep.units import Units
from mmseg_splashkd.sweep.worker import Worker

WORK_DIRS = Path("work_dirs")


def run_sweep(
    spec: SweepSpec,
    out: str | Path | None = None,
    storage: str | None = None,
    workers: int | None = None,
    devices: Sequence[str] | None = None,
) -> int:
    """Begin a sweep, or go on with it.

    Args:
        spec: The question.
        out: Folder of the sweep; by default ``work_dirs/sweep_<config>_<MMDD>``, or the
            youngest of these that asks the same.
        storage: See ``open_storage``; by default SQLite in the folder.
        workers: How many at once; by default one a GPU, or one. 0 only writes the
            sweep down, for workers elsewhere.
        devices: A GPU a worker, as ``CUDA_VISIBLE_DEVICES`` names them.

    Returns:
        0; 1 if a run failed or is left.

    Raises:
        FileNotFoundError: A config, a table, data or a teacher is missing.
        ValueError: The question cannot be asked so (see ``check_spec``), or folder or
            storage hold another sweep.
    """
    spec = complete(spec)
    asked = Sweep(spec, date.today(), check_spec(spec), without_password(storage))
    asked = Sweep.from_json(asked.to_json(), "the command line")
    folder = Path(out) if out else _folder_of(asked)
    return _work(asked, folder, storage, places(workers, devices), anew=True)


def join_sweep(
    out: str | Path,
    storage: str | None = None,
    workers: int | None = None,
    devices: Sequence[str] | None = None,
) -> int:
    """Work on a sweep that another command began.

    Args:
        out: Folder of the sweep.
        storage: As it was begun with.
        workers: As of ``run_sweep``.
        devices: As of ``run_sweep``.

    Returns:
        0; 1 if a run failed or is left.

    Raises:
        FileNotFoundError: There is no sweep in the folder.
        ValueError: It was begun with another storage, or its configs or its table have
            changed.
    """
    known = read_sweep(Path(out))
    if known is None:
        raise FileNotFoundError(
            f"--join {out}: there is no {FILE}. Begin the sweep first: "
            f"tools/sweep.py CONFIG --out {out} --workers 0"
        )
    now = replace(
        known, belongs=check_spec(known.spec), storage=without_password(storage)
    )
    return _work(now, Path(out), storage, places(workers, devices), anew=False)


def _folder_of(asked: Sweep) -> Path:
    """The youngest folder of the same question, or a new one."""
    stem = Path(asked.spec.configs[0]).stem
    found = sorted(
        WORK_DIRS.glob(f"sweep_{stem}_[0-9][0-9][0-9][0-9]/{FILE}"),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for path in found:
        known = read_sweep(path.parent)
        if known is not None and not known.differences(asked):
            return path.parent
    return WORK_DIRS / f"sweep_{stem}_{asked.began:%m%d}"


def _work(
    asked: Sweep, folder: Path, storage: str | None, where: list[Place], anew: bool
) -> int:
    known = read_sweep(folder)
    if known is not None:
        check_storage(known.storage, asked.storage, folder)
        _check_same(known, asked, str(folder))
    units = Units(asked)
    check_arms(units.arms)
    warnings = check_frames(asked.spec)
    folder.mkdir(parents=True, exist_ok=True)
    url = storage or default_url(folder)
    queue = SweepQueue(open_storage(url), folder)
    shown = str(without_password(url))
    sweep = queue.open(asked, direction_of(asked.spec), shown)
    _check_same(sweep, asked, f"--storage {shown}")
    if sweep.began != asked.began:  # which is in the names of the runs
        units = Units(sweep)
    queue.fill(units.all, units.space, sweep.spec.search, anew)
    table = SweepTable(queue, units.rows, sweep.spec, folder)
    for warning in warnings:
        table.say(f"warning: {warning}")
    if where:
        return _run_workers(queue, units, where, table)
    what = "points" if sweep.spec.search else "runs"
    where_else = f" --storage {shown}" if storage else ""
    table.say(
        f"{folder}: {len(units.all)} {what} are written down. Work on them: "
        f"python tools/sweep.py --join {folder}{where_else}"
    )
    return 0


def _check_same(known: Sweep, asked: Sweep, where: str) -> None:
    if differs := known.differences(asked):
        raise ValueError(
            f"{where} holds another sweep:\n  " + "\n  ".join(differs) + "\n"
            "To go on with it, give the command that it was begun with; for another, "
            "name another --out"
        )


def _run_workers(
    queue: SweepQueue, units: Units, where: list[Place], table: SweepTable
) -> int:
    stop = threading.Event()
    spec = units.sweep.spec
    workers = [
        Worker(
            queue,
            units.cells_of,
            CellRunner(spec, queue.folder, place),
            str(spec.metric),
            f"GPU {place.gpu}" if place.gpu else "cpu",
            stop,
        )
        for place in where
    ]
    with _signals_set(stop), table:
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            with suppress(optuna.exceptions.StorageInternalError):  # busy for a while
                queue.refill()
                table.update(stop.is_set())
            for worker in workers:
                worker.join(table.EVERY / len(workers))
    troubles = [worker.trouble for worker in workers if worker.trouble]
    return table.conclude(troubles)


@contextmanager
def _signals_set(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and a polite kill let runs end in order; a second Ctrl-C does not wait."""

    def on_signal(number: int, frame: Any) -> None:
        del frame
        if stop.is_set():
            os._exit(128 + number)  # the runs' processes end with this one
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [(number, signal.signal(number, on_signal)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)

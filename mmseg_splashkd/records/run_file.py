"""``run.json``: what is known of a run while it is under way, and after."""

import contextlib
import fcntl
import json
import logging
import os
import re
import socket
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.records.locks import lock
from mmseg_splashkd.records.outcome import outcome

RUN = "run.json"
VERSION = 1  # of a record
LOCK = ".run.lock"
RUNNING, KILLED = "running", "killed"
# Of a run under way alone.
OF_THE_WAY = ("pid", "hostname", "validations", "recorded")
_held: dict[Path, int] = {}  # locks of this process; a second look would free them


def hold(work_dir: Path) -> bool:
    """Keep others out of a work directory as long as this process lives.

    Returns:
        False where the drive knows no locks.

    Raises:
        FileExistsError: Another process trains there.
    """
    path = (work_dir / LOCK).resolve()
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        # Of this process alone: its data loaders must not hold it when it is killed.
        held = lock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.lockf)
    except (BlockingIOError, PermissionError) as error:
        os.close(handle)
        raise FileExistsError(
            f"work_dir={str(work_dir)!r}: another process trains there now. Name "
            f"another place by --work-dir, or wait for it"
        ) from error
    if not held:  # nor may the file say that nobody holds it
        path.unlink()
    if path in _held:
        os.close(_held[path])
    _held[path] = handle
    return held


def release(work_dir: Path) -> None:
    """Let others in again."""
    path = (work_dir / LOCK).resolve()
    if path in _held:
        os.close(_held.pop(path))


def write_run(work_dir: Path, state: Mapping[str, Any]) -> None:
    """Write ``run.json``, whole or not at all."""
    write_whole(work_dir / RUN, json.dumps(state, indent=1))


def read_run(work_dir: Path) -> dict[str, Any] | None:
    """What a work directory's run left of itself; None where there is nothing."""
    try:
        state = json.loads((work_dir / RUN).read_bytes())
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) and "id" in state else None


def line_of(state: Mapping[str, Any]) -> dict[str, Any]:
    """What of a run's state its line in the ledger holds."""
    return {key: value for key, value in state.items() if key not in OF_THE_WAY}


def pending_runs(folder: Path) -> Iterator[dict[str, Any]]:
    """Lines of runs in a folder that ended without one, which may be in a ledger."""
    for _, state in pending(folder):
        yield line_of(state)


def pending(
    folder: Path, held: Path | None = None
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Work directories and states of runs in a folder that ended without a line.

    Args:
        folder: With the work directories.
        held: One that this process has locked, so that whoever ran there is gone.
    """
    for path in sorted(folder.glob(f"*/{RUN}")):
        work_dir = path.parent
        state = read_run(work_dir)
        if state is None or state.get("version") != VERSION:
            continue
        is_running = state.get("how") == RUNNING
        if is_running and (work_dir == held or _is_dead(work_dir, state)):
            try:
                state = _killed(work_dir, state)
            except (KeyError, OSError, TypeError, ValueError) as error:
                told = f"{path} is damaged, and its run left out: {error!r}"
                print_log(told, logger="current", level=logging.WARNING)
                continue
            yield work_dir, state
        elif state.get("recorded") is False:  # the drive was full
            yield work_dir, {k: v for k, v in state.items() if k != "recorded"}


def _is_dead(work_dir: Path, state: Mapping[str, Any]) -> bool:
    """Whether the process of a run of this machine is gone."""
    if state.get("hostname") != socket.gethostname():
        return False
    path = (work_dir / LOCK).resolve()
    if path in _held:
        return False
    locked = _is_locked(path)
    return not (_is_alive(state.get("pid")) if locked is None else locked)


def _is_locked(path: Path) -> bool | None:
    """Whether a process holds a lock; None where there is none to tell."""
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        told = lock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.lockf)
    except (BlockingIOError, PermissionError):
        return True
    finally:
        os.close(handle)
    return False if told else None


def _is_alive(pid: Any) -> bool:
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def _killed(work_dir: Path, state: dict[str, Any]) -> dict[str, Any]:
    """The line of a run whose process is gone, of what it left."""
    ended = _last_sign(work_dir)
    began = datetime.fromisoformat(state["began"]).timestamp()
    iteration = max(state.get("iteration") or 0, _last_checkpoint(work_dir))
    return state | {
        "work_dir": work_dir.name,
        "how": KILLED,
        "why": f"its process {state.get('pid')} on {state.get('hostname')} is gone",
        "ended": iso(ended),
        "wall_s": round(max(ended - began, 0), 1),
        "iteration": iteration,
        **outcome(work_dir, state),
    }


def _last_sign(work_dir: Path) -> float:
    times = []
    for path in [*work_dir.iterdir(), *work_dir.glob("2*/*.log")]:
        with contextlib.suppress(OSError):
            if path.is_file() and path.name != LOCK:
                times.append(path.stat().st_mtime)
    return max(times, default=0.0)


def _last_checkpoint(work_dir: Path) -> int:
    pointer = work_dir / "last_checkpoint"
    text = pointer.read_text(encoding="utf-8") if pointer.is_file() else ""
    found = re.search(r"iter_(\d+)\.pth", text)
    return int(found[1]) if found else 0


def iso(time: float) -> str:
    """UNIX seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(time, timezone.utc).isoformat(timespec="seconds")

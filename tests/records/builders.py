"""Records that no run made."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from mmseg_splashkd.records.run_file import RUNNING, VERSION, write_run

BEGAN = "2024-05-01T08:00:00+00:00"


def record(number: int = 0, **keys: Any) -> dict[str, Any]:
    """What a line of a ledger holds, as far as readers need it."""
    return {
        "version": VERSION,
        "id": f"{number:032x}",
        "run": f"run{number}",
        "work_dir": f"run{number}",
        "began": BEGAN,
        "how": "finished",
        "code": {"version": "0.1.0"},
        **keys,
    }


def leave_run(folder: Path, number: int = 0, **keys: Any) -> Path:
    """A work directory with the ``run.json`` of a run under way."""
    state = record(number, how=RUNNING, **keys)
    work_dir = folder / state["work_dir"]
    work_dir.mkdir()
    write_run(work_dir, state)
    return work_dir


def dead_pid() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as process:
        process.wait()
    return process.pid

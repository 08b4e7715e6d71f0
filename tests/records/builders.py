"""Records without runs."""

from pathlib import Path
from typing import Any

from mmseg_splashkd.records.record import RUNNING, Code, RunRecord
from mmseg_splashkd.records.store import write_record

BEGAN = "2024-05-01T08:00:00+00:00"
GOLDEN = Path(__file__).parent / "golden"


def record(number: int = 0, **changes: Any) -> RunRecord:
    """A record with the fields that every reader needs."""
    values = {
        "id": f"{number:032x}",
        "name": f"run{number}",
        "status": "finished",
        "began": BEGAN,
        "code": Code("0.1.0"),
    }
    return RunRecord(**values | changes)


def leave_run(folder: Path, number: int = 0, **changes: Any) -> Path:
    """A work directory ``folder/run<number>`` with the record of a running run."""
    left = record(number, **{"status": RUNNING} | changes)
    work_dir = folder / f"run{number}"
    work_dir.mkdir(parents=True)
    write_record(work_dir, left)
    return work_dir

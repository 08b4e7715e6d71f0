"""Status, end and iteration of a killed run, read from the files of its folder."""

import contextlib
import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from mmseg_splashkd.records.checkpoints import pointer_text
from mmseg_splashkd.records.lock import LOCK
from mmseg_splashkd.records.record import KILLED, Metrics, RunRecord


def as_killed(record: RunRecord, work_dir: Path) -> RunRecord:
    """The record of a run that was killed.

    Its end is when the newest file of the folder was written, its iteration that of the
    last validation or checkpoint.

    Args:
        record: Record with status ``'running'``.
        work_dir: Folder of the run.
    """
    ended = _last_written(work_dir)
    began = None if record.began is None else datetime.fromisoformat(record.began)
    return replace(
        record,
        status=KILLED,
        reason=f"its process {record.pid} on {record.hostname} is gone",
        ended=None if ended is None else utc(ended),
        wall_s=began and ended and round(max(ended - began.timestamp(), 0), 1),
        iteration=max(record.iteration, _last_checkpoint(work_dir)),
        metrics=replace(record.metrics, last=_last_metrics(record)),
    )


def _last_metrics(record: RunRecord) -> Metrics | None:
    """Metrics of the last validation, which records of version 1 add at the end."""
    return record.validations[max(record.validations)] if record.validations else None


def _last_written(work_dir: Path) -> float | None:
    times = []
    for path in [*work_dir.iterdir(), *work_dir.glob("2*/*.log")]:
        with contextlib.suppress(OSError):
            if path.is_file() and path.name != LOCK:
                times.append(path.stat().st_mtime)
    return max(times, default=None)


def _last_checkpoint(work_dir: Path) -> int:
    match = re.search(r"iter_(\d+)\.pth", pointer_text(work_dir))
    return int(match[1]) if match else 0


def utc(time: float) -> str:
    """UNIX seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(time, timezone.utc).isoformat(timespec="seconds")

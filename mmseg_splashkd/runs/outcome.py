"""What a run has left in its work directory: weights, metrics, counts of frames."""

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mmseg_splashkd.checkpoint import SUFFIX, read_checkpoint, tensors_sha256
from mmseg_splashkd.hooks.frame_scores_hook import BEST, FOLDER, LAST
from mmseg_splashkd.hooks.teacher_report import read_report
from mmseg_splashkd.records.record import BestAndLast, Metrics, RunRecord, Weights

SLACK = 2.0  # seconds: the resolution of time stamps of some drives
SCORES = {"best": f"{FOLDER}/{BEST}", "last": f"{FOLDER}/{LAST}"}


def with_outcome(record: RunRecord, work_dir: Path) -> RunRecord:
    """A record with ``metrics``, ``scores``, ``weights`` and the teacher's report.

    Files that are older than the start of a run that did not resume are of an earlier
    run in the same folder, and are not taken.

    Args:
        record: Record with name, ``began``, ``resumed``, ``teacher``, ``validations``.
        work_dir: Folder of the run.
    """
    best, best_iteration = _weights(work_dir, record, "best")
    last, _ = _weights(work_dir, record, "last")
    validations = record.validations
    teacher = record.teacher
    return replace(
        record,
        metrics=BestAndLast(
            None if best_iteration is None else validations.get(best_iteration),
            validations[max(validations)] if validations else None,
        ),
        scores=BestAndLast(
            **{
                kind: path if _is_own(work_dir / path, record) else None
                for kind, path in SCORES.items()
            }
        ),
        weights=BestAndLast(best, last),
        teacher=teacher and replace(teacher, report=read_report(work_dir)),
    )


def _weights(
    work_dir: Path, record: RunRecord, kind: str
) -> tuple[Weights | None, int | None]:
    """Weights and their iteration; None where there are none."""
    path = work_dir / f"weights_{record.name}_{kind}{SUFFIX}"
    if not _is_own(path, record):
        path = _checkpoint(work_dir, kind)
        if path is None or not _is_own(path, record):
            return None, None
    try:
        sha256, iteration = _read(path, path.stat().st_mtime_ns)
    except ValueError:  # killed while it was written
        return None, None
    return Weights(path.name, sha256), iteration


@functools.lru_cache(maxsize=8)
def _read(path: Path, _mtime_ns: int) -> tuple[str, int | None]:
    """Hash and iteration of weights; of the best, at every validation, once."""
    checkpoint = read_checkpoint(path, own=True)
    return tensors_sha256(checkpoint["state_dict"]), checkpoint["meta"].get("iter")


def _checkpoint(work_dir: Path, kind: str) -> Path | None:
    """The checkpoint of mmengine, where no weights were exported."""
    counted = r"(iter|epoch)_\d+\.pth"
    pattern = re.compile(f"best_.*{counted}" if kind == "best" else counted)
    paths = [path for path in work_dir.glob("*.pth") if pattern.fullmatch(path.name)]
    return max(paths, key=lambda path: path.stat().st_mtime, default=None)


def _is_own(path: Path, record: RunRecord) -> bool:
    """Whether a file exists and is of this run."""
    if not path.is_file():
        return False
    if record.resumed or record.began is None:
        return True
    began = datetime.fromisoformat(record.began).timestamp()
    return path.stat().st_mtime >= began - SLACK


def weights_sha256(path: str | Path) -> str:
    """Hash of the tensors of a file of weights."""
    return tensors_sha256(read_checkpoint(path, own=True)["state_dict"])


def plain_metrics(metrics: Mapping[str, Any]) -> Metrics:
    """Metrics as JSON can hold them: None for what is not a finite number."""
    return {name: _plain(value) for name, value in metrics.items()}


def _plain(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None

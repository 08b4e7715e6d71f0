"""Probable label errors: labels that contradict held-out predictions."""

from mmseg_splashkd.label_errors.find import (
    LabelError,
    LabelErrors,
    find_label_errors,
    write_findings,
)
from mmseg_splashkd.label_errors.held_out import FoldRun, open_runs
from mmseg_splashkd.label_errors.regions import ErrorRegion

__all__ = [
    "ErrorRegion",
    "FoldRun",
    "LabelError",
    "LabelErrors",
    "find_label_errors",
    "open_runs",
    "write_findings",
]

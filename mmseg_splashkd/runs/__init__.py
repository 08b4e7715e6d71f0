"""Training, testing and repeating runs."""

from mmseg_splashkd.runs.recorded_runner import RecordedRunner
from mmseg_splashkd.runs.runner import SafeRunner

__all__ = ["RecordedRunner", "SafeRunner"]

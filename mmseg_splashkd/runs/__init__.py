"""Training, testing and repeating runs."""

from mmseg_splashkd.runs.runner import SafeRunner

__all__ = ["SafeRunner"]

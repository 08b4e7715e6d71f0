"""Data set check: findings in the terminal and on an HTML page."""

from mmseg_splashkd.report.dataset.check import check_dataset

__all__ = ["check_dataset"]

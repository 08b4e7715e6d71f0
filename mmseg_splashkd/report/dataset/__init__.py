"""The doctor for data sets: what it examines, what it found, a page to look at."""

from mmseg_splashkd.report.dataset.check import check_dataset

__all__ = ["check_dataset"]

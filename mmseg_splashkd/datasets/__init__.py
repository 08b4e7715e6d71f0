"""Data sets of time-stamped frames: reading, splitting, checking and augmenting."""

from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.transforms import (
    Albumentations,
    AppendImage,
    CheckShapes,
    LoadGrayLabels,
    MedianBlur,
)
from mmseg_splashkd.datasets.views import ViewDataset, ViewSampler

__all__ = [
    "Albumentations",
    "AppendImage",
    "CheckShapes",
    "LoadGrayLabels",
    "MedianBlur",
    "TimeSplitDataset",
    "ViewDataset",
    "ViewSampler",
]

"""What a sample is: frames over time, their labels and their views."""

from mmseg_splashkd.datasets.loading import LoadGrayLabels
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.transforms import Albumentations, CheckShapes, MedianBlur
from mmseg_splashkd.datasets.views import ViewDataset, ViewSampler

__all__ = [
    "Albumentations",
    "CheckShapes",
    "LoadGrayLabels",
    "MedianBlur",
    "TimeSplitDataset",
    "ViewDataset",
    "ViewSampler",
]

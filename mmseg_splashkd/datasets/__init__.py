"""Data sets of time-stamped frames: reading, splitting, checking and augmenting."""

from mmseg_splashkd.datasets.grasp_dataset import GraspDataset
from mmseg_splashkd.datasets.rare_class_sampler import RareClassSampler
from mmseg_splashkd.datasets.source_target import SourceTargetDataset
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from mmseg_splashkd.datasets.transforms import (
    Albumentations,
    AppendImage,
    CheckShapes,
    LoadGraspMaps,
    LoadGrayLabels,
    MedianBlur,
    PackGraspInputs,
)
from mmseg_splashkd.datasets.views import ViewDataset, ViewSampler

__all__ = [
    "Albumentations",
    "AppendImage",
    "CheckShapes",
    "GraspDataset",
    "LoadGraspMaps",
    "LoadGrayLabels",
    "MedianBlur",
    "PackGraspInputs",
    "RareClassSampler",
    "SourceTargetDataset",
    "TimeSplitDataset",
    "ViewDataset",
    "ViewSampler",
]

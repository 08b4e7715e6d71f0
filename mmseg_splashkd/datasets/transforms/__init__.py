"""Pipeline transforms that MMSegmentation does not have."""

from mmseg_splashkd.datasets.transforms.albumentations import Albumentations
from mmseg_splashkd.datasets.transforms.append_image import AppendImage
from mmseg_splashkd.datasets.transforms.check_shapes import CheckShapes
from mmseg_splashkd.datasets.transforms.each_frame import EachFrame
from mmseg_splashkd.datasets.transforms.grasp_maps import (
    LoadGraspMaps,
    PackGraspInputs,
)
from mmseg_splashkd.datasets.transforms.load_clip import LoadClip
from mmseg_splashkd.datasets.transforms.load_gray_labels import LoadGrayLabels
from mmseg_splashkd.datasets.transforms.load_image_once import LoadImageOnce
from mmseg_splashkd.datasets.transforms.median_blur import MedianBlur

__all__ = [
    "Albumentations",
    "AppendImage",
    "CheckShapes",
    "EachFrame",
    "LoadClip",
    "LoadGraspMaps",
    "LoadGrayLabels",
    "LoadImageOnce",
    "MedianBlur",
    "PackGraspInputs",
]

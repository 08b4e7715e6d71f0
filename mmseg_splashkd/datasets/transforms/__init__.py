"""Transforms that the recipes name and that the host lacks."""

from mmseg_splashkd.datasets.transforms.albumentations import Albumentations
from mmseg_splashkd.datasets.transforms.check_shapes import CheckShapes
from mmseg_splashkd.datasets.transforms.median_blur import MedianBlur

__all__ = ["Albumentations", "CheckShapes", "MedianBlur"]

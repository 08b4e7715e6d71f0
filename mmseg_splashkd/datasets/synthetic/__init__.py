"""Synthetic videos of fish farms with pixel-exact ground truth."""

from mmseg_splashkd.datasets.synthetic.farms import FARMS
from mmseg_splashkd.datasets.synthetic.video import VERSION, draw_pond
from mmseg_splashkd.datasets.synthetic.weather import WEATHERS

__all__ = ["FARMS", "VERSION", "WEATHERS", "draw_pond"]

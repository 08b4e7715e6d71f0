"""Synthetic videos of fish farms, and grasps, with exact ground truth."""

from mmseg_splashkd.datasets.synthetic.farms import FARMS
from mmseg_splashkd.datasets.synthetic.grasps import draw_grasps
from mmseg_splashkd.datasets.synthetic.video import VERSION, draw_pond
from mmseg_splashkd.datasets.synthetic.weather import WEATHERS

__all__ = ["FARMS", "VERSION", "WEATHERS", "draw_grasps", "draw_pond"]

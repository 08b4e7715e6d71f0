"""Converters of foreign data sets to frames, gray labels and a table."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from mmseg_splashkd.datasets.converters import (
    camvid,
    cityscapes,
    coco,
    masks,
    paired,
    video,
    wildscenes,
)
from mmseg_splashkd.datasets.converters.item import Item


class Converter(NamedTuple):
    """Reader of a foreign format.

    Attributes:
        read: Lists the frames of a folder; further arguments are options.
        label_coding: Name of the default label coding.
        help: Description in one line.
        layout: Expected layout of the source.
        paints: Whether ``read`` paints the labels and takes the label coding as
            ``coding``; False by default.
    """

    read: Callable[..., Iterable[Item]]
    label_coding: str
    help: str
    layout: str
    paints: bool = False


CONVERTERS = {
    "wildscenes": Converter(
        wildscenes.read_wildscenes,
        "wildscenes",
        "WildScenes 2D: natural scenes over time",
        wildscenes.LAYOUT,
    ),
    "camvid": Converter(
        camvid.read_camvid,
        "camvid",
        "CamVid in 11 classes, as in SegNet's tutorial",
        camvid.LAYOUT,
    ),
    "cityscapes": Converter(
        cityscapes.read_cityscapes,
        "cityscapes",
        "Cityscapes and data sets in its layout",
        cityscapes.LAYOUT,
    ),
    "coco": Converter(
        coco.read_coco,
        "trash",
        "COCO annotations: polygons and run lengths",
        coco.LAYOUT,
        paints=True,
    ),
    "masks": Converter(
        masks.read_masks,
        "splash",
        "exports of CVAT (masks) and Label Studio (JSON, masks)",
        masks.LAYOUT,
        paints=True,
    ),
    "pairs": Converter(
        paired.read_pairs,
        "splash",
        "pairs of pictures and masks in any layout",
        paired.LAYOUT,
        paints=True,
    ),
    "video": Converter(
        video.read_video,
        "splash",
        "videos, unlabelled",
        "Expected a video, or a folder of videos, one recording each.",
    ),
}

"""Converters: foreign data sets -> frames, gray labels and their table."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from mmseg_splashkd.datasets.converters import (
    camvid,
    cityscapes,
    coco,
    masks,
    video,
    wildscenes,
)
from mmseg_splashkd.datasets.converters.item import Item


class Converter(NamedTuple):
    """How a foreign format is read.

    Args:
        read: Lists the frames of a folder; further arguments are its options.
        label_coding: The label coding that its labels have by default.
        help: One line.
        layout: What the source must look like.
        paints: Its labels are drawn, so ``read`` takes the label coding as ``coding``.
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
        "Cityscapes and data sets in its style",
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
        "masks as CVAT and Label Studio export them",
        masks.LAYOUT,
        paints=True,
    ),
    "video": Converter(
        video.read_video,
        "splash",
        "frames of videos, unlabelled",
        "Expected a video, or a folder of videos, each of which is a recording.",
    ),
}

"""COCO segmentations, polygons or run lengths: validation and painting."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmseg_splashkd.datasets.converters.pictures import Size
from mmseg_splashkd.extras import import_extra

MASK = "pycocotools.mask", "COCO annotations"


@dataclass(frozen=True)
class Shape:
    """One annotation.

    Args:
        source: The file and the annotation's id, for error messages.
        id: The annotation's id.
        gray: Gray value to paint it with, in [0, 255].
        segmentation: Polygons, each a list x, y, x, y, ... of at least three points in
            pixels, or run lengths: ``size`` (H, W) and ``counts``, a list or compressed
            text.
    """

    source: str
    id: int
    gray: int
    segmentation: Any


def check_shape(shape: Shape, size: Size) -> None:
    """Reject segmentations that pycocotools paints wrongly without an error.

    Args:
        shape: The annotation.
        size: (W, H) of its image.

    Raises:
        ValueError: There is no segmentation; a polygon has an odd number of
            coordinates, fewer than three points, or a point far outside the image; or
            the run lengths do not fit the image.
    """
    segmentation = shape.segmentation
    if isinstance(segmentation, dict):
        _check_runs(segmentation, size, shape.source)
    elif not isinstance(segmentation, list) or not segmentation:
        raise ValueError(
            f"{shape.source}: segmentation {segmentation!r} is empty or neither a list "
            f"of polygons nor run lengths; a bounding box is not a label"
        )
    else:
        for polygon in segmentation:
            _check_polygon(polygon, size, shape.source)


def _check_polygon(polygon: Any, size: Size, source: str) -> None:
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        count = len(polygon) if isinstance(polygon, list) else repr(polygon)
        raise ValueError(
            f"{source}: a polygon needs x, y of at least three points, an even number "
            f"of coordinates; got {count}"
        )
    try:
        points = np.array(polygon, float).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: polygon {polygon[:6]}...: {error}") from error
    near = (points >= -np.array(size)) & (points <= 2 * np.array(size))
    if not near.all():  # NaN is not near either
        x, y = points[~near.all(1)][0]
        raise ValueError(
            f"{source}: a polygon's point ({x:g}, {y:g}) is far from the image of "
            f"width and height {size}"
        )


def _check_runs(runs: dict, size: Size, source: str) -> None:
    if not isinstance(runs.get("counts"), list | str):
        raise ValueError(f"{source}: run lengths lack counts: they have {sorted(runs)}")
    if runs.get("size") != [size[1], size[0]]:
        raise ValueError(
            f"{source}: run lengths of size {runs.get('size')} (height, width) do not "
            f"fit the image of height and width {[size[1], size[0]]}"
        )
    counts = runs["counts"]
    counts = _decompress(counts) if isinstance(counts, str) else counts
    # pycocotools leaves pixels beyond the last run uninitialized.
    whole = all(isinstance(count, int) and count >= 0 for count in counts)
    if not whole or sum(counts) != size[0] * size[1]:
        raise ValueError(
            f"{source}: run lengths must be integers of at least 0 whose sum is the "
            f"{size[0] * size[1]} pixels of the image"
        )


def _decompress(text: str) -> list[int]:
    """Decode COCO's compressed run lengths: five bits per character, lowest first.

    From the fourth on, numbers are stored as the difference to the one two before.
    """
    counts: list[int] = []
    value = shift = 0
    for code in text.encode():
        bits = code - 48
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:  # last character of the number
            if bits & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts if shift == 0 else []


def paint_shapes(shapes: Sequence[Shape], size: Size, background: int) -> np.ndarray:
    """Paint annotations into a gray label, largest first.

    Args:
        shapes: Annotations of one image that pass ``check_shape``.
        size: (W, H) of the image.
        background: Gray value of pixels without annotation, in [0, 255].

    Returns:
        (H, W) uint8 gray values.
    """
    mask = import_extra(*MASK)
    runs = [_runs_of(shape, size) for shape in shapes]
    areas = [int(mask.area(run)) for run in runs]
    order = sorted(range(len(runs)), key=lambda i: (-areas[i], shapes[i].id))
    label = np.full((size[1], size[0]), background, np.uint8)
    for i in order:
        label[mask.decode(runs[i]).astype(bool)] = shapes[i].gray
        if not areas[i]:
            text = f"{shapes[i].source} covers no pixel of its image"
            print_log(text, "current", logging.WARNING)
    return label


def _runs_of(shape: Shape, size: Size) -> dict:
    """Compressed run lengths; the polygons of one annotation are merged."""
    mask, segmentation = import_extra(*MASK), shape.segmentation
    if isinstance(segmentation, list):
        return mask.merge(mask.frPyObjects(segmentation, size[1], size[0]))
    if isinstance(segmentation["counts"], list):
        return mask.frPyObjects(segmentation, size[1], size[0])
    return {**segmentation, "counts": segmentation["counts"].encode()}

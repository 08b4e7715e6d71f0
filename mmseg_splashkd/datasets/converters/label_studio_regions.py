"""Label Studio's regions: brush strokes, polygons, ellipses and rectangles."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmseg_splashkd.datasets.converters.label_studio_runs import decode_opacity
from mmseg_splashkd.datasets.converters.outlines import (
    Size,
    ellipse_mask,
    polygon_mask,
    rectangle_mask,
)

HALF = 128  # opacity threshold; the brush has soft edges
SHAPES = ("brush", "polygon", "ellipse", "rectangle")
# Fields of ``value`` from which a shape is known; JSON-MIN does not have the type.
FIELDS = {
    "brush": ("rle",),
    "polygon": ("points",),
    "ellipse": ("x", "y", "radiusX", "radiusY"),
    "rectangle": ("x", "y", "width", "height"),
}
# Answers about a picture or a region, which paint nothing.
ANSWERS = ("choices", "textarea", "rating", "number", "taxonomy", "datetime")
ANSWERS = (*ANSWERS, "relation", "pairwise", "ranker", "paragraphs")


@dataclass(frozen=True)
class Region:
    """One region of an annotation.

    Args:
        source: Task, region and type, for error messages.
        shape: One of ``SHAPES``.
        name: Foreign class name.
        value: Fields of the shape; coordinates are percent of the picture's size.
        size: (W, H) of the picture on which it was drawn, in pixels.
    """

    source: str
    shape: str
    name: str
    value: Mapping[str, Any]
    size: Size

    @property
    def has_pixels(self) -> bool:
        """Whether the shape can be painted; a brush may lack its run lengths."""
        return self.shape != "brush" or "rle" in self.value

    def mask(self) -> np.ndarray:
        """(H, W) bool: the pixels whose centre, or half of whose opacity, it covers.

        Raises:
            ValueError: Its numbers are missing or invalid.
        """
        return self._drawn()()

    def check(self) -> None:
        """Check the numbers of an outline; run lengths are checked by ``mask``.

        Raises:
            ValueError: Its numbers are missing or invalid.
        """
        if self.shape != "brush":
            self._drawn()

    def _drawn(self) -> Callable[[], np.ndarray]:
        """Function that rasterises the shape, with checked numbers."""
        try:
            if self.shape == "brush":
                opacity = decode_opacity(self.value["rle"], self.size)
                return lambda: opacity >= HALF
            if self.shape == "polygon":
                return partial(polygon_mask, self._points(), self.size)
            anchor = (self._pixels("x", 0), self._pixels("y", 1))
            rotation = float(self.value.get("rotation") or 0)
            if self.shape == "ellipse":
                radii = self._length("radiusX", 0), self._length("radiusY", 1)
                return partial(ellipse_mask, anchor, radii, rotation, self.size)
            sides = self._length("width", 0), self._length("height", 1)
            return partial(rectangle_mask, anchor, *sides, rotation, self.size)
        except KeyError as error:
            raise ValueError(f"{self.source} lacks {error}") from error
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.source}: {error}") from error

    def _points(self) -> np.ndarray:
        points = np.array(self.value["points"], float)
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
            raise ValueError(f"a polygon needs three points, it has {len(points)}")
        if not np.isfinite(points).all():
            raise ValueError("a point is not a number")
        if self.value.get("closed") is False:
            raise ValueError("the polygon is not closed")
        return points * np.array(self.size) / 100

    def _pixels(self, field: str, axis: int) -> float:
        value = float(self.value[field]) * self.size[axis] / 100
        if not np.isfinite(value):
            raise ValueError(f"{field} is {value}")
        return value

    def _length(self, field: str, axis: int) -> float:
        if (value := self._pixels(field, axis)) <= 0:
            raise ValueError(f"{field} must be above 0, it is {value:g} pixels")
        return value


@dataclass(frozen=True)
class RegionLabel:
    """Label of one picture, painted when called: later regions over earlier ones.

    Args:
        regions: Regions in the order of the export.
        grays: Gray value of each class, in [0, 255].
        size: (W, H) of the picture.
        background: Gray value of pixels outside all regions.
    """

    regions: tuple[Region, ...]
    grays: Mapping[str, int]
    size: Size
    background: int

    def __call__(self) -> np.ndarray:
        """Return (H, W) uint8 gray values.

        Raises:
            ValueError: A region cannot be painted.
        """
        label = np.full(self.size[::-1], self.background, np.uint8)
        for region in self.regions:
            mask = region.mask()
            label[mask] = self.grays[region.name]
            if not mask.any():
                print_log(
                    f"{region.source} covers no pixel", "current", logging.WARNING
                )
        return label


def read_regions(results: Sequence[Any], source: str) -> tuple[Region, ...]:
    """Read the results of an annotation; answers, such as choices, are no regions.

    Args:
        results: Results of the JSON export, or values of the JSON-MIN export.
        source: Export and task, for error messages.

    Returns:
        The regions in the order of the results.

    Raises:
        ValueError: A region is of a type that paints no pixels of a picture, has not
            exactly one class, is hidden, turned, of a part of the picture or of
            several, or lacks the picture's size.
    """
    found = [_read(result, source) for result in _without_halves(results)]
    regions = tuple(region for region, _ in found if region)
    pictures = sorted({target for region, target in found if region and target})
    if len(pictures) > 1:
        raise ValueError(
            f"{source} has regions on several pictures, {pictures}: export one picture "
            f"a task"
        )
    return regions


def _without_halves(results: Iterable[Any]) -> list[Mapping[str, Any]]:
    """Results without the shape of a region whose class is a second result.

    The tags ``Labels`` and ``Polygon`` write two results of one id: the shape, and the
    shape with its class.
    """
    rows = [result for result in results if isinstance(result, Mapping)]
    named = {row.get("id") for row in rows if _names(row)} - {None}
    return [row for row in rows if _names(row) or row.get("id") not in named]


def _value(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fields of a result; in JSON-MIN the result is its own value."""
    value = row.get("value", row)
    # Versions before 1.0 had the run lengths beside the value.
    return {**row, **value} if isinstance(value, Mapping) else row


def _names(row: Mapping[str, Any]) -> list[str]:
    value = _value(row)
    keys = [key for key in value if key == "labels" or key.endswith("labels")]
    lists = (value[key] for key in keys if isinstance(value[key], list))
    return [str(name) for names in lists for name in names]


def _read(row: Mapping[str, Any], source: str) -> tuple[Region | None, str | None]:
    value = _value(row)
    kind = _kind(row, value)
    shape = _shape(kind, value)
    if shape is None and (kind in ANSWERS or not kind):
        return None, None
    where = f"{source}, region {row.get('id', '?')} of type {kind or shape!r}"
    if shape is None:
        raise ValueError(
            f"{where} is not an area: {', '.join(SHAPES)} are read. Remove it, or "
            f"leave the label of the task out with --skip-bad"
        )
    names = _names(row)
    if shape == "brush" and "rle" not in value:  # its PNG has class and size
        return Region(where, shape, "", value, (0, 0)), None
    if len(names) != 1:
        raise ValueError(f"{where} has the classes {names}: give it one")
    if value.get("image_rotation"):
        turn = value["image_rotation"]
        raise ValueError(f"{where} was drawn on a picture turned by {turn} degrees")
    if value.get("hidden"):
        raise ValueError(f"{where} is hidden: show or delete it in Label Studio")
    if value.get("item_index"):
        raise ValueError(f"{where} is on page {value['item_index']} of several")
    size = value.get("original_width"), value.get("original_height")
    if not all(isinstance(length, int) and length > 0 for length in size):
        raise ValueError(f"{where}: original_width and original_height are {size}")
    region = Region(where, shape, names[0], value, (int(size[0]), int(size[1])))  # pyright: ignore[reportArgumentType]
    return region, row.get("to_name")


def _kind(row: Mapping[str, Any], value: Mapping[str, Any]) -> str:
    """Type of a result, in lower case; in JSON-MIN that of its answer or classes."""
    if "type" in row:
        return str(row["type"]).lower()
    keys = [key for key in value if key in ANSWERS or key.endswith("labels")]
    return keys[0] if keys else ""


def _shape(kind: str, value: Mapping[str, Any]) -> str | None:
    """Shape of a result by its type; by its fields if its type is none of a shape."""
    if (named := kind.removesuffix("labels")) in SHAPES:
        return named
    if kind not in ("", "labels") or "time" in value or "sequence" in value:
        return None
    for shape, fields in FIELDS.items():
        if all(field in value for field in fields):
            return shape
    return None

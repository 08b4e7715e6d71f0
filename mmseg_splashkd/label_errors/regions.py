"""Connected regions of suspicious pixels, their kind and their evidence."""

from collections.abc import Iterator
from typing import NamedTuple, cast

import numpy as np
from scipy import ndimage

from mmseg_splashkd.evaluation.components import connected
from mmseg_splashkd.label_errors.quality import LabelQuality

AGREED = 0.1
MIN_SHARE = 0.0005  # fraction of a frame: 30 pixels of 320x192, 520 of 1024x1024
KINDS = ("missing", "false", "edge", "other")


class Box(NamedTuple):
    """A rectangle in pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int


class ErrorRegion(NamedTuple):
    """A connected region whose label is probably wrong.

    Attributes:
        kind: ``'missing'``: the focus class is present and not labelled; ``'false'``:
            it is labelled and not present; ``'edge'``: it is labelled too wide, too
            narrow or displaced; ``'other'``: errors between other classes.
        given: Class of the label.
        suggested: Class that the model predicts.
        box: Bounding box.
        pixels: Area in pixels.
        depth: Largest distance from a pixel of the region to its boundary, in pixels: 1
            for a line, half the width of a band.
        score: Evidence in pixels: sum over the pixels of p(suggested) - p(given).
        mask: (bottom - top, right - left) bool, the pixels of the region in the box.
    """

    kind: str
    given: int
    suggested: int
    box: Box
    pixels: int
    depth: float
    score: float
    mask: np.ndarray


def find_regions(
    label: np.ndarray, quality: LabelQuality, focus: int, min_share: float = MIN_SHARE
) -> list[ErrorRegion]:
    """Suspicious regions of a frame, by descending score.

    Suspicious pixels with the same label and the same most likely class that are
    8-connected form a region. Its kind is ``'edge'`` if label and prediction agree in
    at least a tenth of the connected area of the focus class, in the label or in the
    prediction, that it belongs to; else the whole area is missing or false.

    Args:
        label: (H, W) in [0, C) or 255.
        quality: Quality of the label.
        focus: trainId of the focus class.
        min_share: Smaller regions are omitted; a fraction of the pixels of the frame.
    """
    areas = _Areas(label, quality.predicted, focus)
    least = min_share * label.size
    found = []
    for given, suggested in _pairs(label, quality):
        mask = quality.suspicious & (label == given) & (quality.predicted == suggested)
        for pixels, box in _components(mask):
            if pixels.sum() >= least:
                kind = areas.kind_of(given, suggested, pixels, box)
                found.append(_region(kind, (given, suggested), box, pixels, quality))
    return sorted(found, key=lambda region: -region.score)


def _pairs(label: np.ndarray, quality: LabelQuality) -> Iterator[tuple[int, int]]:
    """Distinct pairs of given and suggested class of the suspicious pixels."""
    at = quality.suspicious
    pairs = np.unique(np.stack([label[at], quality.predicted[at]], 1), axis=0)
    yield from ((int(given), int(suggested)) for given, suggested in pairs)


def _components(mask: np.ndarray) -> Iterator[tuple[np.ndarray, Box]]:
    """Mask within its bounding box, and the box, of each connected area."""
    numbered = connected(mask)
    for number, places in enumerate(ndimage.find_objects(numbered), 1):
        rows, columns = places
        box = Box(columns.start, rows.start, columns.stop, rows.stop)
        yield numbered[places] == number, box


def _region(
    kind: str,
    pair: tuple[int, int],
    box: Box,
    pixels: np.ndarray,
    quality: LabelQuality,
) -> ErrorRegion:
    margins = quality.quality[box.top : box.bottom, box.left : box.right][pixels]
    distance = ndimage.distance_transform_edt(np.pad(pixels, 1))
    return ErrorRegion(
        kind=kind,
        given=pair[0],
        suggested=pair[1],
        box=box,
        pixels=len(margins),
        depth=float(np.max(cast("np.ndarray", distance))),
        score=float((1 - 2 * margins).sum()),
        mask=pixels,
    )


class _Areas:
    """Connected areas of the focus class in the label and in the prediction."""

    def __init__(self, label: np.ndarray, predicted: np.ndarray, focus: int) -> None:
        self.focus = focus
        agreed = (label == focus) & (predicted == focus)
        self.given, self.given_share = _numbered(label == focus, agreed)
        self.predicted, self.predicted_share = _numbered(predicted == focus, agreed)

    def kind_of(self, given: int, suggested: int, pixels: np.ndarray, box: Box) -> str:
        if self.focus not in (given, suggested):
            return "other"
        of_label = given == self.focus
        numbered = self.given if of_label else self.predicted
        shares = self.given_share if of_label else self.predicted_share
        inside = numbered[box.top : box.bottom, box.left : box.right]
        number = inside[pixels][0]  # connected pixels lie in one area
        if shares[number] >= AGREED:
            return "edge"
        return "false" if of_label else "missing"


def _numbered(mask: np.ndarray, agreed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the connected area of each pixel, and the agreed fraction of each."""
    numbered = connected(mask)
    sizes = np.bincount(numbered.ravel())
    hits = np.bincount(numbered[agreed], minlength=len(sizes))
    return numbered, hits / np.maximum(sizes, 1)

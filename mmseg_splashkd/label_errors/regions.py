"""Suspicious pixels that hang together, what is wrong there, and how sure that is."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from mmseg_splashkd.label_errors.inspection import Verdict

AGREED = 0.1
MIN_SHARE = 0.0005  # half a thousandth: 30 pixels of 320x192, 520 of 1024x1024
KINDS = ("missing", "false", "edge", "other")


class Box(NamedTuple):
    """A rectangle of pixels; right and bottom are just outside."""

    left: int
    top: int
    right: int
    bottom: int


class ErrorRegion(NamedTuple):
    """A connected area whose label is probably wrong.

    Attributes:
        kind: ``'missing'``: the class looked at is there and not labelled; ``'false'``:
            it is labelled and not there; ``'edge'``: it is labelled too wide or too
            narrow, or beside its place; ``'other'``: it is not concerned.
        given: Class of the label.
        suggested: Class that the model sees.
        box: Around it.
        pixels: Its area.
        depth: Largest distance from one of its pixels to its outside, in pixels: 1 for
            a line, 1/2 of the width of a band.
        score: Its evidence, in pixels: the sum over them of how much more likely the
            suggested class is than the given one.
        mask: (bottom - top, right - left) bool, its pixels in the box.
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
    label: np.ndarray, verdict: Verdict, focus: int, min_share: float = MIN_SHARE
) -> list[ErrorRegion]:
    """Regions of a frame, the surest first.

    Suspicious pixels that touch, by a corner at least, and have the same label and the
    same most likely class are one region. It is at an edge where the area of the label
    (of the class looked at) or of the prediction that it belongs to is agreed upon in a
    tenth of its pixels; else the whole area is missing or false.

    Args:
        label: (H, W) in [0, C) or 255.
        verdict: Of the frame.
        focus: trainId of the class looked at.
        min_share: Smaller regions are left out, as a share of the frame's pixels.

    Raises:
        ImportError: SciPy is not installed.
    """
    areas = _Areas(label, verdict.predicted, focus)
    least = min_share * label.size
    found = []
    for given, suggested in _pairs(label, verdict):
        mask = verdict.suspicious & (label == given) & (verdict.predicted == suggested)
        for pixels, box in _components(mask):
            if pixels.sum() >= least:
                kind = areas.kind_of(given, suggested, pixels, box)
                found.append(_region(kind, (given, suggested), box, pixels, verdict))
    return sorted(found, key=lambda region: -region.score)


def _pairs(label: np.ndarray, verdict: Verdict) -> Iterator[tuple[int, int]]:
    """Given and suggested class of the suspicious pixels, each pair once."""
    at = verdict.suspicious
    pairs = np.unique(np.stack([label[at], verdict.predicted[at]], 1), axis=0)
    yield from ((int(given), int(suggested)) for given, suggested in pairs)


def _components(mask: np.ndarray) -> Iterator[tuple[np.ndarray, Box]]:
    """Each connected area within its box, and the box."""
    numbered, _ = _ndimage().label(mask, structure=np.ones((3, 3)))
    for number, places in enumerate(_ndimage().find_objects(numbered), 1):
        rows, columns = places
        box = Box(columns.start, rows.start, columns.stop, rows.stop)
        yield numbered[places] == number, box


def _region(
    kind: str, pair: tuple[int, int], box: Box, pixels: np.ndarray, verdict: Verdict
) -> ErrorRegion:
    quality = verdict.quality[box.top : box.bottom, box.left : box.right][pixels]
    depth = _ndimage().distance_transform_edt(np.pad(pixels, 1)).max()
    return ErrorRegion(
        kind=kind,
        given=pair[0],
        suggested=pair[1],
        box=box,
        pixels=len(quality),
        depth=float(depth),
        score=float((1 - 2 * quality).sum()),
        mask=pixels,
    )


class _Areas:
    """Connected areas of the class looked at, in the label and in the prediction."""

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
    """Connected areas by number, and the share of each that is agreed upon."""
    numbered, count = _ndimage().label(mask, structure=np.ones((3, 3)))
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)
    hits = np.bincount(numbered[agreed], minlength=count + 1)
    return numbered, hits / np.maximum(sizes, 1)


def _ndimage() -> Any:
    try:
        from scipy import ndimage
    except ImportError as error:
        raise ImportError(
            "looking for wrong labels needs SciPy, which comes with cleanlab: pip "
            "install 'mmseg_splashkd[labels]'"
        ) from error
    return ndimage

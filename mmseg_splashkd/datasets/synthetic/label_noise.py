"""Labels made wrong in known ways, to measure a finder of label errors."""

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np

CALM_KINDS = ("false", "stale")
BURST_KINDS = ("missed", "shifted", "dilated", "eroded", "stale")
SHIFT, GROWTH, GLARE = 0.06, 0.015, 0.10  # reaches, of the shorter side of the image


def plan_errors(
    labelled: Sequence[int],
    bursts: Sequence[int | None],
    share: float,
    rng: np.random.Generator,
) -> dict[int, str]:
    """Choose the frames whose label is to be wrong, and how.

    The kinds are: ``missed`` a burst is erased; ``false`` a patch of glare is marked;
    ``shifted``, ``dilated`` and ``eroded`` the mask is moved, grown or shrunk;
    ``stale`` the frame has the label of another burst.

    Args:
        labelled: Frames that have a label.
        bursts: Number of the burst in each frame, None in a calm one.
        share: Of the labelled frames, in [0, 1].
        rng: Chooses.

    Returns:
        Frame -> kind, in time order. Of the kinds that a frame allows, it has the
        rarest so far.
    """
    count = round(share * len(labelled))
    taken: Counter[str] = Counter()
    kinds = {}
    for frame in rng.permutation(labelled)[:count].tolist():
        choices = CALM_KINDS if bursts[frame] is None else BURST_KINDS
        kinds[frame] = min(choices, key=lambda kind: taken[kind])
        taken[kinds[frame]] += 1
    return dict(sorted(kinds.items()))


def stale_source(frame: int, bursts: Sequence[int | None]) -> int:
    """The frame whose label is left over: the last of another burst.

    Where no other burst is over yet, the first frame of the next one.
    """
    others = [i for i, burst in enumerate(bursts) if burst not in (None, bursts[frame])]
    return max((i for i in others if i < frame), default=others[0])


def spoil(
    kind: str,
    mask: np.ndarray,
    *,
    image: np.ndarray,
    water: np.ndarray,
    stale: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Make a mask wrong.

    Args:
        kind: One of ``CALM_KINDS`` or ``BURST_KINDS``.
        mask: (H, W) bool, splash as drawn.
        image: (H, W, 3) uint8 frame; its glare draws a false splash.
        water: (H, W) bool, where splash can be.
        stale: (H, W) bool, the mask of the stale source.
        rng: Draws the direction of a shift.

    Returns:
        (H, W) bool, unlike ``mask`` in one pixel at least.
    """
    side = min(mask.shape)
    if kind == "missed":
        return np.zeros_like(mask)
    if kind == "false":
        return mask | _glare_patch(image, water & ~mask, max(2, round(GLARE * side)))
    if kind == "shifted":
        return _shift(mask, max(2, round(SHIFT * side)), rng.uniform(0, 2 * np.pi))
    if kind == "stale":
        return stale.copy()
    reach = 2 * max(1, round(GROWTH * side)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    change = {"dilated": cv2.dilate, "eroded": cv2.erode}[kind]
    return change(mask.astype(np.uint8), disc) > 0


def _glare_patch(image: np.ndarray, allowed: np.ndarray, radius: int) -> np.ndarray:
    """The brighter part of a disc around the brightest place that is allowed."""
    bright = cv2.GaussianBlur(image.min(-1).astype(np.float32), (0, 0), 1)
    bright[~allowed] = -1
    v, u = np.unravel_index(bright.argmax(), bright.shape)
    rows, columns = np.indices(bright.shape)
    disc = allowed & (np.hypot(rows - v, columns - u) <= radius)
    return disc & (bright >= np.median(bright[disc]))


def _shift(mask: np.ndarray, pixels: int, direction: float) -> np.ndarray:
    """Move a mask; what leaves the image is lost."""
    dv, du = round(pixels * np.sin(direction)), round(pixels * np.cos(direction))
    H, W = mask.shape
    move = np.array([[1, 0, du], [0, 1, dv]], np.float32)
    moved = cv2.warpAffine(mask.astype(np.uint8), move, (W, H), flags=cv2.INTER_NEAREST)
    return moved > 0

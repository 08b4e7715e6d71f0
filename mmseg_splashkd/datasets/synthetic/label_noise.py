"""Synthetic label errors of several kinds, to evaluate label error detection."""

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np

CALM_KINDS = ("false", "stale")
EVENT_KINDS = ("missed", "shifted", "dilated", "eroded", "stale")
SHIFT, GROWTH, GLARE = 0.06, 0.015, 0.10  # in units of the shorter image side


def plan_errors(
    labelled: Sequence[int],
    events: Sequence[int | None],
    share: float,
    rng: np.random.Generator,
) -> dict[int, str]:
    """Choose the frames with a label error, and its kind.

    The kinds are: ``missed`` the splash is erased; ``false`` a patch of glare is marked
    as splash; ``shifted``, ``dilated`` and ``eroded`` the mask is moved, grown or
    shrunk; ``stale`` the frame has the label of another splash event.

    Args:
        labelled: Frames that have a label.
        events: Number of the splash event in each frame, None in a calm frame.
        share: Share of the labelled frames to choose, in [0, 1].
        rng: Random generator of the choice.

    Returns:
        Frame -> kind, in time order. Each frame gets the kind used least so far among
        those that it allows.
    """
    count = round(share * len(labelled))
    used: Counter[str] = Counter()
    kinds = {}
    for frame in rng.permutation(labelled)[:count].tolist():
        choices = CALM_KINDS if events[frame] is None else EVENT_KINDS
        kinds[frame] = min(choices, key=lambda kind: used[kind])
        used[kinds[frame]] += 1
    return dict(sorted(kinds.items()))


def stale_source(frame: int, events: Sequence[int | None]) -> int:
    """The frame from which a stale frame takes its label.

    It is the last earlier frame of another splash event; if there is none, the first
    frame of the next event.

    Args:
        frame: The stale frame.
        events: Number of the splash event in each frame, None in a calm frame.
    """
    others = [i for i, event in enumerate(events) if event not in (None, events[frame])]
    return max((i for i in others if i < frame), default=others[0])


def corrupt_mask(
    kind: str,
    mask: np.ndarray,
    *,
    image: np.ndarray,
    water: np.ndarray,
    stale: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Apply a label error to a mask.

    Args:
        kind: One of ``CALM_KINDS`` or ``EVENT_KINDS``.
        mask: (H, W) bool, splash.
        image: (H, W, 3) uint8 frame; a false splash is placed on its glare.
        water: (H, W) bool, pixels where splash is possible.
        stale: (H, W) bool, mask of the ``stale_source``.
        rng: Random generator of the direction of a shift.

    Returns:
        (H, W) bool that differs from ``mask`` in at least one pixel.
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
    """The brighter half of a disc around the brightest allowed pixel."""
    bright = cv2.GaussianBlur(image.min(-1).astype(np.float32), (0, 0), 1)
    bright[~allowed] = -1
    v, u = np.unravel_index(bright.argmax(), bright.shape)
    rows, columns = np.indices(bright.shape)
    disc = allowed & (np.hypot(rows - v, columns - u) <= radius)
    return disc & (bright >= np.median(bright[disc]))


def _shift(mask: np.ndarray, pixels: int, direction: float) -> np.ndarray:
    """Move a mask; pixels that leave the image are dropped."""
    dv, du = round(pixels * np.sin(direction)), round(pixels * np.cos(direction))
    H, W = mask.shape
    move = np.array([[1, 0, du], [0, 1, dv]], np.float32)
    moved = cv2.warpAffine(mask.astype(np.uint8), move, (W, H), flags=cv2.INTER_NEAREST)
    return moved > 0

"""Flicker: predictions that change between two frames where the image does not."""

from collections.abc import Sequence

import numpy as np

TOLERANCE = 12.0  # gray levels


def transitions(
    predictions: tuple[np.ndarray, np.ndarray],
    images: tuple[np.ndarray, np.ndarray],
    num_classes: int,
    tolerance: float = TOLERANCE,
) -> np.ndarray:
    """Count the unchanged pixels of two frames by their two predicted classes.

    A pixel is unchanged if no channel differs by more than ``tolerance``.

    Args:
        predictions: Two (H, W) maps of class ids in [0, C).
        images: Two (H, W, K) uint8 images of a fixed camera.
        num_classes: Number of classes, C.
        tolerance: Largest difference in gray levels, in [0, 255]; a little more than
            the noise of the camera.

    Returns:
        (C, C) int64: row c, column d counts unchanged pixels that are predicted as c
        in the first frame and as d in the second.
    """
    first, second = (image.astype(np.int16) for image in images)
    unchanged = np.abs(first - second).max(2) <= tolerance
    before, after = (each[unchanged] for each in predictions)
    return count_pairs(before, after, num_classes)


def count_pairs(before: np.ndarray, after: np.ndarray, num_classes: int) -> np.ndarray:
    """Count pixels by their classes in two frames.

    Args:
        before: (P,) class ids in [0, C).
        after: (P,) those of the same pixels in the next frame.
        num_classes: Number of classes, C.

    Returns:
        (C, C) int64, the rows of ``before`` and the columns of ``after``.
    """
    codes = before.astype(np.int64) * num_classes + after.astype(np.int64)
    counts = np.bincount(codes, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def flicker_metrics(counts: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    """Flicker and temporal consistency, in percent; undefined ones are omitted.

    Args:
        counts: (C, C) sum of ``transitions`` over pairs of neighbouring frames.
        classes: Names of the C classes.

    Returns:
        ``Flicker``: share of the unchanged pixels whose predicted class changes.
        ``TC.<class>``: IoU of the predictions of a class in the two frames, over the
        unchanged pixels; and ``mTC``, its mean. That is the temporal consistency of
        Liu et al., "Efficient Semantic Video Segmentation with Per-frame Inference",
        ECCV 2020, without a warp, which a fixed camera does not need; theirs counts
        all pixels.
    """
    if not counts.sum():
        return {}
    kept = np.diag(counts)
    either = counts.sum(0) + counts.sum(1) - kept
    figures = {"Flicker": 100 * (1 - kept.sum() / counts.sum())}
    by_class = {
        f"TC.{name}": 100 * both / union
        for name, both, union in zip(classes, kept, either, strict=True)
        if union
    }
    figures["mTC"] = np.mean([*by_class.values()])
    return {name: float(value) for name, value in (figures | by_class).items()}

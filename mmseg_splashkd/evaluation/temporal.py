"""Temporal consistency of label maps: agreement over windows of a video, and mTC."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.evaluation.flicker import count_pairs, flicker_metrics

IGNORED = 255


class WindowCounts(NamedTuple):
    """Pixels of the windows of one video whose truth does not change.

    Attributes:
        unchanged: (N, C) int64: pixels of each window whose truth is the class in all
            of its frames.
        stable: (N, C) int64: of these, pixels whose prediction does not change either.
        correct: (N, C) int64: of these, pixels whose prediction is the truth in all
            frames.
    """

    unchanged: np.ndarray
    stable: np.ndarray
    correct: np.ndarray


def window_counts(
    predictions: np.ndarray, truths: np.ndarray, window: int, num_classes: int
) -> WindowCounts:
    """Count the pixels of all windows of consecutive frames.

    Args:
        predictions: (T, H, W) predicted classes in [0, C), uint8.
        truths: (T, H, W) true classes in [0, C), or 255 where a pixel is ignored: it
            counts in no window that has this frame. uint8.
        window: Frames of a window, from 2; there are N = T - window + 1, or none.
        num_classes: Number of classes, C.

    Raises:
        ValueError: Shapes differ, or a value is out of its range.
    """
    _check(predictions, "predictions", num_classes)
    _check(truths, "truths", num_classes, IGNORED)
    if predictions.shape != truths.shape:
        raise ValueError(
            f"predictions have shape {predictions.shape} and truths {truths.shape}: "
            f"give one label map for each of the same frames"
        )
    if window < 2:
        raise ValueError(f"window={window}: give at least 2 frames")
    number = max(len(truths) - window + 1, 0)
    counts = np.zeros((3, number, num_classes), np.int64)
    for index in range(number):
        frames = slice(index, index + window)
        first, guess = truths[index], predictions[index]
        same = (truths[frames] == first).all(0) & (first != IGNORED)
        stable = same & (predictions[frames] == guess).all(0)
        for row, pixels in enumerate((same, stable, stable & (guess == first))):
            counts[row, index] = np.bincount(first[pixels], minlength=num_classes)
    return WindowCounts(*counts)


def window_metrics(
    videos: Iterable[WindowCounts], classes: Sequence[str], window: int
) -> dict[str, float]:
    """Video consistency in percent; undefined figures are omitted.

    Args:
        videos: Counts of each video, in windows of the same length.
        classes: Names of the C classes.
        window: Frames of a window, for the names.

    Returns:
        For a window of 8 frames: ``mVC8``, the share of the pixels with unchanged truth
        that are predicted as this truth in all frames, as mean over the windows of a
        video and then over videos: Miao et al., "VSPW: A Large-scale Dataset for Video
        Scene Parsing in the Wild", CVPR 2021. ``VC8.<class>``, the same for pixels of
        one class: a class that is rare hardly shows in the first. ``mVS8`` and
        ``VS8.<class>`` ask only that the prediction does not change, be it wrong, which
        is what the script published with VSPW computes (which also leaves out the last
        window). Windows without such pixels are left out.
    """
    videos = list(videos)
    figures = {}
    for name, row in (("VC", 2), ("VS", 1)):
        key = f"{name}{window}"
        figures[f"m{key}"] = _mean_share(
            [(video[row].sum(1), video.unchanged.sum(1)) for video in videos]
        )
        for index, each in enumerate(classes):
            figures[f"{key}.{each}"] = _mean_share(
                [(video[row][:, index], video.unchanged[:, index]) for video in videos]
            )
    return {name: 100 * value for name, value in figures.items() if value >= 0}


def _mean_share(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean over videos of the mean share of their windows; NaN without any."""
    means = [(some[all_ > 0] / all_[all_ > 0]) for some, all_ in parts]
    means = [float(each.mean()) for each in means if len(each)]
    return float(np.mean(means)) if means else float("nan")


def map_transitions(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Count the pixels of neighbouring frames by their two classes.

    Args:
        labels: (T, H, W) classes in [0, C) of a video, or 255 where a pixel is ignored.
        num_classes: Number of classes, C.

    Returns:
        (C, C) int64, as of ``flicker.transitions``, but of all pixels, also where the
        image changes. Row c, column d counts pixels of class c in a frame and class d
        in the next one; those that are ignored in one of the two are not counted.

    Raises:
        ValueError: A label is out of its range.
    """
    _check(labels, "labels", num_classes, IGNORED)
    before, after = labels[:-1], labels[1:]
    valid = (before != IGNORED) & (after != IGNORED)
    return count_pairs(before[valid], after[valid], num_classes)


def consistency_metrics(
    videos: Iterable[np.ndarray], classes: Sequence[str]
) -> dict[str, float]:
    """MTC of Liu et al., ECCV 2020, over all pixels of a fixed camera, in percent.

    There the prediction of a frame is warped to the next one by optical flow; a fixed
    camera needs no warp. Foam that moves then lowers the figure, also of true labels,
    whose own figure is the one to compare with. ``Flicker`` of pixels where the image
    does not change is in ``flicker``.

    Args:
        videos: (T, H, W) label maps of each video, as in ``map_transitions``.
        classes: Names of the C classes.

    Returns:
        ``mTC``, ``TC.<class>`` and ``Flicker``, as of ``flicker_metrics``; empty
        without two neighbouring frames.
    """
    counts = np.zeros((len(classes),) * 2, np.int64)
    for labels in videos:
        counts += map_transitions(labels, len(classes))
    return flicker_metrics(counts, classes)


def _check(
    labels: np.ndarray, name: str, num_classes: int, ignored: int | None = None
) -> None:
    if labels.ndim != 3 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{name} have shape {labels.shape} and type {labels.dtype}: give whole "
            f"numbers of shape (T, H, W)"
        )
    good = (labels >= 0) & (labels < num_classes)
    if ignored is not None:
        good |= labels == ignored
    if not good.all():
        also = "" if ignored is None else f", or {ignored}"
        raise ValueError(
            f"{name} have the class {labels[~good][0]}: give classes in [0, "
            f"{num_classes}){also}"
        )

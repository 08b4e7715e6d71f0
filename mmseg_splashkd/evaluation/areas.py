"""Pixel counts of frames and the scores that follow from them."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of a set of pixels as fractions in [0, 1], float64.

    A class absent from truth and prediction is NaN and excluded from the means; a class
    absent from the truth but predicted has IoU 0 and Dice 0, and accuracy NaN.

    Attributes:
        iou: (C,) intersection over union.
        dice: (C,) Dice coefficient, the F1 score of the pixels.
        accuracy: (C,) fraction of the true pixels of the class that are predicted
            (recall).
        pixel_accuracy: Scalar, fraction of the valid pixels that are correct (aAcc).
    """

    iou: Tensor
    dice: Tensor
    accuracy: Tensor
    pixel_accuracy: Tensor

    @property
    def mean_iou(self) -> Tensor:
        """The mIoU."""
        return self.iou.nanmean()

    @property
    def mean_dice(self) -> Tensor:
        """The mDice."""
        return self.dice.nanmean()

    @property
    def mean_accuracy(self) -> Tensor:
        """The mAcc, over the classes present in the truth."""
        return self.accuracy.nanmean()


def _check_class_ids(name: str, ids: Tensor, num_classes: int, remedy: str) -> None:
    outside = ids[(ids < 0) | (ids >= num_classes)]
    if len(outside):
        raise ValueError(
            f"{name} holds {torch.unique(outside).tolist()}, outside "
            f"[0, {num_classes}): {remedy}"
        )


def valid_pixels(
    label: Tensor, size: torch.Size, num_classes: int, ignore_index: int = 255
) -> Tensor:
    """Validate the label of a frame and return the mask of its valid pixels.

    Args:
        label: (H, W) int64 in [0, C) or ``ignore_index``.
        size: (H, W) of the prediction.
        num_classes: Number of classes, C.
        ignore_index: Label of ignored pixels.

    Returns:
        (H, W) bool, True where the label is a class.

    Raises:
        ValueError: ``label`` has another size or a value that is not a class.
    """
    if label.shape != size:
        raise ValueError(
            f"label has shape {tuple(label.shape)}, the prediction {tuple(size)}: "
            "score both at the frame's original size (load annotations after Resize)"
        )
    valid = label != ignore_index
    remedy = f"map other values to ignore_index={ignore_index} or raise num_classes"
    _check_class_ids("label", label[valid], num_classes, remedy)
    return valid


def frame_confusion(
    pred: Tensor, label: Tensor, num_classes: int, ignore_index: int = 255
) -> Tensor:
    """Confusion matrix of the valid pixels of a frame.

    Args:
        pred: (H, W) class ids in [0, C) where the label is valid, any dtype.
        label: (H, W) class ids in [0, C) or ``ignore_index``, any dtype.
        num_classes: Number of classes, C.
        ignore_index: Label of ignored pixels.

    Returns:
        (C, C) int64, the rows true and the columns predicted classes, in pixels.

    Raises:
        ValueError: The shapes differ or a value is not a class.
    """
    pred, label = pred.long(), label.long()
    valid = valid_pixels(label, pred.shape, num_classes, ignore_index)
    pred, label = pred[valid], label[valid]
    _check_class_ids("pred", pred, num_classes, "the model has more classes than that")
    counts = torch.bincount(label * num_classes + pred, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def frame_areas(
    pred: Tensor, label: Tensor, num_classes: int, ignore_index: int = 255
) -> Tensor:
    """Areas of the classes in a frame; arguments as for ``frame_confusion``.

    Returns:
        (3, C) int64, the rows intersection, predicted and labelled, in pixels.

    Raises:
        ValueError: The shapes differ or a value is not a class.
    """
    confusion = frame_confusion(pred, label, num_classes, ignore_index)
    return torch.stack([confusion.diagonal(), confusion.sum(0), confusion.sum(1)])


def stack_frames(rows: list[Tensor]) -> Tensor:
    """Stack one row per frame to (N, ...).

    Raises:
        ValueError: ``rows`` is empty.
    """
    if not rows:
        raise ValueError("results is empty: no frame was processed, check the data set")
    return torch.stack(rows)


def scores(areas: Tensor) -> Scores:
    """Score the pixels counted in ``areas``.

    Args:
        areas: (3, C) areas of a frame, or summed over frames.
    """
    intersection, predicted, labelled = areas.double()
    return Scores(
        iou=intersection / (predicted + labelled - intersection),
        dice=frame_dice(areas),
        accuracy=intersection / labelled,
        pixel_accuracy=intersection.sum() / labelled.sum(),
    )


def frame_dice(areas: Tensor) -> Tensor:
    """Dice coefficient of every frame and class: 2 |P and L| / (|P| + |L|).

    A frame without the class in truth and prediction is NaN and must be excluded from
    the mean over frames (``nanmean``), as in nnU-Net (Isensee et al., Nature Methods
    2021); a frame with the class predicted but not in the truth has Dice 0.

    Args:
        areas: (N, 3, C) areas of N frames, or (3, C) of one.

    Returns:
        (N, C) or (C,) float64 in [0, 1] or NaN.
    """
    intersection, predicted, labelled = areas.double().unbind(-2)
    return 2 * intersection / (predicted + labelled)

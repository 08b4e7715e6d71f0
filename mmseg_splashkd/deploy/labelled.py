"""Frames with labels, and the score of a deployed function on them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_splashkd.datasets.image_file import read_as_training
from mmseg_splashkd.evaluation.areas import frame_confusion
from mmseg_splashkd.evaluation.frame_scores import probability_histogram
from mmseg_splashkd.evaluation.operating_point import (
    best_operating_point,
    threshold_curve,
)

IGNORED = 255
Run = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class LabelledFrame(NamedTuple):
    """A frame and its label.

    Attributes:
        frame: (1, H, W, 3) uint8, RGB.
        label: (H, W) classes, 255 where ignored.
    """

    frame: np.ndarray
    label: np.ndarray


class LabelledFrames(Sequence[LabelledFrame]):
    """The labelled frames of a loader, read when they are asked for.

    Args:
        cfg: Resolved config.
        loader: Such as ``'val_dataloader'``.

    Raises:
        FileNotFoundError: The data are missing.
        ValueError: There are no frames.
    """

    def __init__(self, cfg: Config, loader: str) -> None:
        if not cfg.get(loader):
            raise ValueError(f"the config has no {loader}, whose labels are read")
        init_default_scope(cfg.get("default_scope") or "mmseg")
        self._dataset: Any = DATASETS.build(cfg[loader].dataset)
        if not len(self._dataset):
            raise ValueError(f"{loader} has no frames")

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        sample = self._dataset[index]["data_samples"]
        label = sample.gt_sem_seg.data[0].numpy()
        return LabelledFrame(read_as_training(sample.img_path)[None], label)


class Validated(NamedTuple):
    """A score on labelled frames.

    Attributes:
        score: Percent: Dice of the class at its best threshold, or mIoU without one.
            Where no pixel is of the class, the mean of ``right``.
        threshold: That threshold; None without one.
        right: Percent for each frame: mean probability of the true class.
    """

    score: float
    threshold: float | None
    right: list[float]


def validated(
    run: Run, frames: Sequence[LabelledFrame], class_id: int | None, classes: int
) -> Validated:
    """Score a deployed function.

    Args:
        run: Frames (1, H, W, 3) -> probabilities (1, C, H, W), classes (1, H, W).
        frames: Labelled frames.
        class_id: Class that is decided by a threshold; None: mIoU of all.
        classes: Number of classes, C.
    """
    confusion = torch.zeros(classes, classes, dtype=torch.int64)
    histogram, right = [], []
    for frame, label in frames:
        probabilities, found = run(frame)
        truth = torch.from_numpy(np.asarray(label).astype(np.int64))
        right.append(_right(probabilities[0], label))
        confusion += frame_confusion(
            torch.from_numpy(found[0].astype(np.int64)), truth, classes
        )
        if class_id is not None:
            of_class = torch.from_numpy(np.array(probabilities[0, class_id]))
            histogram.append(
                probability_histogram(of_class, truth, class_id, classes).numpy()
            )
    if class_id is None:
        return Validated(_mean_iou(confusion.numpy()), None, right)
    point = best_operating_point(threshold_curve(np.stack(histogram)))
    if point is None:
        return Validated(float(np.mean(right)), None, right)
    return Validated(100 * point.dice, point.threshold, right)


def _right(probabilities: np.ndarray, label: np.ndarray) -> float:
    valid = label != IGNORED
    if not valid.any():
        return 0.0
    true = np.take_along_axis(probabilities, np.where(valid, label, 0)[None], 0)[0]
    return 100 * float(true[valid].mean())


def _mean_iou(confusion: np.ndarray) -> float:
    """MIoU in percent over the classes that are true or predicted somewhere."""
    hit = np.diag(confusion)
    either = confusion.sum(0) + confusion.sum(1) - hit
    return 100 * float((hit[either > 0] / either[either > 0]).mean())

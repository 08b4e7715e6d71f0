"""Tested frames: reading their maps, and choosing those worth a look."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import numpy as np
import torch
from PIL import Image

from mmseg_splashkd.datasets.label_coding import IGNORE, read_gray, to_train_ids
from mmseg_splashkd.evaluation.areas import frame_areas, frame_dice
from mmseg_splashkd.report.runs import Frame, Run, check_comparable, class_index


def read_image(frame: Frame) -> np.ndarray:
    """Read the frame as (H, W, 3) uint8 RGB."""
    with Image.open(frame.image) as image:
        return np.asarray(image.convert("RGB"))


def read_maps(run: Run, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Read truth and prediction of one frame.

    Returns:
        Two (H, W) uint8 maps of trainIds; 255 in the truth is ignored.

    Raises:
        ValueError: The two differ in size, or one holds a value that the record does
            not know.
    """
    frame = run.frames[index]
    with Image.open(frame.prediction) as image:
        prediction = np.asarray(image)
    truth = to_train_ids(
        read_gray(frame.label),
        run.gray_to_train_id,
        str(frame.label),
        run.unknown_label,
    )
    if prediction.shape != truth.shape:
        raise ValueError(
            f"{frame.prediction}: shape {prediction.shape}, but its label has "
            f"{truth.shape}; test {run.name} again at the size of the labels"
        )
    if prediction.max() >= len(run.classes):
        raise ValueError(
            f"{frame.prediction} holds trainId {prediction.max()}, but {run.name} has "
            f"{len(run.classes)} classes; test it again with the classes of its config"
        )
    return truth, prediction


@dataclass(frozen=True)
class FrameScore:
    """How well one class was found in one frame.

    Args:
        hits: Pixels of the class that were found.
        missed: Pixels of the class that were not.
        false_alarms: Pixels taken for the class that are none of it.
        dice: Dice in percent; NaN where neither truth nor prediction holds the class.
    """

    hits: int
    missed: int
    false_alarms: int
    dice: float


def score_frame(truth: np.ndarray, prediction: np.ndarray, focus: int) -> FrameScore:
    """Score one class in one frame.

    Args:
        truth: (H, W) trainIds; 255 is ignored.
        prediction: (H, W) trainIds.
        focus: trainId of the class.
    """
    is_focus = torch.from_numpy(prediction == focus)
    label = np.where(truth == IGNORE, IGNORE, truth == focus)
    areas = frame_areas(is_focus, torch.from_numpy(label), num_classes=2)
    hits, predicted, labelled = areas[:, 1].tolist()
    dice = 100 * frame_dice(areas)[1].item()
    return FrameScore(hits, labelled - hits, predicted - hits, dice)


def choose_frames(
    runs: Sequence[Run], focus_class: str | None = None
) -> dict[int, list[str]]:
    """Choose up to four frames that show what the figures mean.

    They are the frame with most of the class; another at the onset of a burst (where
    the area more than doubles, by the most pixels); one without the class, where the
    runs raised most false alarms; and the one with the lowest mean Dice of the runs.
    One frame may be several of these.

    Args:
        runs: Runs tested on the same frames, which stand in time order.
        focus_class: The class looked at, by default the last one.

    Returns:
        Frame index -> why it was chosen.

    Raises:
        ValueError: The runs are not comparable or know no such class.
    """
    check_comparable(runs)
    focus = class_index(runs[0], focus_class)
    name = runs[0].classes[focus]
    table = [
        [score_frame(*read_maps(run, index), focus) for run in runs]
        for index in range(len(runs[0].frames))
    ]
    area = [row[0].hits + row[0].missed for row in table]
    scores = {  # the highest is chosen, if above zero
        f"Most {name}": area,
        f"Onset of {name}": [
            now - last if 2 * last < now < max(area) else 0
            for last, now in pairwise(area[:1] + area)
        ],
        f"No {name}": [
            0 if size else 1 + sum(score.false_alarms for score in row)
            for size, row in zip(area, table, strict=True)
        ],
        "Lowest Dice": [
            101 - fmean(score.dice for score in row) if size else 0
            for size, row in zip(area, table, strict=True)
        ],
    }
    chosen: dict[int, list[str]] = {}
    for reason, score in scores.items():
        # Of equal scores the frame with the larger area shows more.
        best = max(range(len(area)), key=lambda i: (score[i], area[i]))
        if score[best] > 0:
            chosen.setdefault(best, []).append(reason)
    return chosen

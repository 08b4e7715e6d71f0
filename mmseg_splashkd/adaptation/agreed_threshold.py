"""A threshold for frames without labels: where a student agrees with its teacher."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmseg_splashkd.adaptation.signs import pairs_of
from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.evaluation.frame_scores import probability_histogram
from mmseg_splashkd.evaluation.operating_point.evaluator import decide
from mmseg_splashkd.evaluation.operating_point.probability import focus_probability
from mmseg_splashkd.evaluation.operating_point.stored import (
    OPERATING_POINT,
    point_of_histogram,
)


@torch.no_grad()
def agreed_point(
    student: Any,
    teacher: Any,
    frames: tuple[Iterable[dict], Iterable[dict] | None],
    student_weights: str | Path,
    teacher_weights: str | Path,
) -> dict[str, Any] | None:
    """The operating point of a student on frames whose labels are not known.

    Args:
        student: Segmentor, in the mode of tests.
        teacher: Segmentor of the same classes.
        frames: Batches of whole frames as the student reads them, and the same frames
            as the teacher does; None: in the same way.
        student_weights: File of the student's weights.
        teacher_weights: File of the teacher's, with its operating point.

    Returns:
        As ``operating_point_of``, with the teacher's decisions in the place of labels;
        None where the teacher has no operating point, or decides for nothing.
    """
    meta = read_checkpoint(student_weights)["meta"]
    point = read_checkpoint(teacher_weights)["meta"].get(OPERATING_POINT)
    if not point:
        return None
    pairs = pairs_of(student, teacher, *frames)
    classes = tuple(meta["dataset_meta"]["classes"])
    counts = agreement_histogram(pairs, point, classes)
    return point_of_histogram(counts, point["class"], meta["iter"])


@torch.no_grad()
def agreement_histogram(
    pairs: Iterable[tuple[Any, Any]],
    point: Mapping[str, Any],
    classes: tuple[str, ...],
) -> np.ndarray:
    """Probabilities of the student where the teacher predicts a class, and elsewhere.

    Args:
        pairs: Predictions of N frames by the student and by the teacher, with logits.
        point: Operating point of the teacher, whose class it predicts from its
            threshold.
        classes: Names of the C classes.

    Returns:
        (N, 2, BINS) int64 as of ``FrameScores``, the teacher's decisions in the place
        of labels.
    """
    class_id = classes.index(point["class"])
    return np.stack(
        [
            _of_frame(own, its, class_id, point["threshold"], len(classes))
            for own, its in pairs
        ]
    )


def _of_frame(
    own: Any, its: Any, class_id: int, threshold: float, num_classes: int
) -> np.ndarray:
    probability: Tensor = focus_probability(own.seg_logits.data, class_id)
    labels = decide(its.seg_logits.data, class_id, threshold)
    return (
        probability_histogram(probability, labels, class_id, num_classes).cpu().numpy()
    )

"""The operating point of a run: chosen on its validation part, stored with weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.runner import Runner

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.evaluation.operating_point.curve import (
    best_operating_point,
    threshold_curve,
)
from mmseg_splashkd.evaluation.operating_point.found import found

OPERATING_POINT = "operating_point"  # key in the message hub, and so in checkpoints
STORED = "stored"


def note_operating_point(runner: Runner, scores: FrameScores) -> None:
    """Store the best operating point of a validation in the message hub, and log it.

    Args:
        runner: Runner whose message hub receives ``operating_point``: the mapping of
            ``operating_point_of``, or None.
        scores: Scores of the validation part.
    """
    point = operating_point_of(scores, runner.iter)
    runner.message_hub.update_info(OPERATING_POINT, point)
    name = scores.focus
    if point is not None:
        runner.logger.info(
            f"operating point of {name}: p >= {point['threshold']:.2f}, Dice "
            f"{point['dice']:.1f} ({point['dice_at_half']:.1f} at 0.5)"
        )
        return
    reason = f"no threshold finds a pixel of {name}"
    if scores.histogram is None:
        reason = "the model outputs no class probabilities"
    elif not scores.histogram[:, 1].any():
        reason = f"no pixel of the validation part is {name}"
    runner.logger.info(f"no operating point of {name}: {reason}")


def warn_if_hardly_found(runner: Runner, scores: FrameScores) -> None:
    """Warn if the decision of the model hides what it knows of the focus class.

    Args:
        runner: Runner whose logger warns.
        scores: Scores of the validation part.
    """
    of = found([scores])
    if not of.is_hardly_found:
        return
    words = (
        f"{of.focus} is hardly found {of.decision}: predicted on {of.predicted:.2f} % "
        f"of the pixels, true on {of.true:.2f} %, Dice {of.by_argmax.dice:.1f}"
    )
    if of.is_found_nowhere:
        remedy = "no threshold does better than predicting it everywhere, so far"
    elif of.operating is None:
        remedy = "the model outputs no class probabilities, so no threshold is chosen"
    else:
        remedy = (
            f"Dice is {of.operating.dice:.1f} at a threshold chosen on other frames. "
            f"Test these weights with tools/test.py --threshold stored"
        )
    runner.logger.warning(f"{words}; {remedy}")


def operating_point_of(scores: FrameScores, iteration: int) -> dict[str, Any] | None:
    """The best operating point of a validation, in the form in which it is stored.

    Args:
        scores: Scores of the validation part.
        iteration: Training iteration of the validated weights.

    Returns:
        JSON values: ``class``; ``threshold``, a probability; ``dice``, ``precision``,
        ``recall`` and ``dice_at_half`` in percent; ``frames``, the number of frames;
        ``iteration``. None if no threshold is an operating point.
    """
    if scores.histogram is None:
        return None
    return point_of_histogram(scores.histogram, scores.focus, iteration)


def point_of_histogram(
    histogram: np.ndarray, focus: str, iteration: int
) -> dict[str, Any] | None:
    """The best operating point of frames, in the form in which it is stored.

    Args:
        histogram: (N, 2, BINS) as of ``FrameScores``.
        focus: Name of the class.
        iteration: Training iteration of the weights.
    """
    point = best_operating_point(threshold_curve(histogram))
    if point is None:
        return None
    figures = point._asdict()
    threshold = figures.pop("threshold")
    return {
        "class": focus,
        "threshold": threshold,
        **{name: 100 * value for name, value in figures.items()},
        "frames": len(histogram),
        "iteration": iteration,
    }


def point_of_weights(point: Mapping | None, iteration: int | None) -> dict | None:
    """``point`` if it was chosen with the weights of ``iteration``, else None."""
    return dict(point) if point and point["iteration"] == iteration else None


def stored_point(checkpoint: str | Path) -> dict[str, Any]:
    """The operating point that is stored with weights.

    Args:
        checkpoint: File of the weights.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file holds no operating point, or is damaged.
    """
    point = read_checkpoint(checkpoint)["meta"].get(OPERATING_POINT)
    if point is None:
        raise ValueError(
            f"--threshold {STORED}: {checkpoint} holds no operating point. Training "
            f"stores one in weights_*_best.safetensors and, if it ends with a "
            f"validation whose labels contain the class, in "
            f"weights_*_last.safetensors. Use such a file, or give a number"
        )
    return point


def parse_threshold(text: str | float) -> str | float:
    """Read ``'stored'`` or a probability in (0, 1].

    Raises:
        ValueError: ``text`` is neither.
    """
    if text == STORED:
        return STORED
    try:
        threshold = float(text)
    except ValueError:
        threshold = float("nan")
    if not 0 < threshold <= 1:
        raise ValueError(
            f"--threshold {text} is neither {STORED!r} nor a probability in (0, 1]"
        )
    return threshold

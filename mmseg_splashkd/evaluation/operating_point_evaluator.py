"""The threshold of a run: chosen on its validation part, kept with its weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from mmseg.registry import EVALUATOR
from torch import Tensor

from mmseg_splashkd.checkpoint import read_checkpoint
from mmseg_splashkd.evaluation.frame_scores import FrameScores, focus_index
from mmseg_splashkd.evaluation.operating_point import (
    best_operating_point,
    threshold_curve,
)

INFO = "operating_point"  # in the message hub, and so in checkpoints
STORED = "stored"


def note_operating_point(runner: Runner, scores: FrameScores) -> None:
    """Put the best operating point of a validation into the message hub, and log it.

    Args:
        runner: Its ``operating_point`` becomes a mapping of JSON values: ``class``;
            ``threshold``, of its probability; ``dice``, ``precision``, ``recall`` and
            ``dice_at_half`` in percent; ``frames``, how many it was chosen on; and
            ``iteration``, the one whose weights it was chosen with. None where there is
            no such point.
        scores: Of the validation part.
    """
    point = operating_point_of(scores, runner.iter)
    runner.message_hub.update_info(INFO, point)
    name = scores.focus
    if point is not None:
        runner.logger.info(
            f"operating point of {name}: p >= {point['threshold']:.2f}, Dice "
            f"{point['dice']:.1f} ({point['dice_at_half']:.1f} at 0.5)"
        )
        return
    reason = f"none of its thresholds finds a pixel of {name}"
    if scores.histogram is None:
        reason = "the model gives no probabilities of the classes"
    elif not scores.histogram[:, 1].any():
        reason = f"no pixel of the validation part is {name}"
    runner.logger.info(f"no operating point of {name}: {reason}")


def operating_point_of(scores: FrameScores, iteration: int) -> dict[str, Any] | None:
    """The best operating point as it is stored; see ``note_operating_point``."""
    if scores.histogram is None:
        return None
    point = best_operating_point(threshold_curve(scores.histogram))
    if point is None:
        return None
    figures = point._asdict()
    threshold = figures.pop("threshold")
    return {
        "class": scores.focus,
        "threshold": threshold,
        **{name: 100 * value for name, value in figures.items()},
        "frames": len(scores),
        "iteration": iteration,
    }


def point_of_weights(point: Mapping | None, iteration: int | None) -> dict | None:
    """The point, if it was chosen with the weights of that iteration."""
    return dict(point) if point and point["iteration"] == iteration else None


def stored_point(checkpoint: str | Path) -> dict[str, Any]:
    """The operating point that weights were stored with.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds none, or is damaged.
    """
    point = read_checkpoint(checkpoint)["meta"].get(INFO)
    if point is None:
        raise ValueError(
            f"--threshold {STORED}: {checkpoint} holds no operating point. Runs store "
            f"one in weights_*_best.safetensors and, if the run ended with a "
            f"validation that saw the class, in weights_*_last.safetensors. Take such "
            f"a file, or give a number"
        )
    return point


def checked_threshold(text: str | float) -> str | float:
    """``'stored'`` or a probability.

    Raises:
        ValueError: It is neither.
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


def decide(logits: Tensor, class_id: int, threshold: float) -> Tensor:
    """Decide for a class where its probability is high enough, else for the best other.

    For two classes and the threshold 1/2 that is the argmax, but for ties, which go to
    the class.

    Args:
        logits: (C, H, W), C >= 2, any float dtype; the softmax is taken in float32.
        class_id: In [0, C).
        threshold: In [0, 1].

    Returns:
        (H, W) int64 in [0, C).
    """
    probability = logits.float().softmax(0)[class_id]
    others = logits.clone()
    others[class_id] = -torch.inf
    return others.argmax(0).masked_fill(probability >= threshold, class_id)


@EVALUATOR.register_module()
class OperatingPointEvaluator(Evaluator):
    """Decide by a threshold before the metrics, and whoever comes after, look.

    Args:
        metrics: Configs of metrics, one or several, or metrics.
        threshold: The class is predicted where its probability is at least this, in
            (0, 1]; elsewhere the most likely other class.
        focus_class: The class, by default the last.

    Raises:
        ValueError: The threshold is no such number.
    """

    def __init__(
        self,
        metrics: Any,
        threshold: float,
        focus_class: str | None = None,
    ) -> None:
        super().__init__(metrics)
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold={threshold} lies outside (0, 1]")
        self.threshold = threshold
        self.focus_class = focus_class

    def process(
        self, data_samples: Sequence[Any], data_batch: Any | None = None
    ) -> None:
        """Replace ``pred_sem_seg``, in place, then let the metrics process it.

        Args:
            data_samples: One a frame, with ``seg_logits`` (C, H, W), C >= 2, and
                ``pred_sem_seg`` (1, H, W).
            data_batch: Passed to the metrics.

        Raises:
            ValueError: A frame has no logits of at least two classes, or there is no
                class of that name.
        """
        assert self.dataset_meta is not None, "set by the loop"
        classes = self.dataset_meta["classes"]
        class_id = focus_index(classes, self.focus_class)
        for sample in data_samples:
            logits = sample.get("seg_logits")
            if logits is None or len(logits.data) < 2:
                raise ValueError(
                    "a threshold needs the logits of all classes, which this model "
                    "does not give: test it without --threshold"
                )
            decision = decide(logits.data, class_id, self.threshold)
            sample.pred_sem_seg.data = decision[None]
        super().process(data_samples, data_batch)

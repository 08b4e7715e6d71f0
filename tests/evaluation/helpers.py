"""Frames as mmengine's evaluator passes them to a metric: nested plain dicts."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmseg_splashkd.evaluation.frame_scores import FrameScores


def data_sample(
    label: Tensor, pred: Tensor | None = None, logits: Tensor | None = None, **meta
) -> dict:
    """Build one frame of (H, W) label and prediction and (C, H, W) logits."""
    sample = dict(meta, gt_sem_seg={"data": label[None]})
    if pred is not None:
        sample["pred_sem_seg"] = {"data": pred[None]}
    if logits is not None:
        sample["seg_logits"] = {"data": logits}
    return sample


def random_frames(count: int, num_classes: int, seed: int = 0) -> list[dict]:
    """Frames that differ in valid pixels and in how rare the last class is."""
    generator = torch.Generator().manual_seed(seed)
    frames = []
    for index in range(count):
        logits = torch.randn(num_classes, 9, 13, generator=generator)
        logits[-1] -= index
        label = torch.randint(num_classes, (9, 13), generator=generator)
        label[: index % 9] = 255
        frames.append(data_sample(label, logits.argmax(0), logits))
    return frames


def frame_scores(
    counts: Sequence[tuple[int, int, int, int]],
    seconds: Sequence[float] | None = None,
    recordings: Sequence[str] | None = None,
) -> FrameScores:
    """Scores of frames of water and splash, without probabilities.

    Args:
        counts: True negatives, false positives, false negatives and true positives of
            each frame.
        seconds: Time of each frame; default: one frame per second.
        recordings: Recording of each frame; default: one recording.
    """
    times = range(len(counts)) if seconds is None else seconds
    return FrameScores(
        confusion=np.array(counts, np.int64).reshape(-1, 2, 2),
        histogram=None,
        frames=tuple(f"{index}.png" for index in range(len(counts))),
        recordings=tuple(recordings or ["pond"] * len(counts)),
        timestamps=np.array([round(1e9 * time) for time in times], np.int64),
        classes=("water", "splash"),
        focus="splash",
    )

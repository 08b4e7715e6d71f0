"""Random runs with probabilities, and an exhaustive search for the threshold."""

import numpy as np
import torch

from mmseg_splashkd.evaluation.frame_scores import FrameScores, probability_histogram

CLASSES = ("background", "splash")


def drawn(seed: int, first: int = 0, boldness: float = 1.0, frames: int = 4):
    """Probabilities, labels and counts of frames ``first``, ``first`` + 1, ..."""
    rng = np.random.default_rng(seed)
    label = rng.random((frames, 16, 16)) < 0.2
    probability = np.clip(0.35 * label + 0.6 * rng.random(label.shape), 0, 1) * boldness
    label = label.astype(np.int64)
    label[:, 0, 0] = 255
    histogram = torch.stack(
        [
            probability_histogram(torch.tensor(p), torch.tensor(y), 1, 2)
            for p, y in zip(probability, label, strict=True)
        ]
    ).numpy()
    scores = FrameScores(
        confusion=confusion(probability >= 0.5, label),
        histogram=histogram,
        frames=tuple(f"{first + index}.png" for index in range(frames)),
        recordings=("pond",) * frames,
        timestamps=np.arange(first, first + frames),
        classes=CLASSES,
        focus="splash",
    )
    return probability, label, scores


def confusion(pred: np.ndarray, label: np.ndarray) -> np.ndarray:
    return np.array(
        [
            [[((y == t) & (p == c)).sum() for c in (0, 1)] for t in (0, 1)]
            for p, y in zip(pred, label, strict=True)
        ]
    )


def best_threshold(probability: np.ndarray, label: np.ndarray) -> float:
    """Search over all thresholds pixel by pixel."""
    valid = label != 255
    truth = label[valid] == 1

    def dice(t: float) -> float:
        found = probability[valid] >= t
        return 2 * (found & truth).sum() / (found.sum() + truth.sum())

    thresholds = np.arange(1, 256) / 256
    scores = np.array([dice(t) for t in thresholds])
    best = thresholds[scores == scores.max()]
    return min(best, key=lambda t: (abs(t - 0.5), -t))

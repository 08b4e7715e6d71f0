"""The losses' formulas in NumPy float64: (B, C, H, W) logits, (B, H, W) labels."""

import numpy as np
from torch import Tensor

IGNORED = 255


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of the classes."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def probability_of_truth(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N,) probability of the true class at each valid pixel, in the labels' order."""
    frames, rows, columns = np.nonzero(labels != IGNORED)
    classes = labels[frames, rows, columns]
    return softmax(logits)[frames, classes, rows, columns]


def modulation(logits: np.ndarray, labels: np.ndarray, gamma: float) -> float:
    """Mean over valid pixels of (1 - pt)^gamma."""
    return float(np.mean((1 - probability_of_truth(logits, labels)) ** gamma))


def focal(
    logits: np.ndarray,
    labels: np.ndarray,
    gamma: float,
    class_weight: np.ndarray | None = None,
) -> float:
    """Weighted mean over valid pixels of -(1 - pt)^gamma log pt."""
    pt = probability_of_truth(logits, labels)
    classes = labels[labels != IGNORED]
    weights = np.ones(len(pt)) if class_weight is None else class_weight[classes]
    return float(np.average(-((1 - pt) ** gamma) * np.log(pt), weights=weights))


def kl(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    """T^2 times the mean over pixels of KL(teacher || student)."""
    q, p = softmax(student / temperature), softmax(teacher / temperature)
    return float(temperature**2 * (p * np.log(p / q)).sum(1).mean())


def numpy64(tensor: Tensor) -> np.ndarray:
    """Values as float64, or as they are where they are integers."""
    values = tensor.detach().cpu()
    return (values.double() if values.is_floating_point() else values).numpy()

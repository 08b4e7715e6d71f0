"""Probability of one class from what a model outputs."""

from torch import Tensor


def has_probabilities(logits: Tensor, num_classes: int) -> bool:
    """Whether ``focus_probability`` applies to (C, H, W) logits of that many classes.

    One channel for two classes is the output of a sigmoid.
    """
    return len(logits) == num_classes or (len(logits) == 1 and num_classes == 2)


def focus_probability(logits: Tensor, class_id: int) -> Tensor:
    """Probability of a class in each pixel.

    Args:
        logits: (C, H, W), any float dtype: logits of C >= 2 classes, or for C = 1 the
            probability of class 1 of two, because ``postprocess_result`` of
            MMSegmentation has applied the sigmoid.
        class_id: Index of the class.

    Returns:
        (H, W) float32 in [0, 1]; the softmax is computed in float32.
    """
    if len(logits) > 1:
        return logits.float().softmax(0)[class_id]
    probability = logits[0].float()
    return probability if class_id == 1 else 1 - probability

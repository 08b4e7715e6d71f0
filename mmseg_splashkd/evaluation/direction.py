"""Whether smaller or larger values of a metric are better."""

FALLING = ("cross_entropy", "loss", "ece")


def falls(metric: str) -> bool:
    """Whether smaller values of a metric are better.

    Args:
        metric: Name of the metric as an evaluator prints it, with or without prefix
            and class, such as ``'Dice.splash'`` or ``'val/cross_entropy'``.
    """
    name = metric.rpartition("/")[2].partition(".")[0]
    return any(name == word or name.endswith(f"_{word}") for word in FALLING)

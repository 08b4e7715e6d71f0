"""Whether a metric improves by falling or by rising."""

FALLING = ("cross_entropy", "loss", "ece")


def falls(metric: str) -> bool:
    """Whether smaller values of a metric are better.

    Args:
        metric: Its name as an evaluator prints it, with or without a prefix and a
            class, such as ``'Dice.splash'`` or ``'val/cross_entropy'``.
    """
    name = metric.rpartition("/")[2].partition(".")[0]
    return any(name == word or name.endswith(f"_{word}") for word in FALLING)

"""One line of the log in place of several for every parameter of the optimizer."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

OPTION = "paramwise_options -- "
FROZEN = "is skipped since its requires_grad=False"
SHOWN = ("lr", "weight_decay")


class _OfParameters(logging.Filter):
    """Leaves out the lines about single parameters, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.options = self.frozen = 0

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        self.options += text.startswith(OPTION)
        self.frozen += text.endswith(FROZEN)
        return not (text.startswith(OPTION) or text.endswith(FROZEN))


@contextmanager
def quiet_optimizer(logger: logging.Logger) -> Iterator[Callable[[Any], None]]:
    """Leave out the lines that mmengine logs for every parameter of an optimizer.

    Args:
        logger: The logger of the run.

    Yields:
        A function that logs one line about an optimizer wrapper, if any was left out.
    """
    lines = _OfParameters()
    logger.addFilter(lines)

    def summarise(wrapper: Any) -> None:
        if lines.options or lines.frozen:
            frozen = f"; {lines.frozen} frozen" if lines.frozen else ""
            logger.info(f"optimizer: {_groups(wrapper)}{frozen}")

    try:
        yield summarise
    finally:
        logger.removeFilter(lines)


def _groups(wrapper: Any) -> str:
    """Number of parameters with each learning rate and weight decay."""
    counts: Counter[str] = Counter()
    for group in getattr(wrapper, "param_groups", ()):
        rates = [f"{key} {group[key]:g}" for key in SHOWN if key in group]
        counts[", ".join(rates)] += len(group["params"])
    return "; ".join(f"{count} parameters of {name}" for name, count in counts.items())

"""Labels that cannot be read: refused, or left out by name and number."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Label = Callable[[], np.ndarray]
REMEDY = "correct it, or leave such labels out with --skip-bad"


@dataclass(frozen=True)
class BadLabel:
    """A label that cannot be read, because a part of it is invalid.

    Its frame becomes unlabelled, not background: pixels of the invalid part would
    otherwise be taught as background.

    Args:
        problem: Description of the invalid part.
    """

    problem: str

    def __call__(self) -> np.ndarray:
        """Raise the problem.

        Raises:
            ValueError: Always.
        """
        raise ValueError(self.problem)


def label_or_bad(make: Callable[[], Label | None], skip_bad: bool) -> Label | None:
    """Make a label; if it is invalid, raise, or mark it to be left out.

    Args:
        make: Returns the label of a frame; None if it is unlabelled.
        skip_bad: Whether to return a ``BadLabel`` for an invalid label.

    Raises:
        ValueError: The label is invalid, and ``skip_bad`` is False.
    """
    try:
        return make()
    except ValueError as error:
        if not skip_bad:
            raise
        return BadLabel(str(error))

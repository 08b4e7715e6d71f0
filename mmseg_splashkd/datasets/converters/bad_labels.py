"""Labels that cannot be read: refused, or left out by name and number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Label = Callable[[], np.ndarray]
NAMED = 10  # files that are named
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


def listed(problems: Sequence[str]) -> str:
    """The first problems, a line each, and the number of the others."""
    lines = "".join(f"\n  {line}" for line in problems[:NAMED])
    return lines + (
        f"\n  and {more} more" if (more := len(problems) - NAMED) > 0 else ""
    )


def raise_all(problems: Sequence[str], verdict: str) -> None:
    """Refuse files at once, so that one does not hide the others.

    Args:
        problems: What is wrong with each; nothing is raised if there are none.
        verdict: What is said of several, such as ``'pictures cannot be converted'``.

    Raises:
        ValueError: There are problems.
    """
    if len(problems) > 1:
        raise ValueError(f"{len(problems)} {verdict}:{listed(problems)}")
    if problems:
        raise ValueError(problems[0])

"""Whether a model predicts the focus class by its own decision at all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.evaluation.operating_point.cross_fit import (
    Areas,
    cross_fitted_areas,
)

FEW = 0.1  # of the true area: a class that is predicted less is hardly predicted
FAR = 0.5  # of the Dice at the operating point: argmax scores less, it is far below
NEAR_ZERO = 1.0  # Dice in percent


@dataclass(frozen=True)
class Found:
    """The focus class in one or several runs, their pixels pooled.

    Args:
        focus: Name of the class.
        classes: Number of classes.
        by_argmax: Its pixels by the decision of the model.
        operating: Its pixels at thresholds chosen on other frames; None where a run has
            no probabilities.
        pixels: Number of all counted pixels.
    """

    focus: str
    classes: int
    by_argmax: Areas
    operating: Areas | None
    pixels: int

    @property
    def decision(self) -> str:
        """The decision of the model in words."""
        return "at the threshold 0.5" if self.classes == 2 else "by argmax"

    @property
    def predicted(self) -> float:
        """Predicted pixels of the class in percent of all pixels."""
        return 100 * self.by_argmax.predicted / self.pixels

    @property
    def true(self) -> float:
        """True pixels of the class in percent of all pixels."""
        return 100 * self.by_argmax.true / self.pixels

    @property
    def is_few(self) -> bool:
        """Whether the class is predicted on less than a tenth of its true area."""
        return self.by_argmax.predicted < FEW * self.by_argmax.true

    @property
    def is_hardly_found(self) -> bool:
        """Whether the decision of the model hides what it knows of the class.

        The class is predicted on less than a tenth of its true area, or its Dice is
        below 1 %, or below half of that at the operating point. False where no pixel is
        of the class.
        """
        if not self.by_argmax.true:
            return False
        dice = self.by_argmax.dice
        far = self.operating is not None and dice < FAR * self.operating.dice
        return self.is_few or dice < NEAR_ZERO or far

    @property
    def is_found_nowhere(self) -> bool:
        """Whether no threshold does better than predicting the class everywhere."""
        if self.operating is None or not self.by_argmax.true:
            return False
        true = self.by_argmax.true
        everywhere = Areas(hit=true, predicted=self.pixels, true=true).dice
        return self.operating.dice <= max(NEAR_ZERO, everywhere)


def found(runs: Sequence[FrameScores]) -> Found:
    """Pool the focus class over runs.

    Args:
        runs: Scores of one class list by the decision of the model, at least one.
    """
    confusion = np.sum([each.confusion.sum(0) for each in runs], 0)
    index = runs[0].focus_index
    parts = [areas for each in runs if (areas := cross_fitted_areas(each)) is not None]
    return Found(
        focus=runs[0].focus,
        classes=len(runs[0].classes),
        by_argmax=Areas(
            hit=int(confusion[index, index]),
            predicted=int(confusion[:, index].sum()),
            true=int(confusion[index].sum()),
        ),
        operating=Areas(*np.sum(parts, 0).tolist())
        if len(parts) == len(runs)
        else None,
        pixels=int(confusion.sum()),
    )

"""Settings of a comparison of arms."""

import math
from dataclasses import dataclass

from mmseg_splashkd.evaluation.frame_scores import FrameScores
from mmseg_splashkd.statistics.blocks import BlockLength
from mmseg_splashkd.statistics.metrics import Metric, parse_metric
from mmseg_splashkd.statistics.resampling import FEWEST_RESAMPLES, RESAMPLES

ALLOWED = ("table", "weights")


@dataclass(frozen=True)
class Settings:
    """Settings of a comparison.

    Args:
        metrics: Names of the metrics; default mIoU and Dice of the focus class.
        block: Length of a block; default that of ``cut_blocks``.
        resamples: Number of bootstrap resamples, >= 100; default 2000.
        seed: Seed of the bootstrap; default 0.
        worth: The smallest difference of interest, in points, > 0; default 1.
        allowed: Permitted differences between runs, of ``ALLOWED``: the split table of
            the training, and the tested weights (best or last); default none.
        equivalent: Margin in points, > 0, within which arms count as equally good, for
            the question whether they are shown to be; default None: not asked.

    Raises:
        ValueError: A value is out of its range.
    """

    metrics: tuple[str, ...] = ()
    block: BlockLength | None = None
    resamples: int = RESAMPLES
    seed: int = 0
    worth: float = 1.0
    allowed: tuple[str, ...] = ()
    equivalent: float | None = None

    def __post_init__(self) -> None:
        if not self.worth > 0:
            raise ValueError(f"worth={self.worth} must be above 0 points")
        if self.equivalent is not None and not 0 < self.equivalent < math.inf:
            raise ValueError(
                f"equivalent={self.equivalent} must be a margin above 0 points, such "
                f"as 0.5"
            )
        if self.resamples < FEWEST_RESAMPLES:
            raise ValueError(f"resamples={self.resamples} must be 100 or more")
        if unknown := set(self.allowed) - set(ALLOWED):
            raise ValueError(f"allowed={sorted(unknown)} are not among {ALLOWED}")

    def metrics_of(self, scores: FrameScores) -> list[Metric]:
        """The metrics, each once, for the classes of ``scores``.

        Raises:
            ValueError: There is no such metric or class.
        """
        names = self.metrics or ("mIoU", f"Dice.{scores.focus}")
        return [parse_metric(name, scores.classes) for name in dict.fromkeys(names)]

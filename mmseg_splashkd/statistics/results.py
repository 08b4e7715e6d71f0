"""What a comparison of arms tells."""

from dataclasses import dataclass
from typing import Literal

from mmseg_splashkd.statistics.intervals import Interval

Method = Literal["frames", "frames and runs", "folds"]
Verdict = Literal["better", "worse", "cannot tell", "no verdict"]


@dataclass(frozen=True)
class ArmScores:
    """Scores of an arm.

    Args:
        name: Of the arm.
        runs: How many there are.
        frames: On how many frames they were tested, all folds together.
        blocks: Into how many blocks these were cut.
        scores: Mean over its runs by metric, percent; NaN where a class is absent.
        intervals: By metric; None where blocks are too few.
    """

    name: str
    runs: int
    frames: int
    blocks: int
    scores: dict[str, float]
    intervals: dict[str, Interval | None]


@dataclass(frozen=True)
class Difference:
    """How an arm differs from the baseline in one metric, in percentage points.

    Args:
        baseline: Name of the arm it is compared with.
        arm: Name of the arm; the difference is positive where it is better.
        metric: Name of the metric.
        method: What the interval is over: ``frames`` (one pair of runs, paired block
            bootstrap), ``frames and runs`` (several seeds on the same frames, the
            bootstrap and the spread between pairs) or ``folds`` (corrected resampled
            t-test on the difference in each fold).
        pairs: Number of pairs of runs.
        frames: Number of frames.
        blocks: Number of blocks.
        value: The difference, in points.
        interval: None where nothing can be said of the spread.
        pooled: With ``folds``, the interval of the same weights on other frames: all
            folds' frames together, by the bootstrap; else None.
        p: Two-sided p-value, adjusted (Holm) if several arms are compared; or None.
        comparisons: How many arms are compared with the baseline.
        verdict: ``better`` or ``worse`` where ``p`` is below 0.05; ``no verdict`` where
            there is no interval.
        more_frames: How many more would be needed to tell the difference as large as
            it was seen, with a power of 80 %; None where no number is enough.
        worth: A difference worth having, in points.
        more_frames_for_worth: The same for ``worth``; 0 where it would be seen already.
        false_claims: Number of frames, and how often (percent) runs that do not differ
            were told apart in simulation there; None for 200 frames and more.
        correlated: Whether blocks are so alike that the interval may be too narrow.
    """

    baseline: str
    arm: str
    metric: str
    method: Method
    pairs: int
    frames: int
    blocks: int
    value: float
    interval: Interval | None
    pooled: Interval | None
    p: float | None
    comparisons: int
    verdict: Verdict
    more_frames: int | None
    worth: float
    more_frames_for_worth: int | None
    false_claims: tuple[int, float] | None
    correlated: bool


@dataclass(frozen=True)
class Comparison:
    """What ``compare`` found.

    Args:
        metrics: Their names.
        arms: The baseline first.
        differences: Of each other arm from the baseline, by arm, then by metric.
        block: How long blocks were to be, in words.
        notes: What a reader has to know besides, a sentence each.
    """

    metrics: tuple[str, ...]
    arms: tuple[ArmScores, ...]
    differences: tuple[Difference, ...]
    block: str
    notes: tuple[str, ...]

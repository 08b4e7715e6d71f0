"""The result of a comparison of arms."""

from dataclasses import dataclass
from typing import Literal

from mmseg_splashkd.statistics.blocks import Unit
from mmseg_splashkd.statistics.equivalence import Equivalence
from mmseg_splashkd.statistics.intervals import Interval

Method = Literal["frames", "frames and runs", "folds"]
Verdict = Literal["better", "worse", "cannot tell", "no verdict"]


@dataclass(frozen=True)
class ArmScores:
    """Scores of an arm.

    Args:
        name: Label of the arm.
        runs: Number of runs.
        frames: Number of tested frames, over all folds.
        blocks: Number of blocks of these frames.
        scores: Metric -> mean over the runs in percent; NaN where a class is absent.
        intervals: Metric -> interval of that mean; None with too few blocks.
        source: Part, weights, iteration and decision of its scores, in words.
    """

    name: str
    runs: int
    frames: int
    blocks: int
    scores: dict[str, float]
    intervals: dict[str, Interval | None]
    source: str = ""


@dataclass(frozen=True)
class Difference:
    """Difference of an arm from the baseline in one metric, in percentage points.

    Args:
        baseline: Label of the baseline arm.
        arm: Label of the other arm; the difference is positive where it is better.
        metric: Name of the metric.
        method: ``frames`` (one pair of runs, paired block bootstrap), ``frames and
            runs`` (several seeds on the same frames: variance of the bootstrap plus
            variance between pairs) or ``folds`` (corrected resampled t-test on the
            difference in each fold).
        pairs: Number of pairs of runs.
        frames: Number of frames.
        blocks: Number of blocks.
        value: The difference, in points.
        interval: Interval of the difference; None if the variance cannot be estimated.
        pooled: With ``folds``, the block-bootstrap interval over the frames of all
            folds together, which holds for the same weights on other frames; else None.
        p: Two-sided p-value, Holm-adjusted if several arms are compared; None without
            an interval.
        comparisons: Number of arms that are compared with the baseline.
        verdict: ``better`` or ``worse`` where ``p`` < 0.05, else ``cannot tell``; ``no
            verdict`` without an interval.
        more_frames: Additional frames at which a true difference as large as the
            observed one is significant with a power of 80 %; None where no number is
            enough.
        worth: The smallest difference of interest, in points, > 0.
        more_frames_for_worth: The same for a true difference of ``worth``; 0 if the
            present frames are enough.
        false_claims: Number of frames of a simulation, and its false positive rate in
            percent; None for 200 frames and more, and without time stamps.
        correlated: Whether neighbouring blocks are so correlated that the interval may
            be too narrow.
        unit: What a block is, see ``Blocks``.
        equivalence: Whether it is shown to be smaller than a margin; None where that is
            not asked, or without an interval.
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
    unit: Unit = "time"
    equivalence: Equivalence | None = None


@dataclass(frozen=True)
class Comparison:
    """The result of ``compare``.

    Args:
        metrics: Names of the metrics.
        arms: Scores of the arms, the baseline first.
        differences: Differences from the baseline, by arm, then by metric.
        block: Length of a block, as text; ``recording`` without a length.
        unit: What a block is, see ``Blocks``.
        sampling: How frames were resampled, in words.
        notes: Caveats of this comparison, one sentence each.
    """

    metrics: tuple[str, ...]
    arms: tuple[ArmScores, ...]
    differences: tuple[Difference, ...]
    block: str
    notes: tuple[str, ...]
    unit: Unit = "time"
    sampling: str = ""

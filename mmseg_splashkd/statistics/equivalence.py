"""Is an arm as good as another one? Two one-sided tests at a margin.

Schuirmann, "A Comparison of the Two One-Sided Tests Procedure and the Power Approach
for Assessing the Equivalence of Average Bioavailability", Journal of Pharmacokinetics
and Biopharmaceutics 15, 1987. A difference that is not significant is no proof of
equality; that both a loss and a gain of the margin are ruled out is one.
"""

from dataclasses import dataclass
from typing import Literal

from scipy.special import stdtr

from mmseg_splashkd.statistics.intervals import ALPHA, Interval, interval_at
from mmseg_splashkd.statistics.planning import POWER

EquivalenceVerdict = Literal["equivalent", "better", "worse", "cannot tell"]
# Both tests at 5 %: the interval of 90 % lies within the margin. Where arms are equal,
# each fails with half of what the power leaves.
TWO_SIDED = 2 * ALPHA
EACH_POWER = (1 + POWER) / 2


@dataclass(frozen=True)
class Equivalence:
    """Whether a difference is shown to be smaller than a margin.

    Args:
        margin: The margin, in points, > 0.
        p: The larger p-value of the two one-sided tests, Holm-adjusted if several arms
            are compared.
        low: Lower end of the interval of 90 %, in points, which is not adjusted.
        high: Upper end.
        verdict: ``equivalent`` where ``p`` < 0.05; else ``better`` or ``worse`` where
            the difference itself is significant; else ``cannot tell``.
        more_frames: Additional frames at which arms without a difference are shown to
            be equivalent with a power of 80 %; None where no number is enough.
        false_claims: Number of frames of a simulation, and how many percent of copies
            that differ by the margin were called equivalent in it; None where that was
            not measured, and for 200 frames and more.
    """

    margin: float
    p: float
    low: float
    high: float
    verdict: EquivalenceVerdict
    more_frames: int | None
    false_claims: tuple[int, float] | None = None


def equivalence_p(interval: Interval, margin: float) -> float:
    """The larger p-value of the hypotheses that a difference is at least a margin.

    Args:
        interval: Interval of the difference.
        margin: The margin, in points, > 0.
    """
    inside = margin - abs(interval.value)
    if interval.error == 0:
        return float(inside <= 0)
    return float(stdtr(interval.df, -inside / interval.error))


def equivalence_of(
    interval: Interval,
    margin: float,
    p: float,
    verdict: str,
    more_frames: int | None,
    false_claims: tuple[int, float] | None = None,
) -> Equivalence:
    """The answer for a difference.

    Args:
        interval: Interval of the difference.
        margin: The margin, in points, > 0.
        p: Of ``equivalence_p``, adjusted for several arms.
        verdict: That on the difference itself.
        more_frames: See ``Equivalence``.
        false_claims: See ``Equivalence``.
    """
    within = interval_at(interval, TWO_SIDED)
    shown: EquivalenceVerdict = "cannot tell"
    if p < ALPHA:
        shown = "equivalent"
    elif verdict == "better" or verdict == "worse":
        shown = verdict
    return Equivalence(
        margin, p, within.low, within.high, shown, more_frames, false_claims
    )

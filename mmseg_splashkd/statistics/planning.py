"""Sample size for a given power, and correction for several comparisons."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from mmseg_splashkd.statistics.intervals import ALPHA, Interval, critical_t

POWER = 0.8
ROUNDS, TOLERANCE = 40, 1e-3


def frames_needed(
    difference: float,
    interval: Interval,
    frames: int,
    share_of_runs: float = 0.0,
    more_blocks: bool = True,
    independent: bool = False,
    alpha: float = ALPHA,
    power: float = POWER,
) -> int | None:
    """Number of frames at which a difference is significant with a given power.

    The variance over frames falls as 1 / N, the variance over seeds does not. The
    number of blocks, and with it the degrees of freedom, grows as sqrt(N), by the rule
    of ``cut_blocks``, or as N where single frames or recordings are the blocks.

    Args:
        difference: The assumed true difference, in points.
        interval: Interval of the difference from ``frames`` frames.
        frames: Current number of frames, N.
        share_of_runs: Fraction in [0, 1] of the squared standard error that comes from
            runs.
        more_blocks: Whether more frames add degrees of freedom.
        independent: Whether the number of blocks grows as N.
        alpha: Two-sided probability of a false claim, default 5 %.
        power: Probability of a claim, default 80 %.

    Returns:
        The total number of frames; None if no number is enough, because the difference
        is 0 or the variance over runs alone is too large.
    """
    strength = NormalDist().inv_cdf(power)
    of_runs = share_of_runs * interval.error**2
    of_frames = interval.error**2 - of_runs
    needed = float(frames)
    for _ in range(ROUNDS):
        df = interval.df
        if more_blocks:
            grown = needed / frames if independent else math.sqrt(needed / frames)
            df = max(1.0, (interval.df + 1) * grown - 1)
        allowed = (difference / (critical_t(df, alpha) + strength)) ** 2 - of_runs
        if allowed <= 0 or of_frames > 1e9 * allowed:
            return None
        # Half steps in the logarithm: full steps oscillate around the solution.
        before = needed
        needed = math.sqrt(needed * frames * max(of_frames / allowed, 1e-9))
        if abs(needed / before - 1) < TOLERANCE:
            break
    return math.ceil(needed)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-adjusted p-values: below 0.05 with a family-wise error of at most 5 %.

    Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian
    Journal of Statistics 6, 1979.

    Args:
        p_values: One per comparison.

    Returns:
        The adjusted values, in the same order.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted

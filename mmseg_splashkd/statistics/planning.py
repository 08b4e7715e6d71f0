"""What a difference takes to be seen, and what several comparisons cost."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from mmseg_splashkd.statistics.intervals import ALPHA, Interval
from mmseg_splashkd.statistics.student import critical

POWER = 0.8
ROUNDS, EXACT = 40, 1e-3


def frames_needed(
    difference: float,
    interval: Interval,
    frames: int,
    share_of_runs: float = 0.0,
    more_blocks: bool = True,
) -> int | None:
    """On how many frames a difference would be told with a power of 80 %.

    The variance over frames falls as 1 / N, that over seeds does not. The number of
    blocks, and with it the degrees of freedom, grows as sqrt(N), by the rule of
    ``cut_blocks``.

    Args:
        difference: The true one, in points.
        interval: What is known of the difference from ``frames`` frames.
        frames: N so far.
        share_of_runs: Which part of the squared standard error is of the runs.
        more_blocks: Whether more frames bring degrees of freedom.

    Returns:
        Their number; None if no number is enough, for the difference is 0 or the
        spread between the runs alone hides it.
    """
    strength = NormalDist().inv_cdf(POWER)
    of_runs = share_of_runs * interval.error**2
    of_frames = interval.error**2 - of_runs
    needed = float(frames)
    for _ in range(ROUNDS):
        df = interval.df
        if more_blocks:
            df = max(1.0, (interval.df + 1) * math.sqrt(needed / frames) - 1)
        allowed = (difference / (critical(ALPHA, df) + strength)) ** 2 - of_runs
        if allowed <= 0 or of_frames > 1e9 * allowed:
            return None
        # Half-way in logarithms: a step as a whole would swing about the answer.
        before = needed
        needed = math.sqrt(needed * frames * max(of_frames / allowed, 1e-9))
        if abs(needed / before - 1) < EXACT:
            break
    return math.ceil(needed)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of several comparisons, adjusted so that a claim is rash in 5 % at most.

    Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian
    Journal of Statistics 6, 1979.

    Args:
        p_values: Of each comparison.

    Returns:
        Adjusted ones, in the same order.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted

"""Verdicts in plain words."""

import math

from mmseg_splashkd.statistics import Difference, Interval
from mmseg_splashkd.statistics.blocks import FEWEST

MOST_FRAMES = 1_000_000


def points(value: float, low: float, high: float) -> list[str]:
    """Figures with one decimal, or as many as the ends need to differ from 0."""
    nearest = min((abs(end) for end in (low, high) if end), default=1.0)
    digits = min(4, max(1, math.ceil(-math.log10(2 * nearest))))
    rounded = [round(each, digits) + 0.0 for each in (value, low, high)]  # no -0.0
    return [f"{each:.{digits}f}" for each in rounded]


def interval_in_words(interval: Interval | None, value: float) -> str:
    """``71.3 (68.9 to 73.7)``, or the value alone."""
    if math.isnan(value):
        return "n/a"
    if interval is None:
        return f"{value:.1f} (no interval)"
    return f"{value:.1f} ({interval.low:.1f} to {interval.high:.1f})"


def verdict_in_words(found: Difference) -> str:
    """What can be said of a difference, in one sentence without its subject.

    For instance ``0.8 points better, 95 % interval 0.1 to 1.6, on 60 frames`` or
    ``cannot tell apart: about 240 more frames would be needed (...)``.
    """
    if found.interval is None:
        if math.isnan(found.value):
            return "no verdict: no frame has a pixel of the class"
        return (
            f"no verdict: {found.frames} frames make {found.blocks} blocks, and "
            f"{FEWEST} are needed"
        )
    if found.interval.error == 0 and found.value == 0:
        return f"cannot tell apart: the same scores on all {found.frames} frames"
    size = f"{_size(found.interval)}, on {found.frames} frames"
    if found.verdict in ("better", "worse"):
        return size
    if not found.interval.low <= 0 <= found.interval.high:
        return (
            f"cannot tell apart among {found.comparisons} comparisons, though alone it "
            f"would count: {size}"
        )
    return f"cannot tell apart: {_needed(found)} ({size})"


def _size(interval: Interval) -> str:
    value, low, high = points(interval.value, interval.low, interval.high)
    word = "better" if interval.value >= 0 else "worse"
    return f"{value.lstrip('-')} points {word}, 95 % interval {low} to {high}"


def _needed(found: Difference) -> str:
    more = found.more_frames
    if more is not None and more <= MOST_FRAMES:
        return f"about {_rounded(more)} more frames would be needed"
    if found.method == "frames and runs":
        return "more frames alone would not do, only more seeds"
    return "no number of frames would do for a difference as small as this"


def _rounded(count: int) -> str:
    """To two digits, upwards."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return f"{math.ceil(count / unit) * unit:,}"


def explanation(found: Difference) -> list[str]:
    """What belongs to a verdict: sentences on method, size and trust."""
    if found.interval is None:
        return []
    return [*_on_method(found), *_on_worth(found), *_on_trust(found)]


def _on_method(found: Difference) -> list[str]:
    if found.method == "frames":
        return [
            "That is about these two runs on other frames like these, not about "
            "training again."
        ]
    if found.method == "frames and runs":
        said = [
            f"That is from {found.pairs} pairs of runs on the same frames, about "
            f"training again and other frames like these."
        ]
        if found.pairs == 2:
            said.append(
                "Two pairs say little about luck in training: where it is large, such "
                "claims were rash in 12 % of simulated comparisons."
            )
        return said
    said = [
        f"That is from {found.pairs} pairs of runs, each on the frames of its fold, "
        f"about training again on data like these (corrected resampled t-test)."
    ]
    if found.pooled is not None:
        said.append(
            f"On all folds' frames as one: {_size(found.pooled)} (block bootstrap), on "
            f"which the verdict does not rest, for it leaves training out."
        )
    return said


def _on_worth(found: Difference) -> list[str]:
    if found.verdict in ("better", "worse") or found.interval is None:
        return []
    worth = f"{found.worth:g} point{'s' if found.worth != 1 else ''}"
    if max(-found.interval.low, found.interval.high) < found.worth:
        return [f"A difference of {worth} is ruled out."]
    more = found.more_frames_for_worth
    if more is None or more > MOST_FRAMES:
        return [f"More frames would not show a difference of {worth} either."]
    if more == 0:
        return [f"A difference of {worth} would have shown, four times in five."]
    return [
        f"To tell a difference of {worth}, about {_rounded(more)} more frames would be "
        f"needed."
    ]


def _on_trust(found: Difference) -> list[str]:
    said = []
    if found.false_claims is not None:
        size, rate = found.false_claims
        said.append(
            f"On {size} frames, runs that do not differ were told apart in {rate:.1f} "
            f"% of simulated comparisons; 5 % would be exact."
        )
    if found.correlated:
        said.append(
            "Neighbouring blocks still resemble each other: the interval may be too "
            "narrow. Longer blocks (--block) tell."
        )
    return said

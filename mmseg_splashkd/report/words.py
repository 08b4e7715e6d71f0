"""Verdicts as sentences, shared by the terminal, Markdown, JSON and HTML output."""

import math

from mmseg_splashkd.statistics import Difference, Interval
from mmseg_splashkd.statistics.blocks import FEWEST, Unit
from mmseg_splashkd.statistics.equivalence import Equivalence
from mmseg_splashkd.statistics.sampling import counted_blocks

MOST_FRAMES = 1_000_000
LONGER = (
    "Neighbouring blocks are still correlated: the interval may be too narrow. Try "
    "longer blocks (--block)."
)
BOOTSTRAPS: dict[Unit, str] = {
    "time": "block bootstrap",
    "order": "block bootstrap",
    "frame": "bootstrap of frames",
    "recording": "bootstrap of recordings",
}
CORRELATED: dict[Unit, str] = {
    "time": LONGER,
    "order": LONGER,
    "frame": "Frames that follow each other are correlated, as near-identical photos "
    "are: the interval may be too narrow. Put photos of one scene into one folder.",
    "recording": "Recordings that follow each other by name are correlated: the "
    "interval may be too narrow. Put recordings of one scene into one folder.",
}


def points(value: float, low: float, high: float) -> list[str]:
    """Format a difference and its interval with equally many decimals.

    One decimal, or as many as an end of the interval needs to differ from 0, at most 4.

    Args:
        value: Difference in points.
        low: Lower end of its interval.
        high: Upper end.

    Returns:
        The three as text.
    """
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


def verdict_in_words(difference: Difference) -> str:
    """The verdict on a difference as a sentence without its subject.

    Such as ``0.8 points better, 95 % interval 0.1 to 1.6, on 60 frames`` or
    ``cannot tell apart: about 240 more frames would be needed (...)``.
    """
    if difference.interval is None:
        if math.isnan(difference.value):
            return "no verdict: no frame has a pixel of the class"
        made = counted_blocks(difference.blocks, difference.unit)
        if difference.unit == "frame":
            return f"no verdict: {made}, and {FEWEST} are needed"
        return (
            f"no verdict: {difference.frames} frames make {made}, and {FEWEST} are "
            f"needed"
        )
    if difference.interval.error == 0 and difference.value == 0:
        return f"cannot tell apart: the same scores on all {difference.frames} frames"
    size = f"{_size(difference.interval)}, on {difference.frames} frames"
    if difference.verdict in ("better", "worse"):
        return size
    if not difference.interval.low <= 0 <= difference.interval.high:
        return (
            f"cannot tell apart among {difference.comparisons} comparisons, although a "
            f"single comparison would be significant: {size}"
        )
    return f"cannot tell apart: {_needed(difference)} ({size})"


def _size(interval: Interval) -> str:
    value, low, high = points(interval.value, interval.low, interval.high)
    word = "better" if interval.value >= 0 else "worse"
    return f"{value.lstrip('-')} points {word}, 95 % interval {low} to {high}"


def _needed(difference: Difference) -> str:
    more = difference.more_frames
    if more is not None and more <= MOST_FRAMES:
        return f"about {_rounded(more)} more frames would be needed"
    if difference.method == "frames and runs":
        return "more frames alone are not enough, more seeds are needed"
    return "no number of frames is enough for a difference as small as this"


def _points(value: float) -> str:
    return f"{value:g} point{'s' if value != 1 else ''}"


def _rounded(count: int) -> str:
    """Round up to two significant digits."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return f"{math.ceil(count / unit) * unit:,}"


def explanation(difference: Difference) -> list[str]:
    """Sentences that qualify a verdict: method, relevance and reliability."""
    if difference.interval is None:
        return []
    return [
        *on_equivalence(difference),
        *on_method(difference),
        *_on_relevance(difference),
        *_on_reliability(difference),
    ]


def on_equivalence(difference: Difference) -> list[str]:
    """Whether the arm is as good as the baseline, where that is asked."""
    found = difference.equivalence
    if found is None:
        return []
    _, low, high = points(difference.value, found.low, found.high)
    within = f"within {_points(found.margin)} of {difference.baseline}"
    interval = f"90 % interval {low} to {high}"
    if found.verdict == "equivalent":
        return [f"Equivalent: shown to be {within} ({interval}).", *_on_false(found)]
    shown = f"Not shown to be {within}"
    if -found.margin < found.low and found.high < found.margin:
        shown += f" among {difference.comparisons} comparisons, although one alone is"
    if found.verdict != "cannot tell":
        return [f"{shown} ({interval}), and {found.verdict}."]
    return [f"{shown} ({interval}): {_needed_to_show(difference, found)}."]


def _needed_to_show(difference: Difference, found: Equivalence) -> str:
    more, power = found.more_frames, "with a power of 80 % if they are equal"
    several = "" if difference.comparisons == 1 else ", in a comparison alone"
    if more == 0:
        return f"so many frames show it {power}{several}"
    if more is not None and more <= MOST_FRAMES:
        return f"about {_rounded(more)} more frames show it {power}{several}"
    if difference.method == "frames and runs" and more is None:
        return "more frames alone are not enough, more seeds are needed"
    return "no number of frames that could be had is enough"


def _on_false(found: Equivalence) -> list[str]:
    if found.false_claims is None:
        return []
    size, rate = found.false_claims
    return [
        f"On {size} frames, {rate:.1f} % of simulated copies that differ by the "
        f"margin, {_points(found.margin)} of Dice, were called equivalent (nominal: "
        f"5 %)."
    ]


def on_method(difference: Difference) -> list[str]:
    """What the interval covers: one run each, training again, or folds."""
    if difference.method == "frames":
        return [
            "This holds for these two runs on other frames of the same kind; it does "
            "not cover training again."
        ]
    if difference.method == "frames and runs":
        sentences = [
            f"This is from {difference.pairs} pairs of runs on the same frames and "
            f"covers training again and other frames of the same kind."
        ]
        if difference.pairs == 2:
            sentences.append(
                "Two pairs estimate the variance of training poorly: where it is "
                "large, 12 % of simulated comparisons were false claims."
            )
        return sentences
    sentences = [
        f"This is from {difference.pairs} pairs of runs, each on the frames of its "
        f"fold, and covers training again on data of the same kind (corrected "
        f"resampled t-test)."
    ]
    if difference.pooled is not None:
        sentences.append(
            f"All folds pooled: {_size(difference.pooled)} "
            f"({BOOTSTRAPS[difference.unit]}); the verdict does not use it, as it "
            f"ignores the variance of training."
        )
    return sentences


def _on_relevance(difference: Difference) -> list[str]:
    if difference.verdict in ("better", "worse") or difference.interval is None:
        return []
    worth = _points(difference.worth)
    if max(-difference.interval.low, difference.interval.high) < difference.worth:
        return [f"A difference of {worth} is ruled out."]
    more = difference.more_frames_for_worth
    if more is None or more > MOST_FRAMES:
        return [f"No number of frames would detect a difference of {worth} either."]
    if more == 0:
        return [f"A difference of {worth} would be detected with a power of 80 %."]
    return [
        f"To detect a difference of {worth}, about {_rounded(more)} more frames are "
        f"needed."
    ]


def _on_reliability(difference: Difference) -> list[str]:
    sentences = []
    if difference.false_claims is not None:
        size, rate = difference.false_claims
        sentences.append(
            f"On {size} frames, {rate:.1f} % of simulated comparisons of equal runs "
            f"were false claims (nominal: 5 %)."
        )
    if difference.correlated:
        sentences.append(CORRELATED[difference.unit])
    return sentences

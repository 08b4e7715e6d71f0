"""Which arm is best, and whether that is real, in a sentence or two."""

from dataclasses import dataclass

from mmseg_splashkd.report.comparison.words import interval_in_words, verdict_in_words
from mmseg_splashkd.report.experiments.arms import ArmRuns
from mmseg_splashkd.report.experiments.statistics import Findings


@dataclass(frozen=True)
class Headline:
    """What a reader in a hurry takes away.

    Args:
        tone: ``'better'``, ``'unsure'`` or ``'alone'``.
        claim: In a sentence.
        reasons: In a few more.
    """

    tone: str
    claim: str
    reasons: tuple[str, ...]


def headline(findings: Findings) -> Headline:
    """Say what was found."""
    baseline = findings.baseline
    if len(findings.arms) == 1:
        told = _score(findings, baseline)
        return Headline("alone", "One arm alone: there is nothing to compare.", (told,))
    proven = [arm for arm in findings.arms[1:] if _verdict(findings, arm) == "better"]
    if proven:
        return _proven(findings, proven)
    first, *_ = findings.arms[1:]
    reasons = [f"{first.title}: {_words(findings, first)}.", *_worse(findings)]
    if findings.best is baseline:
        claim = f"No arm scores above the baseline, {baseline.title}."
        reasons[0] = f"The nearest is {reasons[0]}"
    else:
        claim = f"No arm is clearly better than the baseline, {baseline.title}."
        reasons[0] = f"The highest is {reasons[0]}"
    return Headline("unsure", claim, tuple(reasons))


def _proven(findings: Findings, proven: list[ArmRuns]) -> Headline:
    lead, *others = proven
    claim = f"{lead.title} is better than the baseline, {findings.baseline.title}."
    reasons = [f"{_dice(findings)}: {_words(findings, lead)}."]
    if lead is not findings.best:
        best = findings.best
        reasons.append(
            f"{best.title} scores higher still, but that may be luck: "
            f"{_words(findings, best)}."
        )
    if others:
        reasons.append(f"Better, too: {_listed(others)}.")
    return Headline("better", claim, (*reasons, *_worse(findings)))


def _worse(findings: Findings) -> list[str]:
    worse = [arm for arm in findings.arms[1:] if _verdict(findings, arm) == "worse"]
    return [f"Worse than the baseline: {_listed(worse)}."] if worse else []


def _listed(arms: list[ArmRuns], most: int = 4) -> str:
    names = [arm.title for arm in arms[:most]]
    more = len(arms) - most
    return "; ".join([*names, f"{more} more"] if more > 0 else names)


def _verdict(findings: Findings, arm: ArmRuns) -> str:
    found = findings.difference(arm)
    return "no verdict" if found is None else found.verdict


def _words(findings: Findings, arm: ArmRuns) -> str:
    found = findings.difference(arm)
    return _score(findings, arm) if found is None else verdict_in_words(found)


def _score(findings: Findings, arm: ArmRuns) -> str:
    scores, metric = findings.scores(arm), findings.focus
    words = interval_in_words(scores.intervals[metric], scores.scores[metric])
    return f"{arm.title}: {_dice(findings)} {words} % on {scores.frames} frames."


def _dice(findings: Findings) -> str:
    return f"Dice of {findings.focus.partition('.')[2]}"

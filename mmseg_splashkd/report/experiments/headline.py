"""The main result in a sentence or two."""

from typing import NamedTuple

from mmseg_splashkd.report.arms import ArmRuns
from mmseg_splashkd.report.beside_teachers import BesideTeacher
from mmseg_splashkd.report.findings import Findings
from mmseg_splashkd.report.tables import name_of
from mmseg_splashkd.report.words import (
    interval_in_words,
    on_equivalence,
    on_method,
    verdict_in_words,
)

LISTED = 4  # arms


class Headline(NamedTuple):
    """The main result.

    Attributes:
        tone: ``'better'``, ``'unsure'`` or ``'alone'``, which selects the colour.
        claim: The result in one sentence.
        reasons: Further sentences.
    """

    tone: str
    claim: str
    reasons: tuple[str, ...]


def headline(findings: Findings) -> Headline:
    """Summarize findings: only a verdict is claimed, never a higher figure alone.

    Where argmax hides the focus class, figures by argmax are no result: the claim says
    so, or is at operating points (see ``operating_arms.decide``).
    """
    hidden = findings.hidden
    if hidden is None:
        return _with_teachers(findings, _headline(findings))
    if hidden.nowhere:
        focus = findings.baseline.arm.first.focus
        claim = f"No arm finds {focus}."
        reason = f"No threshold does better than predicting {focus} everywhere."
        return Headline("unsure", claim, (*hidden.sentences, reason))
    if hidden.obstacle is not None:
        claim, *reasons = hidden.sentences
        return Headline("unsure", claim, tuple(reasons))
    decided = _with_teachers(findings, _headline(findings))
    return decided._replace(reasons=(*hidden.sentences, *decided.reasons))


def _with_teachers(findings: Findings, found: Headline) -> Headline:
    """The headline, and whether the best arm of each teacher is as good as it."""
    answers = [
        _beside(each)
        for each in findings.beside_teachers
        if each.difference.equivalence
    ]
    return found._replace(reasons=(*found.reasons, *answers))


def _beside(found: BesideTeacher) -> str:
    difference, about = found.difference, ""
    if found.taught != found.scored:
        about = f", whose {found.taught} weights taught it and whose {found.scored} "
        about += "ones are scored"
    said = [*on_equivalence(difference), *on_method(difference)[:1], *found.notes]
    head = f"{difference.arm} beside its teacher, {difference.baseline}{about}: "
    return head + " ".join(said)


def _headline(findings: Findings) -> Headline:
    baseline = findings.baseline
    if len(findings.arms) == 1:
        claim = "One arm alone: there is nothing to compare."
        return Headline(
            "alone", claim, (f"{baseline.title}: {_words(findings, baseline)}.",)
        )
    proven = [arm for arm in findings.arms[1:] if _verdict(findings, arm) == "better"]
    if proven:
        return _proven(findings, proven)
    first = findings.arms[1]
    result = f"{first.title}: {_words(findings, first)}."
    if findings.best is baseline:
        claim = f"No arm scores above the baseline, {baseline.title}."
        reason = f"The nearest is {result}"
    else:
        claim = f"No arm is clearly better than the baseline, {baseline.title}."
        reason = f"The highest is {result}"
    return Headline("unsure", claim, (reason, *_worse(findings)))


def _proven(findings: Findings, proven: list[ArmRuns]) -> Headline:
    lead, *others = proven
    claim = f"{lead.title} is better than the baseline, {findings.baseline.title}."
    reasons = [f"{name_of(findings.focus)}: {_words(findings, lead)}."]
    if lead is not findings.best:
        best = findings.best
        reasons.append(
            f"{best.title} has a higher score, but the difference may be chance: "
            f"{_words(findings, best)}."
        )
    if others:
        reasons.append(f"Also better: {_listed(others)}.")
    return Headline("better", claim, (*reasons, *_worse(findings)))


def _worse(findings: Findings) -> list[str]:
    worse = [arm for arm in findings.arms[1:] if _verdict(findings, arm) == "worse"]
    return [f"Worse than the baseline: {_listed(worse)}."] if worse else []


def _listed(arms: list[ArmRuns]) -> str:
    names = [arm.title for arm in arms[:LISTED]]
    more = len(arms) - LISTED
    return "; ".join([*names, f"{more} more"] if more > 0 else names)


def _verdict(findings: Findings, arm: ArmRuns) -> str | None:
    difference = findings.difference(arm)
    return difference and difference.verdict


def _words(findings: Findings, arm: ArmRuns) -> str:
    difference, scores = findings.difference(arm), findings.scores(arm)
    if difference is not None:
        return verdict_in_words(difference)
    metric = findings.focus
    words = interval_in_words(scores.intervals[metric], scores.scores[metric])
    return f"{name_of(metric)} {words} % on {scores.frames} frames"

"""The section on scores within and across farms: sentences and tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmseg_splashkd.report.experiments.across_farms import AcrossFarms, ArmAcross
from mmseg_splashkd.report.experiments.tables import Figure
from mmseg_splashkd.report.findings import Findings
from mmseg_splashkd.report.formatting import number, plural, signed
from mmseg_splashkd.report.tables import markdown_table, name_of
from mmseg_splashkd.report.words import interval_in_words
from mmseg_splashkd.statistics import ArmScores, Interval
from mmseg_splashkd.statistics.blocks import FEWEST

LISTED = 6  # recordings
HEADS = (
    "Arm",
    "Within-farm",
    "Across-farm",
    "Across-farm loss, points",
    "Frames within",
    "Frames across",
)
MEANING = (
    "Across-farm loss: the within-farm score minus the across-farm score. "
    "Intervals are for other frames of these recordings; they do not cover other "
    "farms, of which each may differ more."
)
NO_WITHIN = (
    "The test part has no frame of a recording seen in training, so there is no score "
    "within the farm to compare with: split with a ratio of test above 0, or with "
    "--test-share."
)


class AcrossTable(NamedTuple):
    """Scores by one metric.

    Attributes:
        caption: Caption.
        heads: Headings.
        rows: Title of an arm, and its cells.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Figure]]]


def about_across(across: AcrossFarms, findings: Findings) -> dict[str, Any] | None:
    """Sentences, tables and notes of the section; None without an arm to show."""
    if not across.arms:
        return None
    return {
        "sentences": _sentences(across.arms),
        "tables": across_tables(across, findings.metrics),
        "notes": _notes(across.arms),
    }


def across_tables(across: AcrossFarms, metrics: Sequence[str]) -> list[AcrossTable]:
    """One table per metric, the one that ranks first."""
    return [
        AcrossTable(
            f"{name_of(metric)} in percent with 95 % intervals",
            HEADS,
            [(each.arm.title, _cells(each, metric)) for each in across.arms],
        )
        for metric in metrics
    ]


def _cells(each: ArmAcross, metric: str) -> list[Figure]:
    seen, unseen = each.scores.first, each.scores.second
    value, interval = each.scores.differences[metric]
    ends = f"{signed(interval.low)} to {signed(interval.high)}" if interval else ""
    return [
        _score(seen, metric),
        _score(unseen, metric),
        Figure(signed(value), ends),
        Figure(_frames(seen)),
        Figure(_frames(unseen)),
    ]


def _score(scores: ArmScores | None, metric: str) -> Figure:
    if scores is None:
        return Figure("n/a")
    interval = scores.intervals[metric]
    ends = f"{interval.low:.1f} to {interval.high:.1f}" if interval else ""
    return Figure(number(scores.scores[metric], 1), ends)


def _frames(scores: ArmScores | None) -> str:
    return f"{scores.frames:,}" if scores else "0"


def _sentences(arms: Sequence[ArmAcross]) -> list[str]:
    """Which recordings are seen and which are not, once for arms that agree."""
    titles: dict[str, list[str]] = {}
    for each in arms:
        titles.setdefault(_recordings(each), []).append(each.arm.title)
    if len(titles) == 1:
        return list(titles)
    return [f"{'; '.join(own)}: {text}" for text, own in titles.items()]


def _recordings(each: ArmAcross) -> str:
    names = each.recordings
    tested = len(names.seen) + len(names.unseen) + len(names.divided)
    of = f"{len(names.unseen)} of {plural(tested, 'recording')}"
    text = (
        f"Training has not seen {of} of the test part. Across-farm: "
        f"{_listed(names.unseen)}. Within-farm, seen in training: "
        f"{_listed(names.seen) if names.seen else 'none'}."
    )
    if names.divided:
        text += (
            f" Some runs have seen {_listed(names.divided)}, some have not: frames of "
            f"these are in none of the figures."
        )
    return text


def _listed(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    return ", ".join([*names[:LISTED], *([f"{more} more"] if more > 0 else [])])


def _notes(arms: Sequence[ArmAcross]) -> list[str]:
    notes = [MEANING]
    if any(each.scores.first is None for each in arms):
        notes.append(NO_WITHIN)
    differences = [
        found
        for each in arms
        if each.scores.first is not None
        for found in each.scores.differences.values()
    ]
    if any(math.isnan(value) for value, _ in differences):
        notes.append(
            "n/a: a class has pixels on one side only, so that its scores there, and "
            "means over classes, do not compare."
        )
    if any(interval is None and not math.isnan(v) for v, interval in differences):
        notes.append(
            f"No interval: fewer than {FEWEST} blocks of frames on one "
            f"side; test on more frames, or take shorter blocks (--block)."
        )
    return notes


def across_in_words(across: AcrossFarms, findings: Findings) -> str:
    """The scores of the best arm, else of the first, in one sentence; may be empty."""
    if not across.arms:
        return ""
    by_title: Mapping[str, ArmAcross] = {each.arm.title: each for each in across.arms}
    each = by_title.get(findings.best.title, across.arms[0])
    metric, scores = findings.focus, each.scores
    value, interval = scores.differences[metric]
    text = f"{each.arm.title}, {name_of(metric)}: {_words(scores.second, metric)} not"
    if scores.first is None:
        return f"{text} seen in training, no frames of recordings seen."
    loss = _loss(value, interval)
    return f"{text} seen in training, {_words(scores.first, metric)} seen: {loss}."


def _words(scores: ArmScores | None, metric: str) -> str:
    if scores is None:
        return "no frames of recordings"
    words = interval_in_words(scores.intervals[metric], scores.scores[metric])
    return f"{words} % on {plural(scores.frames, 'frame')} of recordings"


def _loss(value: float, interval: Interval | None) -> str:
    if math.isnan(value):
        return "across-farm loss n/a, one of them has no pixel of the class"
    return f"across-farm loss {interval_in_words(interval, value)} points"


def across_as_markdown(across: AcrossFarms, findings: Findings) -> str:
    """The same tables in Markdown, with their sentences and notes; may be empty."""
    shown = about_across(across, findings)
    if shown is None:
        return ""
    tables = [
        markdown_table(
            [f"{table.caption}", *table.heads[1:]],
            [[title, *map(str, cells)] for title, cells in table.rows],
        )
        for table in shown["tables"]
    ]
    return "\n\n".join([*shown["sentences"], *tables, *shown["notes"]]) + "\n"

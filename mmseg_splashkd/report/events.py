"""Scores of events: arms beside each other in the terminal, in Markdown and JSON."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.evaluation.events import (
    EventScores,
    EventSettings,
    RecordedEvent,
    event_metrics,
    events_of_scores,
    read_events,
    score_events,
)
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.report.arms_output import (
    arm_names,
    print_arms_tables,
    write_arms_json,
)
from mmseg_splashkd.report.event_intervals import event_intervals
from mmseg_splashkd.report.formatting import minus, number

HEADS = ["Arm", "Found", "True", "Precision (%)", "Recall (%)", "F1 (%)"]
FALSE = ["False alarms", "per hour", "Merged", "Split"]
ERRORS = ["Onset (s)", "End (s)", "Duration (s)", "Area (%)"]
NAN = float("nan")


class EventArm(NamedTuple):
    """Scores of the events of one arm.

    Attributes:
        name: Its name.
        scores: The scores.
    """

    name: str
    scores: EventScores


def compare_events(
    tables: Sequence[str | Path] = (),
    scores: Sequence[str | Path] = (),
    names: Sequence[str] = (),
    hours: float | None = None,
    tolerance: float = 0.0,
    settings: EventSettings | None = None,
    markdown: bool = False,
    json_file: str | Path | None = None,
    block: str | None = None,
) -> list[EventArm]:
    """Score the events of one or more arms, and print them beside each other.

    Args:
        tables: Tables of found events, one arm each, and at the end the table of the
            true ones. Each is a file, or a pattern whose files are read as one table.
        scores: Scores files of tests, one arm each, after those of ``tables``: their
            events are found in predictions and labels by ``settings``.
        names: Names of the arms; by default those of their files.
        hours: Observed time of each of ``tables`` in hours, above 0; None if unknown.
            That of scores is in them.
        tolerance: As ``tolerance_s`` in ``match_events``.
        settings: For ``scores``; by default those of ``EventSettings``.
        markdown: Print Markdown instead of tables for the terminal.
        json_file: File for all figures as JSON.
        block: Length of a block of frames of ``scores``, for their intervals; by
            default as of ``event_blocks``.

    Returns:
        The arms.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: A file is damaged, or an argument is out of its range.
    """
    files = [*tables[:-1], *scores]
    _check(tables, scores, names, hours, settings, block)
    chosen = settings or EventSettings()
    labels = list(names) or arm_names([str(file) for file in files])
    found = list(_of_tables(tables, NAN if hours is None else hours, tolerance))
    for file in scores:
        test = events_of_scores(load_scores(file), chosen)
        found.append(score_events(*test, tolerance_s=tolerance))
    arms = [EventArm(*each) for each in zip(labels, found, strict=True)]
    notes = list(_notes(arms, chosen if scores else None, tolerance))
    shown, values = list(_tables(arms)), [_as_json(arm) for arm in arms]
    if scores:
        own = labels[len(labels) - len(scores) :]
        intervals = event_intervals(scores, own, chosen, tolerance, block)
        shown += intervals.tables()
        notes += intervals.notes()
        for number, each in enumerate(values[-len(own) :]):
            each |= intervals.as_json(number)
    print_arms_tables(shown, notes, markdown)
    if json_file is not None:
        write_arms_json(json_file, values, notes)
    return arms


def settings_of(
    file: str | Path | None = None,
    on: float | None = None,
    off: float | None = None,
    min_seconds: float | None = None,
    gap_seconds: float | None = None,
) -> EventSettings | None:
    """The settings of a file, with those that are given in their place.

    Args:
        file: JSON file of ``EventSettings.as_json``; None for the defaults.
        on: As in ``EventSettings``; None for that of the file.
        off: The same.
        min_seconds: The same.
        gap_seconds: The same.

    Returns:
        None if nothing is given.
    """
    values = {
        "on": on,
        "off": off,
        "min_seconds": min_seconds,
        "gap_seconds": gap_seconds,
    }
    given = {name: value for name, value in values.items() if value is not None}
    if file is None and not given:
        return None
    base = EventSettings() if file is None else EventSettings.read(file)
    return replace(base, **given)


def _check(
    tables: Sequence[str | Path],
    scores: Sequence[str | Path],
    names: Sequence[str],
    hours: float | None,
    settings: EventSettings | None,
    block: str | None,
) -> None:
    if len(tables) == 1 or not (tables or scores):
        raise ValueError(
            f"tables={[str(each) for each in tables]}: give one or more tables of "
            f"found events and then the table of the true ones, or scores of a test"
        )
    if hours is not None and not tables:
        raise ValueError(
            f"hours={hours} is for tables of events: scores have their observed time"
        )
    if settings is not None and not scores:
        raise ValueError(
            f"settings={settings} are for scores: the events of tables are found "
            f"already"
        )
    if block is not None and not scores:
        raise ValueError(
            f"block={block!r} is for the intervals of scores: tables of events lack "
            f"the frames without one"
        )
    arms = len(tables[:-1]) + len(scores)
    if names and len(names) != arms:
        raise ValueError(f"names={list(names)}: give one for each of the {arms} arms")


def _of_tables(
    tables: Sequence[str | Path], hours: float, tolerance: float
) -> Iterator[EventScores]:
    if not tables:
        return
    true = _read_all(tables[-1])
    for table in tables[:-1]:
        yield score_events(_read_all(table), true, hours, tolerance)


def _read_all(source: str | Path) -> list[RecordedEvent]:
    """Events of a file, or of all files that fit a pattern."""
    paths = [str(source)]
    if not Path(source).exists():
        paths = sorted(glob.glob(str(source))) or paths  # noqa: PTH207 - absolute, too
    return [event for path in paths for event in read_events(path)]


def _tables(arms: Sequence[EventArm]) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Headings and rows: counts of events, and errors of pairs if there are any."""
    rows = [
        [
            arm.name,
            str(arm.scores.found),
            str(arm.scores.true),
            *(
                number(100 * value, 1)
                for value in (arm.scores.precision, arm.scores.recall, arm.scores.f1)
            ),
            str(arm.scores.false),
            number(arm.scores.false_per_hour),
            str(arm.scores.merged),
            str(arm.scores.split),
        ]
        for arm in arms
    ]
    yield [*HEADS, *FALSE], rows
    if any(arm.scores.pairs for arm in arms):
        yield ["Arm", "Pairs", *ERRORS], [_error_row(arm) for arm in arms]


def _error_row(arm: EventArm) -> list[str]:
    scores = arm.scores
    errors = (
        scores.onset_errors,
        scores.end_errors,
        scores.duration_errors,
        100 * scores.area_errors,
    )
    return [arm.name, str(len(scores.pairs)), *map(_error, errors)]


def _error(errors: np.ndarray) -> str:
    """Median, and in brackets the mean absolute error."""
    if not len(errors):
        return "n/a"
    median = minus(f"{np.median(errors):+.2f}")
    return f"{median} ({np.mean(np.abs(errors)):.2f})"


def _notes(
    arms: Sequence[EventArm], settings: EventSettings | None, tolerance: float
) -> Iterator[str]:
    yield (
        "A pair is a found and a true event that overlap in time"
        + (f", within {tolerance:g} s" if tolerance else "")
        + "; a false alarm overlaps no true event."
    )
    if any(arm.scores.pairs for arm in arms):
        yield (
            "Errors are found less true: the median over pairs, and in brackets the "
            "mean absolute error."
        )
    if settings is not None:
        yield (
            f"Events of scores begin at a share of {settings.on:g} and end below "
            f"{settings.off:g}, last {settings.min_seconds:g} s or longer and bridge "
            f"gaps of up to {settings.gap_seconds:g} s, in predictions and labels."
        )


def _as_json(arm: EventArm) -> dict[str, object]:
    hours = arm.scores.hours
    return {
        "name": arm.name,
        "hours": None if np.isnan(hours) else hours,
        "metrics": event_metrics(arm.scores),
    }

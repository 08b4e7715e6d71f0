"""Scores of tracks: arms beside each other in the terminal, in Markdown and JSON."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mmseg_splashkd.evaluation.following import (
    TrackedBlob,
    TrackScores,
    read_blobs,
    score_tracks,
)
from mmseg_splashkd.files import why_no_file
from mmseg_splashkd.foreign import read_rows
from mmseg_splashkd.report.arms_output import (
    arm_names,
    print_arms_tables,
    write_arms_json,
)
from mmseg_splashkd.report.formatting import minus, number

COUNTS = ["Arm", "True", "Found", "True tracks", "Found tracks", "Missed", "False"]
CHANGES = ["Switches", "Fragmentations"]
SHARES = ["MOTA (%)", "IDP (%)", "IDR (%)", "IDF1 (%)", "HOTA (%)", "DetA", "AssA"]


class TrackArm(NamedTuple):
    """Scores of the tracks of one arm.

    Attributes:
        name: Its name.
        scores: The scores.
        untracked: Number of found blobs without a track, which are left out.
        outside: Number of found and true blobs in frames that are not scored.
    """

    name: str
    scores: TrackScores
    untracked: int
    outside: int


def compare_tracks(
    tables: Sequence[str | Path],
    names: Sequence[str] = (),
    rows: str | Path | None = None,
    overlap: float = 0.5,
    markdown: bool = False,
    json_file: str | Path | None = None,
) -> list[TrackArm]:
    """Score the tracks of one or more arms, and print them beside each other.

    Args:
        tables: Tables of found tracks, one arm each, and at the end the table of the
            true ones.
        names: Names of the arms; by default those of their files.
        rows: ``rows.csv``: only its frames are scored; None: all frames of the tables.
        overlap: Least intersection over union of a found and a true box of a pair, in
            (0, 1].
        markdown: Print Markdown instead of tables for the terminal.
        json_file: File for all figures as JSON.

    Returns:
        The arms.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: A file is damaged, or an argument is out of its range.
    """
    if len(tables) < 2:
        raise ValueError(
            f"tables={[str(each) for each in tables]}: give one or more tables of "
            f"found tracks and then the table of the true ones"
        )
    files = tables[:-1]
    if names and len(names) != len(files):
        raise ValueError(
            f"names={list(names)}: give one for each of the {len(files)} arms"
        )
    labels = list(names) or arm_names([str(file) for file in files])
    times, true = None if rows is None else _times(rows), read_blobs(tables[-1])
    arms = [
        _arm(name, read_blobs(file), true, times, overlap)
        for name, file in zip(labels, files, strict=True)
    ]
    notes = list(_notes(arms, overlap))
    print_arms_tables(_tables(arms), notes, markdown)
    if json_file is not None:
        write_arms_json(json_file, [_as_json(arm) for arm in arms], notes)
    return arms


def _arm(
    name: str,
    found: Sequence[TrackedBlob],
    true: Sequence[TrackedBlob],
    times: set[int] | None,
    overlap: float,
) -> TrackArm:
    first, second = _inside(found, times), _inside(true, times)
    outside = len(found) - len(first) + len(true) - len(second)
    untracked = sum(each.track is None for each in first)
    return TrackArm(name, score_tracks(first, second, overlap), untracked, outside)


def _inside(blobs: Sequence[TrackedBlob], times: set[int] | None) -> list[TrackedBlob]:
    """Those of the frames that are scored."""
    return [each for each in blobs if times is None or each.time_ns in times]


def _times(path: str | Path) -> set[int]:
    """Times of the frames of ``rows.csv``."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"--rows {path} {why_no_file(path)}")
    header, found = read_rows(path, "table of rows")
    if "time_ns" not in header:
        raise ValueError(
            f"--rows {path} has no column time_ns: give the rows.csv of tools/watch.py"
        )
    try:
        return {int(row["time_ns"]) for row in found}
    except ValueError as error:
        raise ValueError(f"--rows {path}: time_ns is no whole number") from error


def _tables(arms: Sequence[TrackArm]) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Headings and rows: counts, and shares."""
    yield [*COUNTS, *CHANGES], [[arm.name, *_counts(arm.scores)] for arm in arms]
    yield ["Arm", *SHARES], [[arm.name, *_shares(arm.scores)] for arm in arms]


def _counts(scores: TrackScores) -> list[str]:
    values = (
        scores.true,
        scores.found,
        scores.true_tracks,
        scores.found_tracks,
        scores.missed,
        scores.false,
        scores.switches,
        scores.fragmentations,
    )
    return [f"{value:,}" for value in values]


def _shares(scores: TrackScores) -> list[str]:
    values = (
        scores.mota,
        scores.id_precision,
        scores.id_recall,
        scores.id_f1,
        scores.hota,
        scores.detection,
        scores.association,
    )
    return [minus(number(100 * value, 1)) for value in values]


def _notes(arms: Sequence[TrackArm], overlap: float) -> Iterator[str]:
    yield (
        f"A found and a true splash of a frame can be a pair from an intersection over "
        f"union of {overlap:g} of their boxes on; the blobs of a track in a frame are "
        f"one splash."
    )
    for arm in arms:
        if arm.untracked:
            yield f"{arm.name}: {arm.untracked:,} found blobs without a track left out."
        if arm.outside:
            yield f"{arm.name}: {arm.outside:,} blobs in frames that --rows lacks."


def _as_json(arm: TrackArm) -> dict[str, object]:
    values = arm.scores._asdict().items()
    # Undefined figures, such as shares of nothing, are omitted.
    metrics = {name: value for name, value in values if not math.isnan(value)}
    counts = {"untracked": arm.untracked, "outside": arm.outside}
    return {"name": arm.name, **counts, "metrics": metrics}

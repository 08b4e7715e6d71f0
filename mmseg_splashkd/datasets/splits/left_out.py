"""Recordings left out whole for the test part, such as those of one farm or camera.

A wrapper around any strategy, which then splits the other recordings as if these did
not exist: no frame of theirs, labelled or not, can reach training or validation.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mmseg_splashkd.datasets.frames import Frame, in_time_order
from mmseg_splashkd.datasets.split_table import EMBARGO, without_split
from mmseg_splashkd.datasets.splits.embargo import NO_EMBARGO, Embargo, too_near
from mmseg_splashkd.datasets.splits.groups import groups_of

LISTED = 5  # names
ONE = {  # what is told apart -> remedy where there is only one
    "recording": "put the frames of each into a folder of their own, or name it by "
    "(?P<recording>...) in timestamp_stem",
    "group": "give a group that finds more names",
}


def check_pattern(pattern: str) -> None:
    """Refuse a ``leave_out`` that is no regular expression.

    Raises:
        ValueError: For this reason.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"leave_out={pattern!r} is no regular expression: {error}. Put a "
            f"backslash before a bracket that is part of a name"
        ) from error


def find_left_out(
    frames: Sequence[Frame], pattern: str, group: str | None = None
) -> list[bool]:
    """Which frames belong to recordings that are left out.

    Args:
        frames: N frames in any order.
        pattern: Regular expression that is searched in the names of recordings, such as
            ``'^cam2'``.
        group: Regular expression of groups, whose names are searched instead; see
            ``groups_of``.

    Returns:
        N values; all frames of a recording, or of a group, have the same one.

    Raises:
        ValueError: The pattern is invalid, there is one recording only, or it matches
            none of them, or all.
    """
    check_pattern(pattern)
    names = groups_of(frames, group)
    search = re.compile(pattern).search
    matches = {name: search(name) is not None for name in names}
    kind = "recording" if group is None else "group"
    if len(matches) == 1:
        raise ValueError(
            f"leave_out={pattern!r} needs two {kind}s or more, and all frames are of "
            f"{names[0]!r}: {ONE[kind]}"
        )
    if not any(matches.values()):
        raise ValueError(
            f"leave_out={pattern!r} matches none of {_counted(matches, kind)}: give a "
            f"regular expression that is found in the names to leave out"
        )
    if all(matches.values()):
        raise ValueError(
            f"leave_out={pattern!r} matches all of {_counted(matches, kind)}, and "
            f"leaves no frame to train on: give an expression that fewer names match"
        )
    return [matches[name] for name in names]


def _counted(names: Iterable[str], kind: str) -> str:
    named = sorted(names)
    more = len(named) - LISTED
    listed = ", ".join([*map(repr, named[:LISTED]), *([f"{more} more"] * (more > 0))])
    return f"the {len(named)} {kind}s ({listed})"


def split_without(
    frames: Sequence[Frame],
    pattern: str,
    split_rest: Callable[[Sequence[Frame]], list[Frame]],
    embargo: Embargo = NO_EMBARGO,
    group: str | None = None,
) -> list[Frame]:
    """Leave recordings out for the test part, and split the others.

    Args:
        frames: Frames in any order; those with the split ``'test'`` are within no
            embargo.
        pattern: Regular expression of the recordings; see ``find_left_out``.
        split_rest: Strategy that splits the frames of the others.
        embargo: Minimum distance of these from the left-out ones: seconds count across
            recordings, frames within a recording only, so that they do not apply.
        group: Regular expression of groups to leave out instead of recordings.

    Returns:
        All frames in time order: those left out with the split ``'test'``, those of the
        others within the embargo of them with ``'embargo'``, the rest as
        ``split_rest`` returns them, whose test part remains.

    Raises:
        ValueError: The pattern is invalid, or matches no recording or all; no frame is
            left to train on; or for a reason of ``split_rest``.
    """
    ordered = in_time_order(frames)
    aside = find_left_out(ordered, pattern, group)
    left_out = {i for i, each in enumerate(aside) if each}
    near = {
        i
        for i in too_near(ordered, left_out, embargo, stacked=False)
        if ordered[i].split != "test"
    }
    rest = [f for i, f in enumerate(ordered) if i not in left_out | near]
    if not rest:
        raise ValueError(
            f"embargo {embargo} leaves none of {len(near)} frames that "
            f"leave_out={pattern!r} does not match: seconds count across recordings. "
            f"If they show other water, give the embargo in frames, such as 5"
        )
    split = split_rest(rest)
    if not any(frame.split == "train" for frame in split):
        raise ValueError(
            f"leave_out={pattern!r}, with the ratios and the embargo given, leaves no "
            f"training frame of {len(ordered) - len(left_out)} others: give train a "
            f"ratio above 0, or a smaller embargo"
        )
    parts = {"test": left_out, EMBARGO: near}
    apart = [
        replace(without_split(ordered[i]), split=part)
        for part, own in parts.items()
        for i in own
    ]
    return in_time_order([*split, *apart])


def left_out_notes(
    frames: Sequence[Frame], pattern: str, group: str | None = None
) -> list[str]:
    """What a split leaves out, in sentences for the terminal.

    Args:
        frames: Frames as ``split_without`` returns them.
        pattern: Its pattern.
        group: Its groups.
    """
    aside = find_left_out(frames, pattern, group)
    names = [
        name for name, own in zip(groups_of(frames, group), aside, strict=True) if own
    ]
    own = [frame for frame, is_out in zip(frames, aside, strict=True) if is_out]
    without = sum(not frame.label for frame in own)
    listed = ", ".join(f"{name} ({n} frames)" for name, n in Counter(names).items())
    notes = [f"Left out, for the test part alone: {listed}."]
    if without:
        notes.append(
            f"{without} of these frames have no label: they are in no training part, "
            f"and a test of the others needs unlabelled='skip'."
        )
    others = sum(
        frame.split == "test"
        for frame, is_out in zip(frames, aside, strict=True)
        if not is_out
    )
    notes.append(
        f"The test part also has {others} frames of other recordings."
        if others
        else "The test part has no frame of other recordings: there is no score within "
        "the farm to compare with. A ratio of test, or --test-share, adds some."
    )
    return notes

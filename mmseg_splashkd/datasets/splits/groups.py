"""Groups of frames that a split keeps together, such as photos of one session."""

import re
from collections.abc import Sequence

import numpy as np

from mmseg_splashkd.datasets.frames import Frame


def groups_of(frames: Sequence[Frame], pattern: str | None = None) -> list[str]:
    """Group of each frame.

    Args:
        frames: N frames.
        pattern: Regular expression that is searched in ``<recording>/<stem>``. The
            group is what its first parenthesis matches, or the whole match without
            one. Default: the recording is the group.

    Returns:
        N names.

    Raises:
        ValueError: The pattern is invalid or matches nothing in a name.
    """
    if pattern is None:
        return [frame.recording for frame in frames]
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise ValueError(f"group={pattern!r} is no regular expression: {error}") from (
            error
        )
    groups = []
    for frame in frames:
        name = f"{frame.recording}/{frame.stem}"
        match = search(name)
        if match is None:
            raise ValueError(f"group={pattern!r} matches nothing in {name!r}")
        own = match[1] if match.re.groups else match[0]
        groups.append(own or "")  # an optional parenthesis may match nothing
    return groups


def shuffled_groups(
    groups: Sequence[str] | None, count: int, seed: int
) -> list[list[int]]:
    """Indices of the frames of each group, the groups in random order.

    Args:
        groups: Group of each of ``count`` frames; None: each frame is its own group.
        count: Number of frames.
        seed: Seed of the order.
    """
    names = [str(i) for i in range(count)] if groups is None else groups
    members: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        members.setdefault(name, []).append(i)
    listed = [members[name] for name in sorted(members, key=lambda n: members[n][0])]
    order = np.random.default_rng(seed).permutation(len(listed))
    return [listed[i] for i in order]

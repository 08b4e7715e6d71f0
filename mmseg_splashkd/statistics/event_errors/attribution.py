"""Which found event each true event is counted in."""

from collections.abc import Sequence

from mmseg_splashkd.evaluation.events import Event


def attribute(found: Sequence[Event], true: Sequence[Event]) -> list[int | None]:
    """Attribute each true event to the found event that it overlaps longest.

    Unlike the pairs of ``match_events``, several true events may be of one found event,
    which merged them, so that sums over found events, and over what was missed, are
    sums over true events.

    Args:
        found: F events of one recording, in the order of time, which do not overlap.
        true: T events of the same recording.

    Returns:
        Index of the found event of each true event, the earlier one of equal overlaps;
        None for a true event that no found event overlaps.
    """
    return [_longest(found, event) for event in true]


def _longest(found: Sequence[Event], true: Event) -> int | None:
    best, longest = None, -1
    for index, event in enumerate(found):
        together = min(event.end_ns, true.end_ns) - max(event.start_ns, true.start_ns)
        if together >= 0 and together > longest:
            best, longest = index, together
    return best

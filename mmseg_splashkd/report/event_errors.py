"""Errors of events from a scores file, told and written."""

from pathlib import Path

import numpy as np

from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.evaluation.frame_scores import load_scores
from mmseg_splashkd.files import check_writable
from mmseg_splashkd.statistics.blocks import BlockLength
from mmseg_splashkd.statistics.event_errors import EventReference, reference_of
from mmseg_splashkd.statistics.event_errors.from_scores import known_frames


def write_errors(
    scores: str | Path,
    out: str | Path,
    block: str | None = None,
    settings: EventSettings | None = None,
) -> EventReference:
    """Compare the events of predictions with those of labels, and write the errors.

    Args:
        scores: Scores file (.npz) of frames with labels and times.
        out: JSON file to write.
        block: Length of a block, such as ``'10'`` frames or ``'1800s'``, see
            ``known_frames``.
        settings: When a series of shares is an event; default ``EventSettings()``.

    Returns:
        The errors.

    Raises:
        FileNotFoundError: There is no such scores file.
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: The scores lack times or probabilities, or show too few events.
    """
    check_writable(Path(out).absolute().parent, "--out")
    length = None if block is None else BlockLength.parse(block)
    loaded = load_scores(scores)
    frames = known_frames(loaded, length)
    reference = reference_of(frames, settings or EventSettings(), loaded.focus)
    reference.write(out)
    print(*_told(reference), f"Errors: {out}", sep="\n")
    return reference


def _told(reference: EventReference) -> list[str]:
    real, found = reference.real, len(reference.found)
    areas = [each.area_share_s / each.seen.area_share_s for each in real]
    times = [each.duration_s - each.seen.duration_s for each in real]
    low, high = np.quantile(areas, [0.1, 0.9])
    return [
        f"{found} found events in {reference.blocks} blocks: {found - len(real)} "
        f"false, {len(reference.missed)} missed",
        f"true area / found area: median {np.median(areas):.2f}, 80 % in {low:.2f} to "
        f"{high:.2f}",
        f"true duration - found: median {np.median(times):+.1f} s, mean "
        f"{np.mean(times):+.1f} s",
    ]

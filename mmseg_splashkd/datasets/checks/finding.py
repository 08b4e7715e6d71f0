"""What a check found, how bad it is, and by which code it is known."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

LEVELS = ("error", "warning", "note")  # an error spoils a run
NAMED = 3  # frames that a line of text names

CODES = {
    # Parts: told by the table or the folders alone.
    "empty_part": "A part has no frames.",
    "shared_frame": "A frame is in two parts.",
    "shared_label": "Two frames have one label file.",
    "missing_file": "A frame or a label does not exist.",
    "overlap": "Evaluated frames lie between training frames very near in time.",
    "border": "Evaluated frames are very near in time to a training frame.",
    "gap": "A recording pauses.",
    "unlabelled": "Frames have no label.",
    "odd_time": "A time stamp lies before 2000 or in the future.",
    "no_splash": "A part holds no splash.",
    "share_drift": "Parts differ much in their share of splash.",
    "teacher-leak": "A teacher was trained on frames that its student is scored on.",
    # Files: told by the pixels.
    "unreadable_image": "A frame is damaged or no image.",
    "unreadable_label": "A label is damaged or no image.",
    "size_mismatch": "A label has another size than its frame.",
    "several_sizes": "Frames of one recording differ in size.",
    "unknown_value": "A label holds a value outside the table, or is no gray map.",
    "all_ignored": "A label ignores every pixel.",
    "mostly_splash": "Most of a frame is labelled as the focus class.",
    "constant_frame": "A frame shows one colour.",
    "turned_frame": "A frame's EXIF tag turns it, but not its label.",
    "stale_share": "The table's splash_share is not what the labels hold.",
    "no_class": "A part lacks a class.",
    # Duplicates.
    "duplicate": "Two frames have the same pixels.",
    "near_duplicate": "Two frames look the same.",
    "still_scene": "Frames are too alike in time to tell a copy from a neighbour.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found.

    Args:
        level: ``'error'`` (a run would be spoiled), ``'warning'`` or ``'note'``.
        code: One of ``CODES``.
        message: What was found and what to do, without paths of frames.
        frames: Paths of the frames it is about, all of them.

    Raises:
        ValueError: There is no such level or code.
    """

    level: str
    code: str
    message: str
    frames: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, known in (("level", LEVELS), ("code", CODES)):
            if getattr(self, name) not in known:
                value = getattr(self, name)
                raise ValueError(f"{name}={value!r} is none of {sorted(known)}")

    def __str__(self) -> str:
        return f"[{self.code}] {self.text}"

    @property
    def text(self) -> str:
        """The message with the first frames named and the others counted."""
        if not self.frames:
            return self.message
        more = len(self.frames) - NAMED
        named = ", ".join(self.frames[:NAMED]) + (
            f" and {more} more" if more > 0 else ""
        )
        return f"{self.message.rstrip('.')}: {named}"


def counted(number: int, noun: str) -> str:
    """``1 frame``, ``2 frames``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def of_level(findings: Iterable[Finding], level: str) -> list[Finding]:
    """The findings of one level."""
    return [finding for finding in findings if finding.level == level]


def allow(findings: Iterable[Finding], codes: Collection[str]) -> list[Finding]:
    """Make the errors of some codes warnings: they are known, and meant.

    Args:
        findings: In any order.
        codes: Of ``CODES``.

    Raises:
        ValueError: There is no such code.
    """
    if strange := sorted(set(codes) - CODES.keys()):
        raise ValueError(f"allow={strange}: the codes are {sorted(CODES)}")
    return [
        replace(f, level="warning", message=f"{f.message} (allowed)")
        if f.level == "error" and f.code in codes
        else f
        for f in findings
    ]

"""Findings of the data set check: level, code and message."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

LEVELS = ("error", "warning", "note")  # an error makes a run invalid
NAMED = 3  # frames listed in a line of text

CODES = {
    # Parts: from the table or the folders only.
    "empty_part": "A part has no frames.",
    "shared_frame": "A frame is in two parts.",
    "shared_label": "Two frames have one label file.",
    "missing_file": "A frame or a label does not exist.",
    "overlap": "Evaluated frames lie between training frames close in time.",
    "border": "Evaluated frames are close in time to a training frame.",
    "gap": "A recording has a gap in time.",
    "unlabelled": "Frames have no label.",
    "odd_time": "A time stamp lies before 2000 or in the future.",
    "no_splash": "A part does not show the focus class.",
    "share_drift": "The share of the focus class differs strongly between parts.",
    "teacher-leak": "A teacher was trained on frames that its student is scored on.",
    "start-leak": "The weights to start from were trained on frames that are scored.",
    # Files: from the pixels.
    "unreadable_image": "A frame is damaged or not an image.",
    "unreadable_label": "A label is damaged or not an image.",
    "size_mismatch": "A label has another size than its frame.",
    "several_sizes": "Frames of one recording differ in size.",
    "unknown_value": "A label has a value outside the coding, or is not a gray map.",
    "all_ignored": "A label ignores every pixel.",
    "mostly_splash": "Most of a frame is labelled as the focus class.",
    "constant_frame": "A frame has one colour.",
    "deep_image": "A frame has 16 bits per channel, of which training reads 8.",
    "several_layouts": "Frames that are read unchanged differ in channels or bits.",
    "turned_frame": "A frame has an EXIF orientation, its label has none.",
    "stale_share": "The table's focus_share differs from the labels.",
    "no_class": "A part lacks a class.",
    # Duplicates.
    "duplicate": "Two frames have the same pixels.",
    "near_duplicate": "Two frames have nearly the same pixels.",
    "still_scene": "Neighbouring frames are too similar to detect near-duplicates.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of the data set check.

    Args:
        level: ``'error'`` (scores of a run would be invalid), ``'warning'`` or
            ``'note'``.
        code: One of ``CODES``.
        message: Description and remedy, without paths of frames.
        frames: Paths of all frames concerned.

    Raises:
        ValueError: There is no such level or code.
    """

    level: str
    code: str
    message: str
    frames: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, allowed in (("level", LEVELS), ("code", CODES)):
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name}={value!r} is not one of {sorted(allowed)}")

    def __str__(self) -> str:
        return f"[{self.code}] {self.text}"

    @property
    def text(self) -> str:
        """The message with the first frames listed and the others counted."""
        if not self.frames:
            return self.message
        more = len(self.frames) - NAMED
        listed = ", ".join(self.frames[:NAMED])
        listed += f" and {more} more" if more > 0 else ""
        return f"{self.message.rstrip('.')}: {listed}"


def counted(number: int, noun: str) -> str:
    """Number and noun in the plural if needed: ``1 frame``, ``2 frames``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def of_level(findings: Iterable[Finding], level: str) -> list[Finding]:
    """The findings of one level."""
    return [finding for finding in findings if finding.level == level]


def allow_codes(findings: Iterable[Finding], codes: Collection[str]) -> list[Finding]:
    """Downgrade errors with the given codes to warnings.

    Args:
        findings: Findings in any order.
        codes: Keys of ``CODES``.

    Returns:
        All findings in the same order.

    Raises:
        ValueError: There is no such code.
    """
    if unknown := sorted(set(codes) - CODES.keys()):
        raise ValueError(f"allow={unknown}: the codes are {sorted(CODES)}")
    return [
        replace(f, level="warning", message=f"{f.message} (allowed)")
        if f.level == "error" and f.code in codes
        else f
        for f in findings
    ]

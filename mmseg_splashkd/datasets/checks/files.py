"""Files: every frame and label decoded, and what their pixels tell."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from mmseg_splashkd.datasets.checks.finding import Finding, counted
from mmseg_splashkd.datasets.checks.tracks import Parts
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import IGNORE, LabelCoding, read_gray
from mmseg_splashkd.datasets.parallel import map_frames

MOSTLY = 0.5  # of a frame's labelled pixels
FLAT = 2  # gray values from the darkest to the brightest pixel of each channel
STALE = 0.001  # of a frame's pixels


@dataclass(frozen=True)
class FileFacts:
    """What one frame and its label hold.

    Args:
        frame: The frame.
        size: (width, height) as stored; None where it cannot be read.
        pixels: (C,) pixels of each class; None without a sound label.
        share: Share of the focus class among all pixels; None without a sound label.
        findings: About this frame alone.
    """

    frame: Frame
    size: tuple[int, int] | None
    pixels: np.ndarray | None
    share: float | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class FilesReport:
    """What the files of a data set hold.

    Args:
        findings: Of single frames, then of recordings and parts.
        facts: Path of a frame -> what it holds.
    """

    findings: list[Finding]
    facts: Mapping[str, FileFacts]

    def measured(self, parts: Parts) -> dict[str, list[Frame]]:
        """The parts, with the share of the focus class as the labels hold it."""
        return {
            part: [
                f
                if (share := self.facts[f.image].share) is None
                # What the label holds, whatever the table says.
                else replace(f, splash_share=share)
                for f in frames
            ]
            for part, frames in parts.items()
        }


def check_files(
    parts: Parts, coding: LabelCoding, focus: int | None = None, progress: bool = True
) -> FilesReport:
    """Decode every frame and every label.

    Args:
        parts: Name -> frames.
        coding: How labels are coded.
        focus: trainId of the class looked for, by default of that named splash, if
            there is one.
        progress: Show a progress bar.
    """
    if focus is None and "splash" in coding.classes:
        focus = list(coding.classes).index("splash")
    frames = list({f.image: f for frames in parts.values() for f in frames}.values())

    def inspect(frame: Frame) -> FileFacts:
        return _inspect(frame, coding, focus)

    read = map_frames(inspect, frames, "Reading files", progress)
    facts = {fact.frame.image: fact for fact in read}
    findings = [finding for fact in facts.values() for finding in fact.findings]
    findings += [*_sizes(facts), *_stale(facts)]
    findings += _classes(
        parts, class_pixels(parts, facts, len(coding.classes)), coding, focus
    )
    return FilesReport(findings, facts)


def class_pixels(
    parts: Parts, facts: Mapping[str, FileFacts], num_classes: int
) -> dict[str, np.ndarray]:
    """Part -> (C,) pixels of each class over its sound labels."""
    totals = {}
    for part, frames in parts.items():
        counts = (facts[frame.image].pixels for frame in frames)
        known = [count for count in counts if count is not None]
        totals[part] = np.sum([np.zeros(num_classes, np.int64), *known], axis=0)
    return totals


def _inspect(frame: Frame, coding: LabelCoding, focus: int | None) -> FileFacts:
    size, findings = _inspect_image(frame)
    if not frame.label or not Path(frame.label).is_file():
        return FileFacts(frame, size, None, None, tuple(findings))
    pixels, share, of_label = _inspect_label(frame, size, coding, focus)
    return FileFacts(frame, size, pixels, share, (*findings, *of_label))


def _inspect_image(frame: Frame) -> tuple[tuple[int, int] | None, list[Finding]]:
    if not Path(frame.image).is_file():
        return None, []  # the fast part says so
    paths, findings = (frame.image,), []
    try:
        with Image.open(frame.image) as image:
            turn = image.getexif().get(ExifTags.Base.Orientation, 1)
            rgb = image.convert("RGB")  # decodes it
            size = image.size
    except (OSError, SyntaxError, ValueError) as error:
        return None, [Finding("error", "unreadable_image", str(error), paths)]
    if turn != 1:
        level = "error" if frame.label else "warning"
        text = f"EXIF orientation {turn}: training turns the frame, but not its label"
        findings.append(Finding(level, "turned_frame", text, paths))
    low, high = np.asarray(rgb.getextrema()).T
    if (high - low <= FLAT).all():
        text = f"shows nothing but the colour {tuple(low.tolist())}"
        findings.append(Finding("warning", "constant_frame", text, paths))
    return size, findings


def _inspect_label(
    frame: Frame, size: tuple[int, int] | None, coding: LabelCoding, focus: int | None
) -> tuple[np.ndarray | None, float | None, list[Finding]]:
    """(C,) pixels of each class, share of the focus class, findings."""
    paths, label = (frame.image,), Path(frame.label)
    try:
        gray = read_gray(label)
    except ValueError as error:
        return None, None, [Finding("error", "unreadable_label", str(error), paths)]
    findings = []
    if size is not None and gray.shape[1::-1] != size:
        text = f"label is {gray.shape[1]}x{gray.shape[0]}, frame is {size[0]}x{size[1]}"
        findings.append(Finding("error", "size_mismatch", text, paths))
    try:
        train_ids = coding.to_train_ids(gray, f"label {label.name}")
    except ValueError as error:
        findings.append(Finding("error", "unknown_value", str(error), paths))
        return None, None, findings
    counts = np.bincount(train_ids.ravel(), minlength=IGNORE + 1)
    pixels = counts[: len(coding.classes)]
    labelled = int(pixels.sum())
    if not labelled:
        findings.append(
            Finding("error", "all_ignored", "label ignores every pixel", paths)
        )
        return pixels, None, findings
    if focus is None:
        return pixels, None, findings
    share = float(pixels[focus] / labelled)
    if share > MOSTLY:
        name = coding.classes[focus]
        text = f"{share:.0%} of the label is {name}: are its values swapped?"
        findings.append(Finding("warning", "mostly_splash", text, paths))
    return pixels, share, findings


def _sizes(facts: Mapping[str, FileFacts]) -> Iterator[Finding]:
    recordings = defaultdict(list)
    for fact in facts.values():
        if fact.size:
            recordings[fact.frame.recording].append(fact)
    for recording, of in recordings.items():
        sizes = Counter(fact.size for fact in of).most_common()
        if len(sizes) > 1:
            listed = ", ".join(f"{s[0]}x{s[1]} ({count})" for s, count in sizes if s)
            others = tuple(f.frame.image for f in of if f.size != sizes[0][0])
            text = f"recording {recording!r} has {len(sizes)} sizes of frames: {listed}"
            yield Finding("warning", "several_sizes", text, others)


def _stale(facts: Mapping[str, FileFacts]) -> Iterator[Finding]:
    stale = tuple(
        path
        for path, fact in facts.items()
        if fact.share is not None
        and fact.frame.splash_share is not None
        and abs(fact.share - fact.frame.splash_share) > STALE
    )
    if stale:
        text = (
            f"{counted(len(stale), 'row')} with a splash_share their labels do not hold"
        )
        yield Finding("warning", "stale_share", text, stale)


def _classes(
    parts: Parts,
    pixels: Mapping[str, np.ndarray],
    coding: LabelCoding,
    focus: int | None,
) -> Iterator[Finding]:
    """Classes a part lacks; the fast part judges the focus class by its share."""
    for part, counts in pixels.items():
        absent = [
            name
            for i, name in enumerate(coding.classes)
            if counts[i] == 0 and i != focus
        ]
        if absent and counts.any():
            text = f"{part} holds no pixel of {', '.join(absent)}"
            yield Finding("warning", "no_class", text)

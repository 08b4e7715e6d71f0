"""Checks of every image and label file by its decoded pixels."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.checks.finding import Finding, counted
from mmseg_splashkd.datasets.checks.tracks import Parts, unique_frames
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.integrity import read_frame
from mmseg_splashkd.datasets.label_coding import LabelCoding, read_gray
from mmseg_splashkd.datasets.parallel import map_frames

MOSTLY = 0.5  # share of a frame's labelled pixels
FLAT = 2  # maximum range of each channel of a constant frame, in gray values
STALE = 0.001  # share of a frame's pixels
SIZES_LISTED = 5  # the commonest sizes of a recording


@dataclass(frozen=True)
class FileFacts:
    """Content of one frame and its label.

    Args:
        frame: The frame.
        size: (width, height) in pixels as stored; None if the image is unreadable.
        pixels: (C,) pixel count of each class; None without a valid label.
        share: Share of the focus class among labelled pixels, in [0, 1]; None without a
            valid label or focus class.
        findings: Findings about this frame only.
        layout: Channels and type of the pixels, such as ``'4 x uint16'``, where
            training reads them unchanged; None otherwise.
    """

    frame: Frame
    size: tuple[int, int] | None
    pixels: np.ndarray | None
    share: float | None
    findings: tuple[Finding, ...]
    layout: str | None = None


@dataclass(frozen=True)
class FilesReport:
    """Content of all files of a data set.

    Args:
        findings: Findings about single frames, then about recordings and parts.
        facts: Path of a frame -> its content.
    """

    findings: list[Finding]
    facts: Mapping[str, FileFacts]

    def measured(self, parts: Parts) -> dict[str, list[Frame]]:
        """The parts with ``splash_share`` as measured on the labels."""
        return {
            part: [self._measured(frame) for frame in frames]
            for part, frames in parts.items()
        }

    def _measured(self, frame: Frame) -> Frame:
        share = self.facts[frame.image].share
        return frame if share is None else replace(frame, splash_share=share)


def check_files(
    parts: Parts,
    coding: LabelCoding,
    focus: int | None = None,
    progress: bool = True,
    unchanged: bool = False,
) -> FilesReport:
    """Decode every frame and every label.

    Args:
        parts: Name -> frames.
        coding: Label coding of the labels.
        focus: trainId of the focus class; default: the class named splash, if any.
        progress: Show a progress bar; default True.
        unchanged: Whether training reads all channels and bits of the files, by
            ``LoadImageFromFile(color_type="unchanged")``; default False.
    """
    if focus is None and "splash" in coding.classes:
        focus = list(coding.classes).index("splash")

    def inspect(frame: Frame) -> FileFacts:
        return _inspect(frame, coding, focus, unchanged)

    read = map_frames(inspect, unique_frames(parts), "Reading files", progress)
    facts = {fact.frame.image: fact for fact in read}
    findings = [finding for fact in facts.values() for finding in fact.findings]
    findings += [*_sizes(facts), *_channels(facts), *_stale(facts)]
    findings += _classes(
        parts, class_pixels(parts, facts, len(coding.classes)), coding, focus
    )
    return FilesReport(findings, facts)


def class_pixels(
    parts: Parts, facts: Mapping[str, FileFacts], num_classes: int
) -> dict[str, np.ndarray]:
    """Part -> (C,) pixel count of each class over its valid labels."""
    totals = {}
    for part, frames in parts.items():
        counts = (facts[frame.image].pixels for frame in frames)
        valid = [count for count in counts if count is not None]
        totals[part] = np.sum([np.zeros(num_classes, np.int64), *valid], axis=0)
    return totals


def _inspect(
    frame: Frame, coding: LabelCoding, focus: int | None, unchanged: bool
) -> FileFacts:
    size, layout, findings = _inspect_image(frame, unchanged)
    if not frame.label or not Path(frame.label).is_file():
        return FileFacts(frame, size, None, None, tuple(findings), layout)
    pixels, share, of_label = _inspect_label(frame, size, coding, focus)
    return FileFacts(frame, size, pixels, share, (*findings, *of_label), layout)


def _inspect_image(
    frame: Frame, unchanged: bool
) -> tuple[tuple[int, int] | None, str | None, list[Finding]]:
    if not Path(frame.image).is_file():
        return None, None, []  # check_parts reports it
    paths, findings = (frame.image,), []
    try:
        header, pixels = read_frame(Path(frame.image), unchanged)
    except ValueError as error:
        return None, None, [Finding("error", "unreadable_image", str(error), paths)]
    if header.orientation != 1 and not unchanged:  # which reads them unturned
        level = "error" if frame.label else "warning"
        orientation = f"EXIF orientation {header.orientation}"
        text = f"{orientation} rotates the frame, but not its label"
        findings.append(Finding(level, "turned_frame", text, paths))
    if header.deep and not unchanged:
        text = (
            f"16 bits per channel, of which training reads the upper 8: values "
            f"{pixels.min()} to {pixels.max()} of 255"
        )
        findings.append(Finding("warning", "deep_image", text, paths))
    low, high = pixels.min((0, 1)), pixels.max((0, 1))
    if (high - low <= FLAT).all():
        text = f"all pixels have the colour {tuple(low.tolist())}"
        findings.append(Finding("warning", "constant_frame", text, paths))
    layout = f"{pixels.shape[2]} x {pixels.dtype}" if unchanged else None
    return header.size, layout, findings


def _inspect_label(
    frame: Frame, size: tuple[int, int] | None, coding: LabelCoding, focus: int | None
) -> tuple[np.ndarray | None, float | None, list[Finding]]:
    """(C,) pixel count of each class, share of the focus class, findings."""
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
    pixels = coding.class_pixels(train_ids)
    labelled = int(pixels.sum())
    if not labelled:
        findings.append(
            Finding("error", "all_ignored", "label ignores all pixels", paths)
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
        # Photos are of several cameras and crops; frames of a video are not.
        if fact.size and fact.frame.has_time:
            recordings[fact.frame.recording].append(fact)
    for recording, own in recordings.items():
        sizes = Counter(fact.size for fact in own).most_common()
        if len(sizes) > 1:
            common = [(size, count) for size, count in sizes if size][:SIZES_LISTED]
            listed = ", ".join(f"{s[0]}x{s[1]} ({count})" for s, count in common)
            if rest := len(sizes) - len(common):
                listed += f", and {counted(rest, 'other size')}"
            others = tuple(f.frame.image for f in own if f.size != sizes[0][0])
            text = f"recording {recording!r} has {len(sizes)} frame sizes: {listed}"
            yield Finding("warning", "several_sizes", text, others)


def _channels(facts: Mapping[str, FileFacts]) -> Iterator[Finding]:
    """One normalisation fits one number of channels and one range of values."""
    layouts = Counter(fact.layout for fact in facts.values() if fact.layout)
    if len(layouts) > 1:
        common, _ = layouts.most_common(1)[0]
        listed = ", ".join(f"{each} ({n})" for each, n in layouts.most_common())
        others = tuple(
            fact.frame.image
            for fact in facts.values()
            if fact.layout and fact.layout != common
        )
        text = f"frames differ in channels or bits, and are read unchanged: {listed}"
        yield Finding("error", "several_layouts", text, others)


def _stale(facts: Mapping[str, FileFacts]) -> Iterator[Finding]:
    stale = tuple(
        path
        for path, fact in facts.items()
        if fact.share is not None
        and fact.frame.splash_share is not None
        and abs(fact.share - fact.frame.splash_share) > STALE
    )
    if stale:
        text = f"{counted(len(stale), 'row')} with another focus_share than the label"
        yield Finding("warning", "stale_share", text, stale)


def _classes(
    parts: Parts,
    pixels: Mapping[str, np.ndarray],
    coding: LabelCoding,
    focus: int | None,
) -> Iterator[Finding]:
    """Classes without a pixel in a part; ``check_parts`` covers the focus class."""
    for part, counts in pixels.items():
        absent = [
            name
            for i, name in enumerate(coding.classes)
            if counts[i] == 0 and i != focus
        ]
        if absent and counts.any():
            text = f"{part} has no pixel of {', '.join(absent)}"
            yield Finding("warning", "no_class", text)

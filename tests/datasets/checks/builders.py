"""A valid split of the synthetic pond, for tests that add errors to it."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mmseg_splashkd.datasets.checks import Finding
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.split_table import read_table, write_table

# Indices of 31 frames, three seconds apart, with an embargo of four frames.
PARTS = {"train": range(18), "embargo": range(18, 22), "val": range(22, 28)}
PARTS["test"] = range(28, 31)


def clean_pond(pond: Path, folder: Path) -> Path:
    """Copy the pond, split it and return its table."""
    shutil.copytree(pond, folder)
    frames = read_table(folder / "frames.csv")
    split = [
        replace(frames[i], split=part)
        for part, indices in PARTS.items()
        for i in indices
    ]
    return write_table(folder / "frames.csv", split)


def parts_of(table: Path) -> dict[str, list[Frame]]:
    """Parts of a split table, without the embargo."""
    frames = read_table(table)
    return {
        part: [frame for frame in frames if frame.split == part]
        for part in ("train", "val", "test")
    }


def frame(second: float, part: str = "train", **changes) -> Frame:
    """A frame without a file."""
    nanoseconds = round((1_714_521_600 + second) * 10**9)
    stem = f"{part}_{second}"
    created = Frame("pond", nanoseconds, f"{stem}.png", f"labels/{stem}.png")
    return replace(created, **changes)


def row_of(letters: str, interval: float = 3) -> dict[str, list[Frame]]:
    """Frames of one recording, one per letter: t(rain) or v(al); others are gaps."""
    names = {"t": "train", "v": "val"}
    parts: dict[str, list[Frame]] = {"train": [], "val": []}
    for i, letter in enumerate(letters):
        if letter in names:
            parts[names[letter]].append(frame(i * interval, names[letter]))
    return parts


def finding_of(findings: Sequence[Finding], code: str) -> Finding:
    """The single finding with a code."""
    (found,) = [finding for finding in findings if finding.code == code]
    return found


def codes(findings: Sequence[Finding], *without: str) -> set[str]:
    """Codes of the findings, except some."""
    return {finding.code for finding in findings} - set(without)


def seconds(finding: Finding, parts: Mapping[str, Sequence[Frame]]) -> list[float]:
    """Times of the frames of a finding in seconds since the first frame of all."""
    frames = {f.image: f.timestamp for part in parts.values() for f in part}
    start = min(frames.values())
    return sorted((frames[path] - start) / 10**9 for path in finding.frames)

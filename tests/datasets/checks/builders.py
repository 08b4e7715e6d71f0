"""A drawn pond in parts that no check finds fault with, to plant faults in."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mmseg_splashkd.datasets.checks import Finding
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.split_table import read_table, write_table

# Of 31 frames, three seconds apart; the four between train and val are the embargo.
PARTS = {"train": range(18), "embargo": range(18, 22), "val": range(22, 28)}
PARTS["test"] = range(28, 31)


def clean_pond(pond: Path, folder: Path) -> Path:
    """Copy the pond and split it; returns its table."""
    shutil.copytree(pond, folder)
    frames = read_table(folder / "frames.csv")
    split = [replace(frames[i], split=part) for part, of in PARTS.items() for i in of]
    return write_table(folder / "frames.csv", split)


def parts_of(table: Path) -> dict[str, list[Frame]]:
    """The parts of a split table, without its embargo."""
    frames = read_table(table)
    return {
        part: [frame for frame in frames if frame.split == part]
        for part in ("train", "val", "test")
    }


def frame(second: float, part: str = "train", **changes) -> Frame:
    """A frame without a file."""
    nanoseconds = round((1_714_521_600 + second) * 10**9)
    stem = f"{part}_{second}"
    made = Frame("pond", nanoseconds, f"{stem}.png", f"labels/{stem}.png")
    return replace(made, **changes)


def row_of(letters: str, interval: float = 3) -> dict[str, list[Frame]]:
    """Frames of one recording; a letter each: t(rain), v(al) or a pause."""
    names = {"t": "train", "v": "val"}
    parts: dict[str, list[Frame]] = {"train": [], "val": []}
    for i, letter in enumerate(letters):
        if letter in names:
            parts[names[letter]].append(frame(i * interval, names[letter]))
    return parts


def of_code(findings: Sequence[Finding], code: str) -> Finding:
    """The only finding of a code."""
    (found,) = [finding for finding in findings if finding.code == code]
    return found


def codes(findings: Sequence[Finding], *without: str) -> set[str]:
    """The codes found, but for some."""
    return {finding.code for finding in findings} - set(without)


def seconds(finding: Finding, parts: Mapping[str, Sequence[Frame]]) -> list[float]:
    """When the frames of a finding were taken, from the first of all."""
    frames = {f.image: f.timestamp for part in parts.values() for f in part}
    start = min(frames.values())
    return sorted((frames[path] - start) / 10**9 for path in finding.frames)

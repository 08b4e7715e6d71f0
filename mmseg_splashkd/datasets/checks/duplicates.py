"""Copies of frames: by their pixels, and by a perceptual hash of them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.checks.finding import Finding, counted
from mmseg_splashkd.datasets.checks.tracks import Parts
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.parallel import map_frames

HASH_SIDE = 16
BITS = HASH_SIDE**2
# Of the drawn pond, a copy through JPEG (quality 80) or with noise of +-2 is at most 10
# bits away, the nearest of all other frames 26, neighbours in time 50 to 67.
MAX_DISTANCE = 12
FAR_BELOW = 4  # times nearer than neighbours in time
STILL = 16  # bits between neighbours in time, below which copies do not stand out
WINDOW = 2  # neighbours in time on either side
SAME = -1  # the distance of frames with the same pixels
BLOCK = 512  # frames compared with all others at once


class Pair(NamedTuple):
    """Two frames that look the same, and the parts they are in."""

    first: Frame
    second: Frame
    parts: tuple[str, str]
    distance: int  # bits of 256 that differ
    exact: bool  # the same pixels


@dataclass(frozen=True)
class Duplicates:
    """Copies in a data set.

    Args:
        findings: One for each two parts, or part, and kind of copy.
        pairs: Each frame with its nearest copy in other parts and in its own, those
            across parts first, nearest first.
    """

    findings: list[Finding]
    pairs: list[Pair]


class _Print(NamedTuple):
    digest: bytes  # of the decoded pixels
    bits: np.ndarray  # (BITS,) bool


def find_duplicates(
    parts: Parts, threshold: int | None = None, progress: bool = True
) -> Duplicates:
    """Find frames that are copies of others.

    Frames look the same if their perceptual hashes (the signs of 16x16 low frequencies
    around their median) differ in few bits. A fixed camera makes all frames alike, so
    what is few is measured: at most 12 of 256, and at most a quarter of what lies
    between either frame and its neighbours in time. Where these are all but alike, as
    on still water at night, only the same pixels count. Damaged and one-coloured frames
    are left out.

    Args:
        parts: Name -> frames; a path is looked at once, in its first part.
        threshold: Bits up to which frames count as copies, by default measured.
        progress: Show a progress bar.

    Raises:
        ImportError: imagehash is not installed.
    """
    _import_imagehash()
    part_of = {f.image: part for part in [*parts][::-1] for f in parts[part]}
    frames = list({f.image: f for frames in parts.values() for f in frames}.values())
    prints = map_frames(_print_of, frames, "Comparing frames", progress)
    known = [(f, p) for f, p in zip(frames, prints, strict=True) if p is not None]
    if len(known) < 2:
        return Duplicates([], [])
    frames, prints = [f for f, _ in known], [p for _, p in known]
    names = np.array([part_of[frame.image] for frame in frames])
    bits = np.stack([p.bits for p in prints])
    limits = distance_limits(frames, bits)
    if threshold is not None:
        limits[:] = threshold
    _, digests = np.unique([p.digest for p in prints], return_inverse=True)
    pairs = _pairs(frames, names, bits, digests, limits)
    return Duplicates([*_findings(pairs), *_still(frames, limits)], pairs)


def _import_imagehash():
    try:
        import imagehash
    except ImportError as error:
        raise ImportError(
            "looking for duplicates needs imagehash: pip install 'mmseg_splashkd[data]'"
        ) from error
    return imagehash


def _print_of(frame: Frame) -> _Print | None:
    try:
        with Image.open(frame.image) as image:
            rgb = image.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return None
    low, high = np.asarray(rgb.getextrema()).T
    if (low == high).all():
        return None  # all black frames are alike, and tell nothing
    digest = hashlib.sha256(repr(rgb.size).encode() + rgb.tobytes()).digest()
    bits = _import_imagehash().phash(rgb, hash_size=HASH_SIDE).hash.ravel()
    return _Print(digest, bits)


def distance_limits(frames: Sequence[Frame], bits: np.ndarray) -> np.ndarray:
    """Bits up to which another frame counts as a copy of each.

    Args:
        frames: N frames.
        bits: (N, 256) bool, their hashes.

    Returns:
        (N,) limits; -1 where only the same pixels count.
    """
    recordings = defaultdict(list)
    for i in sorted(range(len(frames)), key=lambda i: frames[i].timestamp):
        recordings[frames[i].recording].append(i)
    # The farthest of a few neighbours: one may be the copy itself.
    farthest = np.full(len(frames), -1)
    for order in map(np.array, recordings.values()):
        for step in range(1, min(WINDOW, len(order) - 1) + 1):
            first, second = order[:-step], order[step:]
            apart = (bits[first] != bits[second]).sum(1)
            farthest[first] = np.maximum(farthest[first], apart)
            farthest[second] = np.maximum(farthest[second], apart)
    farthest[farthest < 0] = BITS  # alone in its recording
    limits = np.minimum(MAX_DISTANCE, farthest // FAR_BELOW)
    return np.where(farthest < STILL, SAME, limits)


def _still(frames: Sequence[Frame], limits: np.ndarray) -> Iterator[Finding]:
    still = tuple(frames[i].image for i in np.flatnonzero(limits == SAME).tolist())
    if still:
        text = (
            f"{len(still)} of {len(frames)} frames all but like their neighbours in "
            f"time: of these, only copies with the same pixels are found"
        )
        yield Finding("note", "still_scene", text, still)


def _pairs(
    frames: Sequence[Frame],
    names: np.ndarray,
    bits: np.ndarray,
    digests: np.ndarray,
    limits: np.ndarray,
) -> list[Pair]:
    """Each frame's nearest copy in other parts, and that in its own."""
    signs = np.where(bits, 1, -1).astype(np.float32)
    found = {}
    for start in range(0, len(frames), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(frames)))
        # Of equal signs there are (BITS + product) / 2: exact in float32.
        distance = (BITS - signs[rows] @ signs.T) / 2
        distance[digests[rows, None] == digests] = SAME
        distance[distance > np.minimum(limits[rows, None], limits)] = np.inf
        distance[np.arange(len(rows)), rows] = np.inf
        across = names[rows, None] != names
        for kind in (across, ~across):
            nearest = np.where(kind, distance, np.inf)
            columns = nearest.argmin(1)
            near = nearest[np.arange(len(rows)), columns] < np.inf
            for i, j in zip(rows[near], columns[near], strict=True):
                found[min(i, j), max(i, j)] = int(distance[i - start, j])
    pairs = [
        Pair(frames[i], frames[j], (str(names[i]), str(names[j])), max(0, d), d < 0)
        for (i, j), d in found.items()
    ]
    return sorted(
        pairs, key=lambda p: (p.parts[0] == p.parts[1], not p.exact, p.distance)
    )


def _findings(pairs: Sequence[Pair]) -> list[Finding]:
    groups = defaultdict(list)
    for pair in pairs:
        groups[pair.parts, pair.exact].append(pair)
    return [_finding(parts, exact, group) for (parts, exact), group in groups.items()]


def _finding(parts: tuple[str, str], exact: bool, pairs: Sequence[Pair]) -> Finding:
    first, second = parts
    where = f"within {first}" if first == second else f"between {first} and {second}"
    if first == second:
        level = "note"
    else:  # val and test apart from each other matter less than from training
        level = "warning" if set(parts) == {"val", "test"} else "error"
    how = (
        "the same pixels"
        if exact
        else f"up to {max(p.distance for p in pairs)} of {BITS} bits apart"
    )
    text = f"{counted(len(pairs), 'pair')} of copies {where}, {how}"
    code = "duplicate" if exact else "near_duplicate"
    return Finding(level, code, text, tuple(f.image for p in pairs for f in p[:2]))

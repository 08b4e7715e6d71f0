"""Duplicate frames: identical pixels, or similar perceptual hashes."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.checks.finding import Finding, counted
from mmseg_splashkd.datasets.checks.tracks import Parts, unique_frames
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.image_file import read_as_training, read_picture
from mmseg_splashkd.datasets.parallel import map_frames

HASH_SIDE = 16
BITS = HASH_SIDE**2
# In the synthetic pond, a copy through JPEG (quality 80) or with noise of +-2 differs
# in at most 10 bits, all other frames in at least 26, neighbours in time in 50 to 67.
MAX_DISTANCE = 12
FAR_BELOW = 4  # minimum ratio of the neighbours' distance to a copy's distance
STILL = 16  # distance of neighbours below which near-duplicates cannot be detected
WINDOW = 2  # neighbours in time on either side
SAME = -1  # distance of frames with identical pixels
BLOCK = 512  # frames compared with all others at once


class Pair(NamedTuple):
    """Two duplicate frames and their parts."""

    first: Frame
    second: Frame
    parts: tuple[str, str]
    distance: int  # number of differing bits, of 256
    exact: bool  # identical pixels


@dataclass(frozen=True)
class Duplicates:
    """Duplicate frames of a data set.

    Args:
        findings: One finding per pair of parts, or part, and kind of duplicate.
        pairs: Each frame with its nearest duplicate in other parts and in its own part;
            pairs across parts first, then by distance.
    """

    findings: list[Finding]
    pairs: list[Pair]


class _Hashes(NamedTuple):
    digest: bytes  # SHA-256 of the decoded pixels
    bits: np.ndarray  # (BITS,) bool


def find_duplicates(
    parts: Parts,
    threshold: int | None = None,
    progress: bool = True,
    unchanged: bool = False,
) -> Duplicates:
    """Find frames that are copies of other frames.

    Near-duplicates have perceptual hashes (signs of 16x16 low DCT frequencies relative
    to their median) that differ in few bits. All frames of a fixed camera are similar,
    so the limit is relative: at most 12 of 256 bits, and at most a quarter of the
    distance between either frame and its neighbours in time. If neighbours are nearly
    identical, as on still water at night, only identical pixels count. Frames without
    time have no neighbours, so the limit is 12 bits. Damaged frames and frames of one
    colour are skipped.

    Args:
        parts: Name -> frames; a path in several parts counts for the first.
        threshold: Maximum number of differing bits of duplicates, in [0, 256]; default:
            the limit described above.
        progress: Show a progress bar; default True.
        unchanged: Whether training reads all channels and bits of the files; default
            False.

    Raises:
        ImportError: imagehash is not installed.
    """
    _import_imagehash()
    part_of = {f.image: part for part in [*parts][::-1] for f in parts[part]}
    frames = unique_frames(parts)

    def read(frame: Frame) -> _Hashes | None:
        return _hashes_of(frame, unchanged)

    hashes = map_frames(read, frames, "Comparing frames", progress)
    hashed = zip(frames, hashes, strict=True)
    usable = [(frame, own) for frame, own in hashed if own is not None]
    if len(usable) < 2:
        return Duplicates([], [])
    frames, hashes = [f for f, _ in usable], [own for _, own in usable]
    names = np.array([part_of[frame.image] for frame in frames])
    bits = np.stack([h.bits for h in hashes])
    limits = distance_limits(frames, bits)
    if threshold is not None:
        limits[:] = threshold
    _, digests = np.unique([h.digest for h in hashes], return_inverse=True)
    pairs = _pairs(frames, names, bits, digests, limits)
    return Duplicates([*_findings(pairs), *_still(frames, limits)], pairs)


def _import_imagehash():
    try:
        import imagehash
    except ImportError as error:
        raise ImportError(
            "the search for duplicates needs imagehash: pip install -e '.[data]'"
        ) from error
    return imagehash


def _hashes_of(frame: Frame, unchanged: bool) -> _Hashes | None:
    try:
        pixels = read_as_training(frame.image, unchanged)
    except ValueError:  # reported by check_files
        return None
    if (pixels.min((0, 1)) == pixels.max((0, 1))).all():
        return None  # all frames of one colour have the same hash
    digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
    image = Image.fromarray(read_picture(frame.image) if unchanged else pixels)
    bits = _import_imagehash().phash(image, hash_size=HASH_SIDE).hash
    return _Hashes(digest, bits.ravel())


def distance_limits(frames: Sequence[Frame], bits: np.ndarray) -> np.ndarray:
    """Maximum distance of a near-duplicate of each frame.

    Args:
        frames: N frames.
        bits: (N, 256) bool, their perceptual hashes.

    Returns:
        (N,) limits in bits; -1 if only identical pixels count.
    """
    recordings = defaultdict(list)
    timed = (i for i, frame in enumerate(frames) if frame.has_time)
    for i in sorted(timed, key=lambda i: frames[i].timestamp):
        recordings[frames[i].recording].append(i)
    # Use the farthest of several neighbours, because one may be the copy itself.
    farthest = np.full(len(frames), -1)
    for order in map(np.array, recordings.values()):
        for step in range(1, min(WINDOW, len(order) - 1) + 1):
            first, second = order[:-step], order[step:]
            distance = (bits[first] != bits[second]).sum(1)
            farthest[first] = np.maximum(farthest[first], distance)
            farthest[second] = np.maximum(farthest[second], distance)
    farthest[farthest < 0] = BITS  # no neighbour in time
    limits = np.minimum(MAX_DISTANCE, farthest // FAR_BELOW)
    return np.where(farthest < STILL, SAME, limits)


def _still(frames: Sequence[Frame], limits: np.ndarray) -> Iterator[Finding]:
    still = tuple(frames[i].image for i in np.flatnonzero(limits == SAME).tolist())
    if still:
        text = (
            f"{len(still)} of {len(frames)} frames nearly identical to their "
            f"neighbours in time: only copies with identical pixels are detected"
        )
        yield Finding("note", "still_scene", text, still)


def _pairs(
    frames: Sequence[Frame],
    names: np.ndarray,
    bits: np.ndarray,
    digests: np.ndarray,
    limits: np.ndarray,
) -> list[Pair]:
    """Nearest duplicate of each frame in other parts and in its own part."""
    signs = np.where(bits, 1, -1).astype(np.float32)
    distances = {}
    for start in range(0, len(frames), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(frames)))
        # The number of equal signs is (BITS + product) / 2; exact in float32.
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
                distances[min(i, j), max(i, j)] = int(distance[i - start, j])
    pairs = [
        Pair(frames[i], frames[j], (str(names[i]), str(names[j])), max(0, d), d < 0)
        for (i, j), d in distances.items()
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
    else:  # a copy between val and test does not affect training
        level = "warning" if set(parts) == {"val", "test"} else "error"
    how = (
        "with identical pixels"
        if exact
        else f"with up to {max(p.distance for p in pairs)} of {BITS} differing bits"
    )
    text = f"{counted(len(pairs), 'pair')} of copies {where}, {how}"
    code = "duplicate" if exact else "near_duplicate"
    return Finding(level, code, text, tuple(f.image for p in pairs for f in p[:2]))

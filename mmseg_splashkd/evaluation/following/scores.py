"""How good are found tracks? Identities, switches and HOTA against true tracks."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from mmseg_splashkd.evaluation.components import Area
from mmseg_splashkd.evaluation.following.grouping import joined
from mmseg_splashkd.evaluation.following.table import TrackedBlob

ALPHAS = np.arange(1, 20) / 20  # of HOTA
SLACK = 1e-9  # of an overlap, so that 0.3 is at least 0.3
KEEP = 1000.0  # more than the overlap of all pairs of a frame: a pair that lasts


class Frame(NamedTuple):
    """Found and true splashes of one frame.

    Attributes:
        found: (F,) index of the track of each found splash, from 0.
        true: (T,) index of the track of each true one.
        overlap: (T, F) intersection over union of their boxes, in [0, 1].
    """

    found: np.ndarray
    true: np.ndarray
    overlap: np.ndarray


class TrackScores(NamedTuple):
    """Scores of the tracks of one recording; ratios are in [0, 1], or NaN of nothing.

    A found and a true splash of a frame can be a pair if the intersection over union of
    their boxes is at least the threshold.

    Attributes:
        frames: Number of frames with a found or a true splash.
        true: Number of true splashes, one a frame and track.
        found: Number of found ones.
        true_tracks: Number of true tracks.
        found_tracks: Number of found ones.
        missed: True splashes without partner.
        false: Found splashes without partner.
        switches: Frames in which a true track has another partner than it had last.
        fragmentations: Times at which a true track is found again after frames that
            have it and in which it was missed.
        mota: 1 - (missed + false + switches) / true (Bernardin & Stiefelhagen 2008,
            eq. 2); below 0 with many false ones.
        id_precision: IDTP / found (Ristani et al. 2016): each true track has one found
            track at most, such that the most splashes agree.
        id_recall: IDTP / true.
        id_f1: 2 IDTP / (true + found).
        hota: Mean over 19 thresholds of the root of detection x association accuracy
            (Luiten et al. 2021, eq. 15 and 18).
        detection: The mean detection accuracy.
        association: The mean association accuracy.
    """

    frames: int
    true: int
    found: int
    true_tracks: int
    found_tracks: int
    missed: int
    false: int
    switches: int
    fragmentations: int
    mota: float
    id_precision: float
    id_recall: float
    id_f1: float
    hota: float
    detection: float
    association: float


def frames_of(
    found: Sequence[TrackedBlob], true: Sequence[TrackedBlob]
) -> tuple[list[Frame], int, int]:
    """Splashes by frame; the blobs of one track in a frame are one splash.

    Args:
        found: Found blobs; those without a track are left out.
        true: True blobs.

    Returns:
        The frames that have a splash, in the order of time; the number of found and of
        true tracks.
    """
    both = [_splashes(each) for each in (found, true)]
    ids = [sorted({i for frame in each.values() for i in frame}) for each in both]
    places = [{i: place for place, i in enumerate(each)} for each in ids]
    frames = []
    for time in sorted(set(both[0]) | set(both[1])):
        first, second = (each.get(time, {}) for each in both)
        frames.append(
            Frame(
                np.array([places[0][i] for i in first], np.int64),
                np.array([places[1][i] for i in second], np.int64),
                overlaps(list(second.values()), list(first.values())),
            )
        )
    return frames, len(ids[0]), len(ids[1])


def overlaps(first: Sequence[Area], second: Sequence[Area]) -> np.ndarray:
    """(A, B) intersection over union of the boxes of A and of B areas."""
    one, two = (
        np.array([each.box for each in areas], np.float64).reshape(-1, 4)
        for areas in (first, second)
    )
    low = np.maximum(one[:, None, :2], two[None, :, :2])
    high = np.minimum(one[:, None, 2:], two[None, :, 2:])
    common = (high - low).clip(0).prod(-1)
    sizes = [(each[:, 2:] - each[:, :2]).prod(-1) for each in (one, two)]
    return common / (sizes[0][:, None] + sizes[1][None] - common)


def score_tracks(
    found: Sequence[TrackedBlob], true: Sequence[TrackedBlob], threshold: float = 0.5
) -> TrackScores:
    """Score found tracks of one recording against the true ones.

    Args:
        found: Found blobs, of frames in any order.
        true: True blobs, of the same frames.
        threshold: Least intersection over union of a pair, in (0, 1].

    Raises:
        ValueError: ``threshold`` is out of its range.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold={threshold!r}: give a share in (0, 1]")
    frames, found_tracks, true_tracks = frames_of(found, true)
    n_found = sum(len(frame.found) for frame in frames)
    n_true = sum(len(frame.true) for frame in frames)
    pairs, switches, fragmentations = clear_counts(frames, threshold)
    agreeing = id_true_positives(frames, found_tracks, true_tracks, threshold)
    hota, detection, association = hota_of(frames, found_tracks, true_tracks)
    errors = n_true - pairs + n_found - pairs + switches
    return TrackScores(
        frames=len(frames),
        true=n_true,
        found=n_found,
        true_tracks=true_tracks,
        found_tracks=found_tracks,
        missed=n_true - pairs,
        false=n_found - pairs,
        switches=switches,
        fragmentations=fragmentations,
        mota=1 - ratio(errors, n_true),
        id_precision=ratio(agreeing, n_found),
        id_recall=ratio(agreeing, n_true),
        id_f1=ratio(2 * agreeing, n_found + n_true),
        hota=hota,
        detection=detection,
        association=association,
    )


def ratio(part: float, whole: float) -> float:
    """``part / whole``; NaN of nothing."""
    return part / whole if whole else float("nan")


def clear_counts(frames: Sequence[Frame], threshold: float) -> tuple[int, int, int]:
    """Pairs, switches and fragmentations (Bernardin & Stiefelhagen 2008).

    A pair of the frame before stays a pair while it can; the others are those with the
    most pairs, and among these the largest overlap. TrackEval lets the sum of overlaps
    decide instead, which can give fewer pairs in a crowd, at a low threshold.
    """
    pairs = switches = fragmentations = 0
    last: dict[int, int] = {}  # partner of each true track, whenever it was
    paired: dict[int, int] = {}  # partner in the last frame that has the true track
    lost: set[int] = set()  # true tracks that were missed since their last partner
    for frame in frames:
        now = _pairs(frame, paired, threshold)
        for track in frame.true.tolist():
            if track not in now:
                paired.pop(track, None)
                lost |= {track} & set(last)
                continue
            switches += track in last and last[track] != now[track]
            fragmentations += track in lost
            lost.discard(track)
            last[track] = paired[track] = now[track]
        pairs += len(now)
    return pairs, switches, fragmentations


def id_true_positives(
    frames: Sequence[Frame], found: int, true: int, threshold: float
) -> int:
    """IDTP (Ristani et al. 2016): splashes that agree, under the best pairs of tracks.

    Args:
        frames: The frames.
        found: Number of found tracks.
        true: Number of true tracks.
        threshold: Least overlap.
    """
    together = np.zeros((true, found))
    for frame in frames:
        rows, columns = np.nonzero(frame.overlap >= threshold - SLACK)
        together[frame.true[rows], frame.found[columns]] += 1
    best = linear_sum_assignment(together, maximize=True)
    return int(together[best].sum())


def hota_of(
    frames: Sequence[Frame], found: int, true: int
) -> tuple[float, float, float]:
    """HOTA, detection and association accuracy (Luiten et al. 2021).

    Pairs are those with the largest overlap, weighted by how well the two tracks agree
    over all frames, as in the implementation of its authors (TrackEval).

    Args:
        frames: The frames.
        found: Number of found tracks.
        true: Number of true tracks.
    """
    n_true, n_found = np.zeros(true), np.zeros(found)
    agree = np.zeros((true, found))
    for frame in frames:
        n_true[frame.true] += 1
        n_found[frame.found] += 1
        each = frame.overlap
        whole = each.sum(0)[None] + each.sum(1)[:, None] - each
        agree[np.ix_(frame.true, frame.found)] += np.divide(
            each, whole, out=np.zeros_like(each), where=whole > 0
        )
    if not n_true.sum() + n_found.sum():
        return float("nan"), float("nan"), float("nan")
    either = n_true[:, None] + n_found[None]
    weights = agree / (either - agree)
    pairs = np.zeros((len(ALPHAS), true, found))
    for frame in frames:
        worth = weights[np.ix_(frame.true, frame.found)] * frame.overlap
        rows, columns = linear_sum_assignment(worth, maximize=True)
        reached = frame.overlap[rows, columns] >= ALPHAS[:, None] - SLACK
        pairs[:, frame.true[rows], frame.found[columns]] += reached
    hits = pairs.sum((1, 2))
    detection = hits / (n_true.sum() + n_found.sum() - hits)
    shares = pairs / np.maximum(either - pairs, 1)
    association = (pairs * shares).sum((1, 2)) / np.maximum(hits, 1)
    hota = np.sqrt(detection * association)
    return float(hota.mean()), float(detection.mean()), float(association.mean())


def _splashes(blobs: Sequence[TrackedBlob]) -> dict[int, dict[int, Area]]:
    """Time -> id -> splash."""
    frames: dict[int, dict[int, list[Area]]] = {}
    for time_ns, track, blob in blobs:
        if track is not None:
            frames.setdefault(time_ns, {}).setdefault(track, []).append(blob)
    return {
        time: {track: joined(areas) for track, areas in sorted(tracks.items())}
        for time, tracks in frames.items()
    }


def _pairs(frame: Frame, paired: Mapping[int, int], threshold: float) -> dict[int, int]:
    """Partner of each true track that has one in a frame."""
    can = frame.overlap >= threshold - SLACK
    lasts = np.array([paired.get(track, -1) for track in frame.true.tolist()], int)
    stays = can & (lasts[:, None] == frame.found[None])
    worth = np.where(can, 1 + frame.overlap / (1 + can.size), 0) + KEEP * stays
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return {
        int(frame.true[row]): int(frame.found[column])
        for row, column in zip(rows, columns, strict=True)
        if can[row, column]
    }

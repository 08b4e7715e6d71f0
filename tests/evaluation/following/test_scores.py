"""Scores of tracks against ``trackers.eval``, and against cases worked out by hand."""

import math

import numpy as np
import pytest

from mmseg_splashkd.evaluation.components import Area
from mmseg_splashkd.evaluation.following import TrackedBlob, score_tracks
from mmseg_splashkd.evaluation.following.scores import (
    Frame,
    TrackScores,
    clear_counts,
    frames_of,
)

SIDE = 10


def at(time: int, track: int | None, x: int, y: int = 0) -> TrackedBlob:
    """A square of 10 x 10 pixels."""
    box = (x, y, x + SIDE, y + SIDE)
    return TrackedBlob(time, track, Area(box, SIDE**2, (x + 4.5, y + 4.5)))


def series(track: int, times, x: int = 0, y: int = 0) -> list[TrackedBlob]:
    return [at(time, track, x, y) for time in times]


def random_tracks(
    seed: int, apart: int = 15
) -> tuple[list[TrackedBlob], list[TrackedBlob]]:
    """Tracks that are shifted, missed, switched, and false ones; no frame is empty."""
    rng = np.random.default_rng(seed)
    found, true = [], []
    for time in range(30):
        for track in range(4):
            if rng.random() < 0.8 or track == 0:
                true.append(at(time, track, apart * track, 0))
            if rng.random() < 0.8 or track == 0:
                shift = int(rng.integers(-6, 7))
                named = track + 10 * int(rng.integers(0, 3))
                found.append(at(time, named, apart * track + shift, 0))
        if rng.random() < 0.3:
            found.append(at(time, 99, 5, int(rng.integers(0, 12))))
    return found, true


def oracle(found, true, threshold: float) -> dict[str, float]:
    """The port of TrackEval in ``trackers``, of the overlaps alone."""
    library = pytest.importorskip("trackers.eval")
    frames, _, _ = frames_of(found, true)
    ids = [frame.true for frame in frames], [frame.found for frame in frames]
    given = (*ids, [frame.overlap for frame in frames])
    return (
        library.compute_clear_metrics(*given, threshold)
        | library.compute_identity_metrics(*given, threshold)
        | library.compute_hota_metrics(*given)
    )


@pytest.mark.parametrize("threshold", [0.3, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_trackeval(seed, threshold):
    found, true = random_tracks(seed)
    scores, expected = (
        score_tracks(found, true, threshold),
        oracle(found, true, threshold),
    )
    assert scores.switches > 10
    assert scores.switches == expected["IDSW"]
    assert scores.missed == expected["CLR_FN"]
    assert scores.false == expected["CLR_FP"]
    assert scores.mota == pytest.approx(expected["MOTA"], abs=1e-12)
    assert_agree(scores, expected)


@pytest.mark.parametrize("seed", range(5))
def test_identities_of_a_crowd_are_those_of_trackeval(seed):
    """Boxes that share 6 of 10 columns: which pair it is depends on all frames."""
    found, true = random_tracks(seed, apart=4)
    assert_agree(score_tracks(found, true), oracle(found, true, 0.5))


def assert_agree(scores: TrackScores, expected: dict[str, float]) -> None:
    """Compare what identities decide."""
    names = {
        "id_precision": "IDP",
        "id_recall": "IDR",
        "id_f1": "IDF1",
        "hota": "HOTA",
        "detection": "DetA",
        "association": "AssA",
    }
    for own, theirs in names.items():
        assert getattr(scores, own) == pytest.approx(expected[theirs], abs=1e-12)


def test_overlaps_are_those_of_the_library():
    box_iou = pytest.importorskip("trackers.eval").box_iou
    found, true = random_tracks(7)
    for frame, time in zip(frames_of(found, true)[0], range(30), strict=True):
        boxes = [
            np.array(
                [
                    each.blob.box
                    for _, each in sorted(
                        (b.track, b) for b in blobs if b.time_ns == time
                    )
                ],
                float,
            )
            for blobs in (true, found)
        ]
        np.testing.assert_allclose(
            frame.overlap, box_iou(*boxes, box_format="xyxy"), atol=1e-12
        )


def test_perfect_tracks():
    true = series(1, range(5)) + series(2, range(2, 6), 30)
    renamed = [each._replace(track=70 + (each.track or 0)) for each in true]
    scores = score_tracks(renamed, true)
    assert (scores.frames, scores.true, scores.found_tracks) == (6, 9, 2)
    assert (scores.missed, scores.false, scores.switches) == (0, 0, 0)
    shares = (scores.mota, scores.id_f1, scores.hota, scores.detection)
    assert shares == (1, 1, 1, 1)


def test_a_track_in_two_parts_is_one_switch():
    """Six frames, of which the second track has four: IDTP 4 of 6."""
    scores = score_tracks(
        series(1, (0, 1)) + series(2, (2, 3, 4, 5)), series(7, range(6))
    )
    assert (scores.switches, scores.fragmentations) == (1, 0)
    assert scores.mota == pytest.approx(1 - 1 / 6)
    assert scores.id_precision == scores.id_recall == scores.id_f1 == 4 / 6
    assert scores.detection == 1
    # Luiten et al., eq. 16: the 2 pairs have 2 / 6, the 4 pairs 4 / 6.
    assert scores.association == pytest.approx((2 * 2 / 6 + 4 * 4 / 6) / 6)
    assert scores.hota == pytest.approx(math.sqrt(scores.association))


def test_a_missed_frame_is_a_fragmentation():
    """Also where nothing at all is found in the frame, which TrackEval leaves out."""
    scores = score_tracks(series(1, (0, 1, 3, 4)), series(7, range(5)))
    assert (scores.missed, scores.switches, scores.fragmentations) == (1, 0, 1)
    assert scores.mota == pytest.approx(1 - 1 / 5)


def test_a_frame_without_the_true_track_is_none():
    scores = score_tracks(series(1, (0, 1, 3)), series(7, (0, 1, 3)))
    assert scores.fragmentations == 0


def test_a_track_that_is_found_late_and_lost_early_is_not_fragmented():
    scores = score_tracks(series(1, (2, 3)), series(7, range(6)))
    assert (scores.missed, scores.fragmentations) == (4, 0)


def test_a_pair_lasts_while_it_can():
    """The second box fits better from frame 1 on, and is not taken (overlap 0.54)."""
    found = series(1, range(4), 3) + series(2, range(1, 4))
    scores = score_tracks(found, series(7, range(4)))
    assert (scores.switches, scores.false) == (0, 3)


def test_a_pair_that_was_missed_in_between_has_no_right_to_last():
    """In frame 2 the first box (overlap 0.54) is there again, beside a whole one."""
    found = series(1, [0, 2], 3) + series(2, [2])
    scores = score_tracks(found, series(7, range(3)))
    assert (scores.missed, scores.switches, scores.fragmentations) == (1, 1, 1)


def test_more_pairs_go_before_better_ones():
    overlap = np.array([[0.1, 1, 0], [0, 0.1, 1], [0, 0, 0.1]])
    frame = Frame(np.arange(3), np.arange(3), overlap)
    assert clear_counts([frame], 0.1) == (3, 0, 0)


def test_pieces_of_a_track_are_one_splash():
    left, right = (0, 0, 4, 10), (6, 0, 10, 10)
    pieces = [
        TrackedBlob(0, 1, Area(box, 40, (box[0] + 1.5, 4.5))) for box in (left, right)
    ]
    scores = score_tracks(pieces, series(7, [0]))
    assert (scores.found, scores.missed, scores.false) == (1, 0, 0)
    assert scores.detection == 1


def test_blobs_without_a_track_are_left_out():
    scores = score_tracks([at(0, None, 0)], series(7, [0]))
    assert (scores.found, scores.missed) == (0, 1)
    assert (scores.mota, scores.id_recall, scores.hota) == (0, 0, 0)
    assert math.isnan(scores.id_precision)


def test_nothing_is_undefined():
    scores = score_tracks([], [])
    assert scores.frames == 0
    assert all(map(math.isnan, scores[9:]))
    false = score_tracks(series(1, range(3)), [])
    assert (false.false, false.id_precision, false.detection) == (3, 0, 0)
    assert math.isnan(false.mota)


@pytest.mark.parametrize("threshold", [0, 1.5, math.nan])
def test_a_threshold_out_of_its_range_is_refused(threshold):
    with pytest.raises(ValueError, match=r"threshold=.*: give a share in \(0, 1\]"):
        score_tracks([], [], threshold)

"""Tracks from frame to frame."""

import sys
from collections.abc import Sequence

import numpy as np
import pytest

from mmseg_splashkd.datasets.timestamps import SECOND
from mmseg_splashkd.evaluation.components import Area
from mmseg_splashkd.evaluation.following import (
    TRACKERS,
    Follower,
    FollowSettings,
    Track,
)

trackers = pytest.mark.parametrize("tracker", TRACKERS)


def at(x: int, y: int = 0, side: int = 10) -> Area:
    half = (side - 1) / 2
    return Area((x, y, x + side, y + side), side**2, (x + half, y + half))


def follow(
    frames: Sequence[Sequence[Area]],
    times: Sequence[float] | None = None,
    tracker: str = "sort",
    patience: int = 1,
) -> tuple[list[list[int | None]], list[Track]]:
    """Ids of the blobs of each frame, and all tracks by id."""
    follower = Follower(FollowSettings(tracker, None, 1, patience))
    ids, ended = [], []
    for time, blobs in zip(times or range(len(frames)), frames, strict=True):
        followed = follower.add(round(time * SECOND), blobs)
        ids.append(followed.tracks)
        ended += followed.ended
    return ids, sorted(ended + follower.close())


def random_frames(seed: int, count: int = 80) -> list[list[Area]]:
    """Splashes that appear, drift, grow, touch and vanish, and empty frames."""
    rng = np.random.default_rng(seed)
    frames, alive = [], []
    for _ in range(count):
        alive = [
            (x + int(rng.integers(-2, 3)), y, s + 1) for x, y, s in alive if s < 18
        ]
        if rng.random() < 0.4:
            alive.append((*map(int, rng.integers(20, 80, 2)), 3))
        shown = [each for each in alive if rng.random() < 0.85]
        frames.append([at(*each) for each in shown])
    return frames


@trackers
def test_ids_do_not_depend_on_other_followers(tracker):
    """Also not on those of the same process that go on at the same time."""
    frames = random_frames(0)
    alone = follow(frames, tracker=tracker)
    settings = FollowSettings(tracker, None, 1)
    first, second = Follower(settings), Follower(settings)
    for time, blobs in enumerate(frames):
        expected = alone[0][time]
        assert first.add(time * SECOND, blobs).tracks == expected
        assert second.add(time * SECOND, blobs).tracks == expected


@trackers
@pytest.mark.parametrize("seed", range(3))
def test_every_blob_is_in_one_track(tracker, seed):
    frames = random_frames(seed)
    times = np.cumsum(np.random.default_rng(seed).uniform(0.2, 1.8, len(frames)))
    ids, tracks = follow(frames, times.tolist(), tracker)
    assert [each.track for each in tracks] == list(range(1, len(tracks) + 1))
    assert all(len(set(each)) == len(each) for each in ids)
    for track in tracks:
        own = [i for i, each in enumerate(ids) if track.track in each]
        assert track.frames == len(own)
        assert track.start_ns == round(times[own[0]] * SECOND)
        assert track.end_ns == round(times[own[-1]] * SECOND)
        areas = [frames[i][ids[i].index(track.track)].area for i in own]
        lasts = [
            (times[i + 1] if i + 1 < len(times) else times[i] + 1) - times[i]
            for i in own
        ]
        assert track.peak_area == max(areas)
        if not track.ends_open:
            expected = sum(a * s for a, s in zip(areas, lasts, strict=True))
            assert track.area_px_s == pytest.approx(expected)
            over = times[own[-1]] + lasts[-1]
            assert track.duration_s == pytest.approx(over - times[own[0]])


@trackers
@pytest.mark.parametrize("patience", [0, 1, 3])
def test_a_splash_may_be_missing_for_some_frames(tracker, patience):
    for missing in range(5):
        frames = [[at(0)]] * 5 + [[]] * missing + [[at(0)]] * 2
        ids, tracks = follow(frames, tracker=tracker, patience=patience)
        keeps = missing <= patience
        assert ids[-1] == [1 if keeps else 2], (missing, patience)
        assert tracks[0].frames == (7 if keeps else 5)


@trackers
def test_a_missing_frame_counts_by_its_time(tracker):
    """A camera that drops three frames is as one that misses the splash in three."""
    times = [0, 1, 2, 3, 7, 8]
    ids, _ = follow([[at(0)]] * 6, times, tracker)
    assert [each[0] for each in ids] == [1, 1, 1, 1, 2, 2]
    times[4:] = 5, 6
    ids, _ = follow([[at(0)]] * 6, times, tracker)
    assert {each[0] for each in ids} == {1}


@trackers
def test_jitter_ends_no_track(tracker):
    """As of drawn videos: frames 3 s apart, which are up to 0.9 s late."""
    late = np.random.default_rng(1).uniform(0, 0.9, 60)
    times = (3 * np.arange(60) + late).tolist()
    ids, _ = follow(
        [[at(0)] if i % 2 else [at(0), at(40)] for i in range(60)], times, tracker
    )
    assert {each[0] for each in ids} == {1}


@trackers
@pytest.mark.parametrize(("step", "goes_on"), [(10.0, True), (10.5, False)])
def test_a_pause_ends_all_tracks(tracker, step, goes_on):
    """A step of more than ten intervals, as in events."""
    times = [0, 1, 2, 3, 4, 4 + step, 5 + step]
    ids, tracks = follow([[at(0)]] * 7, times, tracker, patience=100)
    assert [each[0] for each in ids] == ([1] * 7 if goes_on else [1] * 5 + [2] * 2)
    flags = [(track.begins_open, track.ends_open) for track in tracks]
    assert flags == [(True, True)] * len(tracks)
    if not goes_on:  # the last frame before the pause lasts for one interval
        assert [track.duration_s for track in tracks] == [5, 2]
        assert [track.area_px_s for track in tracks] == [500, 200]


@trackers
def test_two_that_meet_and_part(tracker):
    """Frames 3 and 4 have one splash; the larger one keeps its id, the other is new."""
    small, large = at(0), at(12, 0, 20)
    whole = Area((0, 0, 32, 20), 500, (17.9, 8.9))
    frames = [[small, large]] * 3 + [[whole]] * 2 + [[small, large]] * 3
    ids, tracks = follow(frames, tracker=tracker)
    assert ids == [[1, 2]] * 3 + [[2]] * 2 + [[3, 2]] * 3
    kin = {track.track: (track.merged_into, track.split_from) for track in tracks}
    assert kin == {1: (2, None), 2: (None, None), 3: (None, 2)}
    first, second, _ = tracks
    assert (first.frames, first.duration_s, first.area_px_s) == (3, 3, 300)
    assert not first.ends_open
    assert second.area_px_s == 6 * 400 + 2 * 500
    there = 2 * np.hypot(17.9 - 21.5, 8.9 - 9.5)
    assert second.path_px == pytest.approx(there)


@trackers
def test_a_track_that_merged_gets_no_later_splash(tracker):
    """Without the drop, the place of the small one would be waited at."""
    small, large = at(0), at(4, 0, 30)
    frames = [[small, large]] * 3 + [[large]] + [[large, at(0, 0, 12)]]
    ids, tracks = follow(frames, tracker=tracker, patience=5)
    assert ids[-2:] == [[2], [2, 3]]
    assert tracks[2].split_from == 2


@trackers
def test_a_track_that_is_missing_in_the_last_frame_has_ended_before(tracker):
    _, (track,) = follow([[at(0)]] * 3 + [[]], tracker=tracker, patience=3)
    assert (track.frames, track.duration_s, track.ends_open) == (3, 3, False)


class Scripted:
    """An associator that gives the keys of a script, and keeps what it is told."""

    def __init__(self, *keys: list[int]) -> None:
        self.keys = iter(keys)
        self.dropped: list[int] = []
        self.resets = 0

    def match(self, step: float, boxes: np.ndarray) -> list[int]:
        return next(self.keys)

    def alive(self) -> set[int]:
        return {1, 2} - set(self.dropped)

    def drop(self, key: int) -> None:
        self.dropped.append(key)

    def reset(self) -> None:
        self.resets += 1


def test_a_key_whose_track_has_another_one_now_is_dropped():
    """The splash of both has the key of the small one, and the id of the large one."""
    scripted = Scripted([1, 2], [2])
    follower = Follower(FollowSettings(join=None, min_area=1), scripted)
    whole = Area((0, 0, 32, 20), 500, (17.9, 8.9))
    assert follower.add(0, [at(0, 0, 20), at(22)]).tracks == [1, 2]
    followed = follower.add(SECOND, [whole])
    assert followed.tracks == [1]
    assert [(each.track, each.merged_into) for each in followed.ended] == [(2, 1)]
    assert scripted.dropped == [1]


def test_the_end_of_a_record_resets_what_associates():
    scripted = Scripted([1])
    follower = Follower(FollowSettings(join=None, min_area=1), scripted)
    follower.add(0, [at(0)])
    follower.close()
    assert scripted.resets == 1


def test_times_must_increase():
    follower = Follower(FollowSettings("nearest"))
    follower.add(5, [at(0)])
    with pytest.raises(ValueError, match="time_ns=5 is not after the last frame, 5"):
        follower.add(5, [at(0)])
    assert follower.add(6, [at(0)]).tracks == [1]


def test_a_record_goes_on_after_its_end():
    follower = Follower(FollowSettings("sort", None))
    follower.add(0, [at(0)])
    assert [each.track for each in follower.close()] == [1]
    assert follower.close() == []
    assert follower.add(SECOND, [at(0)]).tracks == [2]


def test_memory_does_not_grow_with_the_record():
    """Neither with tracks that ended, nor with the length of one that goes on."""
    follower = Follower(FollowSettings("ocsort", None))
    for number in range(400):
        passing = at(100 + 50 * (number % 3), 60 * (number // 3 % 5))
        follower.add(number * SECOND, [at(0), passing])
    assert follower.add(400 * SECOND, [at(0)]).tracks == [1]
    assert len(follower._open) < 5
    assert len(follower._keys) < 5
    tracks = follower._associator._tracker.tracks  # pyright: ignore
    assert max(len(each.observations) for each in tracks) < 10


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "trackers", None)
    with pytest.raises(ImportError, match=r"need trackers: pip install .*\[follow\]"):
        Follower(FollowSettings("sort"))
    Follower(FollowSettings("nearest"))  # needs none

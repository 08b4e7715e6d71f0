"""Comparisons of photos, which have no time stamps."""

from dataclasses import replace

import numpy as np
import pytest

from mmseg_splashkd.statistics import Arm, BlockLength, Settings, arm_of, compare
from mmseg_splashkd.statistics.blocks import cut_blocks
from mmseg_splashkd.statistics.intervals import interval_of
from mmseg_splashkd.statistics.planning import frames_needed
from mmseg_splashkd.statistics.simulation import scores_of
from tests.statistics.builders import ONLY, pair

FAST = Settings(resamples=200)
NONE = np.full(60, -1)


def photos(recordings: list[str], times: np.ndarray = NONE) -> list[Arm]:
    """Two arms on 60 photos."""
    return [
        arm_of(
            name,
            [
                (
                    ONLY,
                    replace(
                        scores_of(counts),
                        recordings=tuple(recordings),
                        timestamps=times,
                    ),
                )
            ],
        )
        for name, counts in zip("AB", pair(60), strict=True)
    ]


def folders(count: int) -> list[str]:
    return [f"folder{n * count // 60:02}" for n in range(60)]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_photos_of_few_folders_are_resampled_one_by_one(count: int):
    found = cut_blocks(folders(count), NONE)
    assert found.unit == "frame"
    assert found.index.tolist() == list(range(60))


@pytest.mark.parametrize("count", [5, 20, 60])
def test_photos_of_many_folders_are_resampled_by_folder(count: int):
    names = folders(count)
    shuffle = np.random.default_rng(0).permutation(60)
    found = cut_blocks([names[n] for n in shuffle], NONE)
    assert (found.unit, found.length, len(found)) == ("recording", None, count)
    expected = [sorted(set(names)).index(names[n]) for n in shuffle]
    assert found.index.tolist() == expected


def test_mixed_frames_are_resampled_by_recording():
    names = list("aaabbbcccddd")
    # a and b overlap in time, c is later, d are photos.
    times = np.array([0, 1, 2, 2, 3, 4, 9, 10, 11, -1, -1, -1])
    found = cut_blocks(names, times)
    assert found.unit == "recording"
    assert found.index.tolist() == [0] * 6 + [1] * 3 + [2] * 3


def test_a_length_that_is_asked_for_counts_in_the_order_given():
    found = cut_blocks(folders(20), NONE, BlockLength(frames=1))
    assert (found.unit, len(found)) == ("order", 60)


@pytest.mark.parametrize(
    ("recordings", "times", "unit", "sampling"),
    [
        (
            folders(1),
            NONE,
            "frame",
            "The frames have no time stamps, so blocks in time do not apply: frames "
            "were resampled as independent, the same for all arms. Near-identical "
            "photos, such as several of one scene, make these intervals too narrow: "
            "put those into one folder each, 5 folders or more.",
        ),
        (
            folders(2),
            NONE,
            "frame",
            "make these intervals too narrow, and no interval covers another "
            "recording: 2 recordings are too few to resample whole (5 are needed).",
        ),
        (
            folders(20),
            NONE,
            "recording",
            "The frames have no time stamps, so blocks in time do not apply: whole "
            "recordings (folders) were resampled, 20 of them, the same for all arms.",
        ),
        (
            folders(20),
            np.where(np.arange(60) < 30, np.arange(60), -1),
            "recording",
            "Some frames have no time stamps, so blocks in time do not apply: whole ",
        ),
    ],
)
def test_the_result_says_what_was_resampled(
    recordings: list[str], times: np.ndarray, unit: str, sampling: str
):
    found = compare(photos(recordings, times), FAST)
    assert sampling in found.sampling
    assert {found.unit, *(each.unit for each in found.differences)} == {unit}
    # The rates were measured on time series.
    assert [each.false_claims for each in found.differences] == [None, None]
    assert not [note for note in found.notes if "blocks" in note]


def test_a_time_series_is_as_before():
    found = compare(photos(folders(1), np.arange(60) * 10**9), FAST)
    assert found.sampling == "Blocks of 10.1 frames in time, the same for all arms."
    assert (found.unit, found.arms[0].blocks) == ("time", 6)
    assert found.differences[0].false_claims is not None


def test_independent_photos_need_a_textbook_number():
    """Their degrees of freedom grow with their number, not with its root."""
    interval = interval_of(0.5, 0.49, 19)
    photos_needed = frames_needed(0.5, interval, 20, independent=True)
    frames_of_time = frames_needed(0.5, interval, 20)
    assert photos_needed is not None
    assert frames_of_time is not None
    # (1.96 + 0.8416)^2 x 20 x 0.49 / 0.25 = 307.7 with known variance.
    assert 307 < photos_needed < 312
    assert photos_needed < frames_of_time


def test_an_interval_of_independent_photos_is_that_of_the_jackknife():
    """Against the delete-one jackknife in float64, where it is the larger."""
    arms = photos(folders(1))
    found = compare(arms, Settings(metrics=("Dice.splash",), resamples=200))
    counts = arms[0].first.confusion.astype(float)

    def dice(kept: np.ndarray) -> float:
        c = kept.sum(0)
        return 200 * c[1, 1] / (c[1].sum() + c[:, 1].sum())

    without = np.array([dice(np.delete(counts, n, 0)) for n in range(60)])
    error = np.sqrt(59 / 60 * ((without - without.mean()) ** 2).sum())
    interval = found.arms[0].intervals["Dice.splash"]
    assert interval is not None
    assert interval.df == 59
    # Neighbours by name are correlated here, which widens it by up to a factor 2.
    assert 0.99 * error < interval.error < 2.01 * error

"""Known frames of scores, against the pixels themselves."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mmseg_splashkd.evaluation.frame_scores import FrameScores, probability_histogram
from mmseg_splashkd.statistics.blocks import BlockLength
from mmseg_splashkd.statistics.event_errors.from_scores import (
    confidence_of,
    known_frames,
)

SECOND = 10**9
H, W, THRESHOLD = 12, 16, 0.6


def drawn(recordings: int, frames: int) -> tuple[FrameScores, np.ndarray, np.ndarray]:
    """Scores of random maps, the maps (N, H, W), and labels with ignored pixels."""
    rng = np.random.default_rng(0)
    count = recordings * frames
    maps = rng.random((count, H, W)).astype(np.float32)
    maps[2] *= 0.5  # nothing is predicted
    labels = rng.choice([0, 1, 255], (count, H, W), p=[0.8, 0.1, 0.1])
    labels[4] = 255  # no label
    confusion, histogram = np.zeros((count, 2, 2), int), []
    for number, (one, label) in enumerate(zip(maps, labels, strict=True)):
        for true, found in np.ndindex(2, 2):
            is_found = (one >= THRESHOLD) == bool(found)
            confusion[number, true, found] = (is_found & (label == true)).sum()
        both = torch.from_numpy(one), torch.from_numpy(label)
        histogram.append(probability_histogram(*both, 1, 2).numpy())
    scores = FrameScores(
        confusion,
        np.stack(histogram),
        tuple(map(str, range(count))),
        tuple(f"r{number // frames}" for number in range(count)),
        np.array([SECOND * (number % frames) for number in range(count)]),
        ("background", "splash"),
        "splash",
    )
    return scores, maps, labels


def test_shares_and_confidence_are_those_of_the_pixels():
    scores, maps, labels = drawn(5, 4)
    known = known_frames(scores)
    assert len(known.times_ns) == 19  # the frame without a label is left out
    shown = [number for number in range(20) if number != 4]
    for row, number in enumerate(shown):
        valid = labels[number] != 255
        found = (maps[number] >= THRESHOLD) & valid
        assert known.predicted[row] == found.sum() / valid.sum()
        assert known.true[row] == (labels[number] == 1).sum() / valid.sum()
        if not found.any():
            assert np.isnan(known.confidence[row])
            continue
        assert known.confidence[row] == pytest.approx(
            maps[number][found].mean(), abs=1 / 512
        )
    assert np.isnan(known.confidence[2])


def test_confidence_of_a_part_of_a_bin():
    histogram = np.zeros((1, 256), int)
    histogram[0, [100, 200]] = 10, 4
    for pixels, mean in ((4, 200.5), (6, (4 * 200.5 + 2 * 100.5) / 6)):
        assert confidence_of(histogram, np.array([pixels]))[0] == pytest.approx(
            mean / 256
        )


def test_five_recordings_are_blocks():
    scores = drawn(5, 4)[0]
    index = np.unique(scores.recordings, return_inverse=True)[1]
    apart = replace(scores, timestamps=scores.timestamps + index * 86_400 * 10**9)
    assert known_frames(apart).blocks.tolist() == [*[0] * 4, *[1] * 3] + [
        block for block in (2, 3, 4) for _ in range(4)
    ]
    # At the same time they are one: blocks are stretches of time.
    assert known_frames(scores).blocks.max() + 1 < 5
    of_two = known_frames(scores, BlockLength(frames=2)).blocks
    assert of_two.max() + 1 == 2  # recordings at the same time are cut together


def test_few_recordings_are_cut_in_time():
    known = known_frames(drawn(1, 40)[0])
    assert 2 <= known.blocks.max() + 1 <= 8
    assert (np.diff(known.blocks[np.argsort(known.times_ns)]) >= 0).all()


@pytest.mark.parametrize("lacking", ["times", "histogram", "labels"])
def test_what_is_lacking_is_named(lacking):
    scores = drawn(2, 6)[0]
    if lacking == "times":
        scores = replace(scores, timestamps=np.full(12, -1))
    elif lacking == "histogram":
        scores = replace(scores, histogram=None)
    else:
        scores = replace(scores, confusion=scores.confusion * 0)
    message = {
        "times": "scores lack frame times",
        "histogram": "scores lack histograms of probabilities",
        "labels": "no frame of the scores has a label",
    }[lacking]
    with pytest.raises(ValueError, match=message):
        known_frames(scores)

"""Blocks of frames."""

import numpy as np
import pytest

from mmseg_splashkd.statistics.blocks import BlockLength, cut_blocks
from tests.statistics.builders import SECOND


def cut(recordings: str, times: list[int] | None = None, length: str | None = None):
    """Blocks of frames, one letter per recording; by default one frame per second."""
    stamps = np.array(times if times is not None else range(len(recordings)))
    block_length = None if length is None else BlockLength.parse(length)
    return cut_blocks(list(recordings), stamps * SECOND, block_length)


@pytest.mark.parametrize(
    ("frames", "blocks"), [(1, 1), (16, 3), (45, 5), (60, 6), (200, 11), (600, 19)]
)
def test_rule(frames: int, blocks: int):
    found = cut("a" * frames)
    sizes = np.bincount(found.index)
    assert len(found) == len(sizes) == blocks
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(found.index) >= 0).all()
    assert found.automatic
    assert found.length is not None
    assert found.length.frames == pytest.approx(1.3 * frames**0.5)


def test_length_in_frames_is_spread_evenly():
    assert cut("a" * 7, length="3").index.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert len(cut("a" * 7, length="1")) == 7
    assert not cut("a" * 7, length="3").automatic


def test_length_in_seconds_uses_time_stamps():
    found = cut("aaaaaa", [100, 101, 109, 110, 111, 150], "10s")
    assert found.index.tolist() == [0, 0, 0, 1, 1, 2]
    assert str(found.length) == "10 s"


def test_no_block_crosses_recordings():
    found = cut("aaaabbbb", [0, 1, 2, 3, 10, 11, 12, 13], "3")
    assert found.index.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_order_given_does_not_matter():
    shuffle = np.random.default_rng(0).permutation(40)
    plain = cut("a" * 20 + "b" * 20)
    mixed = cut_blocks(
        [("a" * 20 + "b" * 20)[i] for i in shuffle], np.arange(40)[shuffle] * SECOND
    )
    assert (mixed.index == plain.index[shuffle]).all()


def test_simultaneous_recordings_are_divided_together():
    # Two cameras, frames at the same ten moments: 3 moments per block are 6 frames.
    found = cut("ab" * 10, [n // 2 for n in range(20)], "3")
    assert len(found) == 3
    for block in range(3):
        members = np.flatnonzero(found.index == block)
        assert {"a", "b"} == {"ab"[member % 2] for member in members}
    # The rule counts moments as well.
    length = cut("ab" * 10, [n // 2 for n in range(20)]).length
    assert length is not None
    assert length.frames == pytest.approx(1.3 * 10**0.5)


def test_frames_of_one_moment_are_one_block():
    assert len(cut("abcd", [5, 5, 5, 5], "1")) == 1


def test_without_times_frames_keep_their_order():
    found = cut_blocks(list("bbbaaa"), np.full(6, -1), BlockLength(frames=2))
    assert found.index.tolist() == [0, 0, 1, 2, 2, 3]
    with pytest.raises(ValueError, match=r"block of 30 s: not all frames have a time"):
        cut_blocks(list("bbb"), np.array([-1, 0, 1]), BlockLength(seconds=30))


@pytest.mark.parametrize("text", ["", "0", "0s", "-3", "1.5", "5min", "inf"])
def test_lengths_refused(text: str):
    with pytest.raises(ValueError, match="block"):
        BlockLength.parse(text)


def test_sums():
    found = cut("aabbb", [4, 3, 2, 1, 0], "2")
    counts = np.arange(2 * 5 * 3).reshape(2, 5, 3)
    sums = found.sums(counts)
    assert sums.shape == (2, len(found), 3)
    for block in range(len(found)):
        expected = counts[:, found.index == block].sum(1)
        assert (sums[:, block] == expected).all()

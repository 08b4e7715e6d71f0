"""Batches of frames of one size."""

import torch

from mmseg_splashkd.adaptation.batch_statistics import batched


def sizes(*widths: int, batch: int = 2) -> list[tuple[int, int]]:
    """Frames and width of each batch."""
    images = (torch.zeros(1, 3, 4, width) for width in widths)
    return [(len(each), each.shape[-1]) for each in batched(images, batch)]


def test_frames_of_one_size_share_a_batch():
    assert sizes(5, 7, 5, 7, 5, 5) == [(2, 5), (2, 7), (2, 5)]
    assert sizes(5, 5, 5, 5, 5, batch=3) == [(3, 5), (2, 5)]


def test_a_last_frame_alone_is_left_out():
    assert sizes(5, 5, 5) == [(2, 5)]
    assert sizes(5, 5, 5, 7) == [(2, 5)]


def test_frames_that_are_all_alone_are_kept():
    assert sizes(5) == [(1, 5)]
    assert sizes(5, 7) == [(1, 5), (1, 7)]
    assert sizes() == []

"""Padding of frames for networks that take multiples of a number, and its removal."""

import torch

from mmseg_splashkd.models.adapters.sizes import cut_to, pad_to, rounded_up


def test_sizes_are_rounded_up_to_multiples():
    assert rounded_up((33, 64), 32) == (64, 64)
    assert rounded_up((33, 47), 1) == (33, 47)


def test_padding_lies_at_the_right_and_the_bottom():
    images = torch.ones(1, 3, 5, 6)
    padded = pad_to(images, (8, 8))
    assert torch.equal(padded[..., :5, :6], images)
    assert padded.sum() == images.sum()
    assert pad_to(images, (5, 6)) is images


def test_what_shows_the_padding_is_cut_off():
    """A map of stride 4 keeps the cells that a pixel of the frame lies in."""
    maps = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(cut_to(maps, (9, 16), (16, 16)), maps[..., :3, :])
    assert torch.equal(cut_to(maps, (16, 4), (16, 16)), maps[..., :1])
    assert torch.equal(cut_to(maps, (16, 16), (16, 16)), maps)

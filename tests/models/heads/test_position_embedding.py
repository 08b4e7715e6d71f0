"""Sinusoids against an oracle written from the formula, one channel at a time."""

import numpy as np
import pytest
import torch

from mmseg_splashkd.models.heads.position_embedding import (
    cached_sinusoid,
    sine1d,
    sine2d,
    sinusoid,
)


def oracle(positions: np.ndarray, channels: int) -> np.ndarray:
    """(C, ...) of the sinusoid at any array of positions, in float64."""
    values = np.empty((channels, *positions.shape))
    for channel in range(channels):
        pair = channel // 2
        angle = positions / 10000.0 ** (2 * pair / channels)
        values[channel] = np.cos(angle) if channel % 2 else np.sin(angle)
    return values


def test_sine1d_has_every_value_of_the_original_embedding():
    embedding = sine1d(256, 256, 256)

    assert embedding.shape == (256, 256, 256)
    assert embedding.dtype == torch.float64
    assert round(embedding.mean().item(), 3) == 0.009
    assert round(embedding.std().item(), 3) == 0.707
    positions = np.arange(256 * 256, dtype=np.float64).reshape(256, 256)
    np.testing.assert_allclose(
        embedding.numpy(), oracle(positions, 256), rtol=0, atol=1e-9
    )


def test_sine2d_is_the_formula_of_rows_then_columns():
    embedding = sine2d(256, 256, 256)

    assert round(embedding.mean().item(), 2) == 0.30
    assert round(embedding.std().item(), 2) == 0.64
    rows, columns = np.indices((256, 256), dtype=np.float64)
    halves = np.concatenate([oracle(rows, 128), oracle(columns, 128)])
    np.testing.assert_allclose(embedding.numpy(), halves, rtol=0, atol=1e-9)


def test_sine1d_runs_along_the_rows_of_a_wide_map():
    embedding = sine1d(4, 2, 3)

    # Pixel (1, 1) is the fifth of the sequence: p = 1 * 3 + 1 = 4.
    expected = [np.sin(4), np.cos(4), np.sin(4 / 100), np.cos(4 / 100)]
    np.testing.assert_allclose(embedding[:, 1, 1], expected, atol=1e-15)
    assert embedding.shape == (4, 2, 3)


def test_sine2d_of_a_wide_map_distinguishes_rows_and_columns():
    embedding = sine2d(8, 2, 3)

    row = [np.sin(1), np.cos(1), np.sin(1 / 100), np.cos(1 / 100)]
    column = [np.sin(2), np.cos(2), np.sin(2 / 100), np.cos(2 / 100)]
    np.testing.assert_allclose(embedding[:, 1, 2], row + column, atol=1e-15)
    assert embedding.shape == (8, 2, 3)


def test_a_narrower_crop_has_other_positions_than_its_frame():
    frame, crop = sine1d(4, 3, 6), sine1d(4, 3, 5)

    assert torch.equal(frame[:, 0, :5], crop[:, 0])
    assert (frame[:2, 1:, :5] - crop[:2, 1:]).abs().max() > 1


def test_similarity_falls_with_distance():
    embedding = sine1d(256, 1, 64)[:, 0]
    similarity = embedding.T @ embedding / 128

    torch.testing.assert_close(similarity.diag(), torch.ones(64).double())
    assert (similarity[0, 1:20].diff() < 0).all()


@pytest.mark.parametrize("channels", [-2, 0, 1, 7])
def test_channels_without_a_pair_are_refused(channels):
    with pytest.raises(ValueError, match=f"channels must be even.*got {channels}"):
        sinusoid(torch.arange(3), channels)


@pytest.mark.parametrize("channels", [6, 7])
def test_sine2d_needs_two_pairs_of_channels(channels):
    with pytest.raises(ValueError, match=f"divisible by 4, got {channels}"):
        sine2d(channels, 2, 2)


def test_cast_to_float32_keeps_the_precision_of_late_positions():
    embedding = cached_sinusoid(
        "sine1d", 4, 256, 256, torch.device("cpu"), torch.float32
    )

    positions = np.arange(256 * 256, dtype=np.float64).reshape(256, 256)
    np.testing.assert_allclose(embedding, oracle(positions, 4), rtol=0, atol=6e-8)


def test_is_built_once_per_size_device_and_dtype():
    cpu, meta = torch.device("cpu"), torch.device("meta")
    first = cached_sinusoid("sine1d", 4, 2, 3, cpu, torch.float32)

    assert cached_sinusoid("sine1d", 4, 2, 3, cpu, torch.float32) is first
    assert cached_sinusoid("sine1d", 4, 3, 2, cpu, torch.float32).shape == (4, 3, 2)
    bf16 = cached_sinusoid("sine1d", 4, 2, 3, cpu, torch.bfloat16)
    assert bf16.dtype == torch.bfloat16
    assert cached_sinusoid("sine1d", 4, 2, 3, meta, torch.float32).device == meta
    assert not torch.equal(cached_sinusoid("sine2d", 4, 2, 3, cpu, first.dtype), first)


def test_an_embedding_built_in_inference_mode_is_usable_in_training():
    cached_sinusoid.cache_clear()
    with torch.inference_mode():
        built = cached_sinusoid("sine1d", 4, 2, 3, torch.device("cpu"), torch.float32)

    assert not built.is_inference()
    weight = torch.ones(4, 2, 3, requires_grad=True)
    (weight * built).sum().backward()  # saves the embedding for backward
    torch.testing.assert_close(weight.grad, built)

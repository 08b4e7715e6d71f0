"""Normalisation of images with any number of channels."""

import copy

import cv2
import numpy as np
import pytest
import torch

from tests.models.builders import IMAGENET, build, preprocessor, random_batch

FOUR = {"mean": [*IMAGENET["mean"], 900.0], "std": [*IMAGENET["std"], 300.0]}


def four(**changes) -> dict:
    own = {"type": "MultiChannelPreProcessor", "bgr_to_rgb": True, "size_divisor": 1}
    return {**own, **FOUR, **changes}


def batch_of(*images: torch.Tensor) -> dict:
    return {**random_batch(frames=len(images)), "inputs": list(images)}


def test_the_first_three_of_four_channels_equal_those_of_the_host():
    image = torch.randint(0, 256, (4, 32, 32)).float()
    ours = build(four())(batch_of(image), True)["inputs"]
    host = build(preprocessor())(batch_of(image[:3]), True)["inputs"]
    torch.testing.assert_close(ours[:, :3], host, rtol=0, atol=0)
    torch.testing.assert_close(ours[0, 3], (image[3] - 900) / 300)


def test_three_channels_equal_those_of_the_host_in_training_and_test():
    host, ours = build(preprocessor()), build(four(**IMAGENET))
    batch = random_batch()
    for training in (True, False):
        expected = host(copy.deepcopy(batch), training)["inputs"]
        found = ours(copy.deepcopy(batch), training)["inputs"]
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_16_bits_are_normalised_in_their_own_units():
    image = torch.from_numpy(np.full((4, 32, 32), 65535, np.uint16))
    inputs = build(four())(batch_of(image), True)["inputs"]
    assert inputs[0, 3, 0, 0].item() == pytest.approx((65535 - 900) / 300)


def test_appends_the_gray_value_of_opencv():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    model = build(four(append_gray=True))
    image = torch.from_numpy(pixels.transpose(2, 0, 1).copy())
    gray = model(batch_of(image), True)["inputs"][0, 3] * 300 + 900
    expected = cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_BGR2GRAY)
    torch.testing.assert_close(gray, torch.from_numpy(expected), rtol=0, atol=1e-2)


def test_a_fourth_channel_is_kept_instead_of_gray():
    image = torch.randint(0, 256, (4, 32, 32), dtype=torch.uint8)
    with_gray = build(four(append_gray=True))(batch_of(image), True)["inputs"]
    torch.testing.assert_close(
        with_gray, build(four())(batch_of(image), True)["inputs"]
    )


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_another_number_of_channels_is_refused_with_the_frame(channels):
    batch = batch_of(torch.zeros(channels, 32, 32))
    batch["data_samples"][0].set_metainfo({"img_path": "images/a.png"})
    message = f"of 4 channels, frame images/a.png has {channels}: give {channels} of"
    with pytest.raises(ValueError, match=message):
        build(four())(batch, True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"std": [1.0, 1.0]}, "one mean and one std > 0 per channel, got mean="),
        ({"std": [1.0, 1.0, 1.0, 0.0]}, "one mean and one std > 0 per channel"),
        ({"mean": [], "std": []}, "one mean and one std > 0 per channel"),
        ({**IMAGENET, "append_gray": True}, "makes four channels, and mean has 3"),
    ],
    ids=["count", "zero", "none", "gray"],
)
def test_refuses_numbers_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        build(four(**changes))

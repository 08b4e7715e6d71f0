"""Another look of an image, by Pillow, SciPy and hand."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from scipy.ndimage import gaussian_filter

from mmseg_splashkd.models.adaptation.strong_view import gaussian_blur, strong_view


def seeded(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def random_images(size: tuple[int, ...] = (2, 3, 16, 20)) -> torch.Tensor:
    return torch.rand(size, generator=seeded(), dtype=torch.float64)


def test_blur_is_that_of_scipy():
    images, sigmas = random_images(), torch.tensor([0.3, 1.1], dtype=torch.float64)
    found = gaussian_blur(images, sigmas)
    for image, sigma, blurred in zip(images, sigmas, found, strict=True):
        for plane, expected in zip(image.numpy(), blurred.numpy(), strict=True):
            by_scipy = gaussian_filter(plane, float(sigma), mode="mirror", radius=5)
            np.testing.assert_allclose(expected, by_scipy, rtol=1e-9)


def test_contrast_is_that_of_pillow():
    grey = (255 * random_images((1, 1, 8, 8))).round().expand(1, 3, 8, 8)
    drawn = torch.rand(5, 1, generator=seeded(1), dtype=torch.float32).double()
    light, contrast, _ = (0.5 * (2 * drawn[:3, 0] - 1)).tolist()
    found = strong_view(grey, 0.5, blurred=0.0, generator=seeded(1)) - light
    picture = Image.fromarray(grey[0].permute(1, 2, 0).byte().numpy())
    by_pillow = np.asarray(ImageEnhance.Contrast(picture).enhance(1 + contrast))
    middle = (by_pillow > 0) & (by_pillow < 255)  # Pillow cuts off and rounds
    difference = np.abs(by_pillow - found[0].permute(1, 2, 0).numpy())
    assert middle.mean() > 0.5
    assert difference[middle].max() < 1.6


def test_images_have_looks_of_their_own_and_nothing_moves():
    images = random_images()
    found = strong_view(images, 0.4, blurred=0.0, generator=seeded(2))
    assert not torch.equal(found[0] - images[0], found[1] - images[1])
    for before, after in zip(images, found, strict=True):  # grey: a rising line
        pairs = np.polyfit(before.mean(0).flatten(), after.mean(0).flatten(), 1)
        line = np.polyval(pairs, before.mean(0).flatten())
        assert pairs[0] > 0
        np.testing.assert_allclose(line, after.mean(0).flatten(), atol=1e-6)


def test_no_strength_and_no_blur_change_nothing():
    images = random_images().float()
    same = strong_view(images, 0.0, blurred=0.0)
    torch.testing.assert_close(same, images)
    assert not torch.equal(strong_view(images, 0.0, blurred=1.0), same)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_type_is_kept(dtype):
    assert strong_view(random_images().to(dtype)).dtype == dtype

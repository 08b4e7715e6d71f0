"""Another look of images that are normalised already: light, colour, and focus."""

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

SIGMA = (0.15, 1.15)  # of the blur, in pixels, as in DAFormer


def strong_view(
    images: Tensor,
    strength: float = 0.5,
    blurred: float = 0.5,
    generator: Generator | None = None,
) -> Tensor:
    """Images with another brightness, contrast, colour and sharpness each.

    What is where does not change. Normalised images have no bounds, so nothing is cut
    off, and brightness is added in units of the standard deviation by which they were
    divided.

    Args:
        images: (B, K, H, W), normalised.
        strength: Half width >= 0 of the uniform draws: brightness is added from
            [-strength, strength], contrast and saturation are multiplied from
            [1 - strength, 1 + strength].
        blurred: Probability in [0, 1] of a Gaussian blur, of ``SIGMA`` pixels.
        generator: Random numbers, on the CPU; default: those of torch.

    Returns:
        (B, K, H, W).
    """
    b = len(images)
    drawn = torch.rand(5, b, generator=generator).to(images)
    light, contrast, colour = (strength * (2 * drawn[:3] - 1))[..., None, None, None]
    images = images + light
    images = _from(images.mean((1, 2, 3), keepdim=True), images, 1 + contrast)
    images = _from(images.mean(1, keepdim=True), images, 1 + colour)
    sigmas = SIGMA[0] + (SIGMA[1] - SIGMA[0]) * drawn[3]
    soft = (drawn[4] < blurred)[:, None, None, None]
    return torch.where(soft, gaussian_blur(images, sigmas), images)


def _from(grey: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    return grey + factor * (images - grey)


def gaussian_blur(images: Tensor, sigmas: Tensor) -> Tensor:
    """Images convolved with a Gaussian of their own, mirrored at the border.

    Args:
        images: (B, K, H, W); H and W above 5.
        sigmas: (B,) standard deviations in pixels; the kernel has 11 x 11 places.
    """
    b, channels = images.shape[:2]
    places = torch.arange(-5, 6).to(sigmas)
    kernels = torch.exp(-((places / sigmas[:, None]) ** 2) / 2)
    kernels = (kernels / kernels.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = F.pad(images.flatten(0, 1)[None], (5, 5, 5, 5), mode="reflect")
    flat = F.conv2d(flat, kernels[:, None, None, :], groups=b * channels)
    flat = F.conv2d(flat, kernels[:, None, :, None], groups=b * channels)
    return flat[0].unflatten(0, (b, channels))

"""Normalisation of images with any number of channels."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_splashkd.models.losses.arguments import is_number

COLOURS = 3
# ITU-R BT.601 luma of (R, G, B), as in OpenCV.
LUMA = (0.299, 0.587, 0.114)


@MODELS.register_module()
class MultiChannelPreProcessor(SegDataPreProcessor):
    """``SegDataPreProcessor`` for one mean and std per channel, of any number.

    The host's accepts one or three, and swaps blue and red of three channels only. Here
    the first three of more channels are swapped too: frames with depth or near infrared
    are (B, G, R, X) as OpenCV reads them. Frames of 16 bits are taken as they are, so
    mean and std are in their units. An image with another number of channels is refused
    instead of broadcast.

    Args:
        mean: One number per channel, in the order after the swap.
        std: One number > 0 per channel.
        append_gray: Whether to append the gray value (ITU-R BT.601) of three-channel
            images as the last channel: a student may learn from it while its teacher
            sees the colours. Images that have the last channel already keep it. Default
            False.
        bgr_to_rgb: Whether the first three channels are read as B, G, R and wanted as
            R, G, B; default False.
        **kwargs: Other arguments of ``SegDataPreProcessor``.

    Raises:
        ValueError: ``mean`` and ``std`` do not fit each other, or ``append_gray`` has
            not four of them.
    """

    mean: Tensor
    std: Tensor
    luma: tuple[float, ...]  # of the channels as they are read, blue first by default

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        append_gray: bool = False,
        bgr_to_rgb: bool = False,
        **kwargs: Any,
    ) -> None:
        _check_numbers(mean, std)
        if append_gray and len(mean) != COLOURS + 1:
            raise ValueError(
                f"append_gray=True makes four channels, and mean has {len(mean)} "
                f"numbers: give R, G, B and gray"
            )
        super().__init__(bgr_to_rgb=bgr_to_rgb, **kwargs)
        self.append_gray = append_gray
        self.register_buffer("mean", torch.tensor(mean).float().view(-1, 1, 1), False)
        self.register_buffer("std", torch.tensor(std).float().view(-1, 1, 1), False)
        self._enable_normalize = True
        # The original MMSegmentation names it without the underscore.
        swaps = getattr(self, "channel_conversion", False)
        self._swaps = getattr(self, "_channel_conversion", swaps)
        self.luma = LUMA if kwargs.get("rgb_to_bgr", False) else LUMA[::-1]

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Check, swap and normalise the images of a batch.

        Args:
            data: ``inputs``, B images (n, H, W), or (3, H, W) with ``append_gray``, of
                any integer or float type; and ``data_samples``.
            training: Whether to pad as in training.

        Raises:
            ValueError: An image has another number of channels.
        """
        data = self.cast_data(data)  # type: ignore[assignment]
        samples = data.get("data_samples") or [None] * len(data["inputs"])
        pairs = zip(data["inputs"], samples, strict=True)
        inputs = [self._complete(image, sample) for image, sample in pairs]
        return super().forward({**data, "inputs": inputs}, training)

    def _complete(self, image: Tensor, sample: Any) -> Tensor:
        image = image.float()
        if self.append_gray and len(image) == COLOURS:
            luma = image.new_tensor(self.luma)
            image = torch.cat([image, (luma.view(-1, 1, 1) * image).sum(0)[None]])
        if len(image) != len(self.mean):
            raise ValueError(_wrong_count(len(self.mean), image, sample))
        if self._swaps and len(image) > COLOURS:  # of three, the host swaps them
            image = torch.cat([image[:COLOURS].flip(0), image[COLOURS:]])
        return image


def _check_numbers(mean: Sequence[float], std: Sequence[float]) -> None:
    numbers = all(is_number(value) for value in (*mean, *std))
    if not mean or len(mean) != len(std) or not numbers or min(std) <= 0:
        raise ValueError(
            f"data_preprocessor needs one mean and one std > 0 per channel, got mean="
            f"{list(mean)} and std={list(std)}"
        )


def _wrong_count(expected: int, image: Tensor, sample: Any) -> str:
    path = getattr(sample, "img_path", None)
    frame = "an image" if path is None else f"frame {path}"
    return (
        f"data_preprocessor has mean and std of {expected} channels, {frame} has "
        f"{len(image)}: give {len(image)} of both, or read other channels, as by "
        f"LoadImageFromFile(color_type='unchanged', imdecode_backend='cv2')"
    )

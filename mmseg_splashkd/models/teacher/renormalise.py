"""Images as the teacher was trained to see them, from those of the student."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

PER_CHANNEL = ("mean", "std")


def normalisation(model: Any) -> dict[str, Any]:
    """Mean, std and channel order that a segmentor's preprocessor applies."""
    preprocessor = model.data_preprocessor
    normalises = getattr(preprocessor, "_enable_normalize", False)
    # The original MMSegmentation names it without the underscore.
    swaps = getattr(preprocessor, "channel_conversion", False)
    return {
        "mean": preprocessor.mean.flatten().tolist() if normalises else None,
        "std": preprocessor.std.flatten().tolist() if normalises else None,
        "swap_channels": getattr(preprocessor, "_channel_conversion", swaps),
    }


@dataclass(frozen=True)
class Renormalisation:
    """The step from one normalisation of images to another.

    Args:
        source: ``normalisation`` of the images.
        target: That of the result.
    """

    source: Mapping[str, Any]
    target: Mapping[str, Any]

    def __call__(
        self, images: Tensor, paddings: Sequence[Sequence[int]] | None = None
    ) -> Tensor:
        """Images (B, C, H, W) in the other normalisation; the same where it is equal.

        Where the result has fewer channels, it has the first ones: of a frame with
        depth, the teacher that was trained on colours sees the colours.

        Args:
            images: (B, C, H, W).
            paddings: Pixels that were added to each image at its left, right, top and
                bottom after normalising; they stay as they are. Default none.
        """
        source, target = self.source, self.target
        if source == target:
            return images
        count = _channels_kept(source, target)
        images = images[:, :count]
        source = {**source, **{key: _first(source[key], count) for key in PER_CHANNEL}}
        if source == target:
            return images
        values = images * _column(images, source["std"], 1.0)
        values = values + _column(images, source["mean"], 0.0)
        if source["swap_channels"] != target["swap_channels"]:
            values = torch.cat([values[:, :3].flip(1), values[:, 3:]], dim=1)
        values = values - _column(images, target["mean"], 0.0)
        values = values / _column(images, target["std"], 1.0)
        return values if paddings is None else _keep_padding(images, values, paddings)


def _channels_kept(source: Mapping[str, Any], target: Mapping[str, Any]) -> int | None:
    """Channels of the images that the target takes; None for all.

    One mean is for any number of channels, so only more than three are counted.
    """
    counts = [len(each["mean"] or ()) for each in (source, target)]
    return counts[1] if counts[0] > 3 and 0 < counts[1] < counts[0] else None


def _first(values: Sequence[float] | None, count: int | None) -> list[float] | None:
    return None if values is None else list(values[:count])


def _column(images: Tensor, values: Sequence[float] | None, default: float) -> Tensor:
    """One value per channel, (C, 1, 1)."""
    listed = [default] if values is None else values
    return torch.tensor(listed, device=images.device)[:, None, None]


def _keep_padding(
    images: Tensor, values: Tensor, paddings: Sequence[Sequence[int]]
) -> Tensor:
    height, width = images.shape[-2:]
    inside = torch.zeros_like(images[:, :1], dtype=torch.bool)
    for mask, (left, right, top, bottom) in zip(inside, paddings, strict=True):
        mask[:, top : height - bottom, left : width - right] = True
    return torch.where(inside, values, images)


def paddings_of(samples: Sequence[Any]) -> list[Sequence[int]] | None:
    """Pixels that MMSegmentation's preprocessor added to each image of a batch.

    Args:
        samples: B data samples.

    Returns:
        Left, right, top and bottom of each; None if nothing was added to any.
    """
    paddings = [
        sample.get("img_padding_size", sample.get("padding_size", (0, 0, 0, 0)))
        for sample in samples
    ]
    return paddings if any(map(any, paddings)) else None

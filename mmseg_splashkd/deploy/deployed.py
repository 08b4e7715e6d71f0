"""The whole deployed function as one module: from a frame to its classes."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_splashkd.deploy.decide import decide
from mmseg_splashkd.models.teacher.renormalise import normalisation


class Deployed(nn.Module):
    """A segmentor with its preprocessing, its upsampling and its decision.

    What a test of MMSegmentation does, with one difference: frames are resized by
    ``interpolate``, where the pipeline resizes by OpenCV, whose fixed-point arithmetic
    differs from it by at most a gray level. A gray channel that the preprocessor
    appends is computed inside.

    Args:
        network: Segmentor, in the mode of tests, whose test is ``whole``.
        size: (H, W) to which frames are resized.
        class_id: Class that is predicted from ``threshold`` on; None: the most likely
            class is predicted.
        threshold: A probability in (0, 1].
    """

    mean: Tensor | None
    std: Tensor | None
    luma: Tensor | None

    def __init__(
        self,
        network: Any,
        size: tuple[int, int],
        class_id: int | None = None,
        threshold: float = 0.5,
    ) -> None:
        super().__init__()
        self.network = network
        self.size = size
        self.class_id = class_id
        self.threshold = threshold
        applied = normalisation(network)
        # Frames are RGB; the pipeline reads BGR, which the preprocessor may swap.
        self.flips = not applied["swap_channels"]
        for name in ("mean", "std"):
            values = applied[name]
            tensor = None if values is None else torch.tensor(values).view(1, -1, 1, 1)
            self.register_buffer(name, tensor)
        preprocessor = network.data_preprocessor
        appends = getattr(preprocessor, "append_gray", False)
        # Of RGB; the preprocessor's own is of BGR.
        luma = torch.tensor(preprocessor.luma[::-1]) if appends else None
        self.register_buffer("luma", None if luma is None else luma.view(1, -1, 1, 1))

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Predict frames.

        Args:
            frames: (N, H, W, 3) uint8, RGB.

        Returns:
            Probabilities (N, C, H, W) float32 in [0, 1], and classes (N, H, W) uint8.
        """
        images = frames.permute(0, 3, 1, 2).float()
        images = F.interpolate(images, self.size, mode="bilinear", align_corners=False)
        images = images.round()  # pixels are whole gray levels in training
        images = self._preprocessed(images)
        shape = dict.fromkeys(("img_shape", "pad_shape", "ori_shape"), self.size)
        logits = self.network.encode_decode(images, [shape])
        if logits.shape[1] == 2:  # softmax of two is the sigmoid of their difference
            logits = logits[:, 1:] - logits[:, :1]
        logits = F.interpolate(
            logits,
            frames.shape[1:3],
            mode="bilinear",
            align_corners=self.network.align_corners,
        )
        probabilities = self._probabilities(logits)
        classes = decide(probabilities, self.class_id, self.threshold)
        return probabilities, classes.to(torch.uint8)

    def _preprocessed(self, images: Tensor) -> Tensor:
        """What the preprocessor makes of RGB images (N, 3, H, W)."""
        gray = [] if self.luma is None else [(self.luma * images).sum(1, keepdim=True)]
        images = torch.cat([images.flip(1) if self.flips else images, *gray], 1)
        if self.mean is not None and self.std is not None:
            images = (images - self.mean) / self.std
        return images

    def _probabilities(self, logits: Tensor) -> Tensor:
        if logits.shape[1] == 1:  # one sigmoid of the foreground
            foreground = logits.sigmoid()
            return torch.cat([1 - foreground, foreground], 1)
        return logits.softmax(1)

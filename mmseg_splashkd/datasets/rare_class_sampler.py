"""Rare-class sampling: frames with a rare class are drawn more often."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmseg.registry import DATA_SAMPLERS

from mmseg_splashkd.datasets.views import ViewSampler


@DATA_SAMPLERS.register_module()
class RareClassSampler(ViewSampler):
    """``ViewSampler`` that first draws a class, the rare ones most often, and a frame.

    Hoyer et al., "DAFormer: Improving Network Architectures and Training Strategies for
    Domain-Adaptive Semantic Segmentation", CVPR 2022, equation 9: class c has the
    probability exp((1 - f_c) / T) over the sum of all classes', f_c its share of the
    labelled pixels. All labels are read once. Frames without a label are not drawn.

    A frame has a class that covers ``least`` of what it covers where it is, on average.
    DAFormer asks for 3,000 pixels, which no splash has.

    Args:
        dataset: A ``ViewDataset`` whose data set has ``get_class_pixels(index)``.
        seed: Seed of the order, at least 0; default the seed of the run.
        views: Number of different views per frame, at least 1; default None: unlimited.
        view_seed: Seed of the views, at least 0; default ``seed``.
        temperature: T > 0; 0.01 in DAFormer, for 19 classes. The higher, the more alike
            are classes; of two, 0.01 draws the rare one alone.
        least: Share in [0, 1], see above; default 0.1.

    Attributes:
        probabilities: (C,) of each class; 0 for those in no label.

    Raises:
        ValueError: An argument is out of range, or no frame has a label.
    """

    def __init__(
        self,
        dataset: Any,
        seed: int | None = None,
        views: int | None = None,
        view_seed: int | None = None,
        temperature: float = 0.01,
        least: float = 0.1,
    ) -> None:
        super().__init__(dataset, seed=seed, views=views, view_seed=view_seed)
        if not temperature > 0:
            raise ValueError(f"temperature={temperature} must be above 0")
        if not 0 <= least <= 1:
            raise ValueError(f"least={least} must lie in [0, 1]")
        pixels = _pixels(dataset)
        self.probabilities = rare_class_probabilities(pixels.sum(0), temperature)
        there = pixels > 0
        usual = pixels.sum(0) / np.maximum(there.sum(0), 1)
        has = there & (pixels >= least * usual)
        self._frames = [np.flatnonzero(each) for each in has.T]

    def _visits(self) -> Iterator[tuple[int, int]]:
        # Of all ranks, which take turns at it.
        generator = torch.Generator().manual_seed(self.seed)
        probabilities = torch.from_numpy(self.probabilities)
        visits = dict.fromkeys(range(self.size), 0)
        while True:
            drawn = torch.multinomial(probabilities, 1, generator=generator)
            frames = self._frames[int(drawn)]
            place = torch.randint(len(frames), (1,), generator=generator)
            index = int(frames[int(place)])
            yield index, visits[index]
            visits[index] += 1


def rare_class_probabilities(pixels: np.ndarray, temperature: float) -> np.ndarray:
    """Probability of each class of being drawn (DAFormer, equation 9).

    Args:
        pixels: (C,) labelled pixels of each class.
        temperature: T > 0.

    Returns:
        (C,) of sum 1; 0 for classes without a pixel, which no frame could have.
    """
    frequency = pixels / pixels.sum()
    exponent = np.where(pixels > 0, (1 - frequency) / temperature, -np.inf)
    weights = np.exp(exponent - exponent.max())
    return weights / weights.sum()


def _pixels(dataset: Any) -> np.ndarray:
    """(N, C) labelled pixels of the classes in each frame; each label is read once."""
    none = np.zeros(len(dataset.metainfo["classes"]), np.int64)
    counted: dict[Any, np.ndarray] = {None: none}
    rows = []
    for index in range(len(dataset)):
        label = dataset.get_data_info(index).get("seg_map_path")
        if label not in counted:
            counted[label] = dataset.get_class_pixels(index)
        rows.append(counted[label])
    pixels = np.array(rows)
    if not pixels.sum():
        raise ValueError(
            "RareClassSampler needs frames whose label has a class, and there are "
            "none: label some, or use ViewSampler"
        )
    return pixels

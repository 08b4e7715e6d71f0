"""How many pixels of the labels each class has."""

from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config

from mmseg_splashkd.config.frames import ListedFrame, listed_of
from mmseg_splashkd.config.leaf_coding import leaf_coding
from mmseg_splashkd.config.types import type_name
from mmseg_splashkd.config.walk import leaves
from mmseg_splashkd.datasets.label_coding import read_gray


class ClassShares(NamedTuple):
    """The frames of a loader and the classes of their labels.

    Attributes:
        classes: Names of the classes.
        shares: Share of each class in all pixels that are not ignored, in [0, 1]; NaN
            where there are none.
        labelled: Number of frames with a label.
        unlabelled: Number of frames without one.
    """

    classes: tuple[str, ...]
    shares: tuple[float, ...]
    labelled: int
    unlabelled: int

    @property
    def rarest(self) -> str:
        """The class with the fewest pixels of those that have any."""
        shares = np.array(self.shares)
        return self.classes[int(np.where(shares > 0, shares, np.inf).argmin())]

    @property
    def share_of_rarest(self) -> float:
        """Its share in all pixels that are not ignored, in [0, 1]."""
        return self.shares[self.classes.index(self.rarest)]


def class_shares(cfg: Config, loader: str = "train_dataloader") -> ClassShares:
    """Read all labels of a loader, and count their classes.

    Args:
        cfg: A config that has the loader.
        loader: One of ``LOADERS``.

    Raises:
        ValueError: A data set does not list its frames or has no class names, data sets
            differ in their classes, or a label is unreadable or holds a value outside
            its coding.
    """
    configs = list(leaves(cfg[loader].dataset, targets=False))
    codings = [leaf_coding(leaf) for leaf in configs]
    classes = tuple(codings[0].classes)
    if any(tuple(each.classes) != classes for each in codings):
        raise ValueError(f"the data sets of {loader} differ in their classes")
    frames = {
        frame.image: (frame.label, coding)
        for leaf, coding in zip(configs, codings, strict=True)
        for frame in _frames_of(leaf, loader)
    }
    counts = np.zeros(len(classes))
    for path, coding in frames.values():
        if path:
            counts += coding.class_pixels(coding.to_train_ids(read_gray(path), path))
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum()
    labelled = sum(bool(path) for path, _ in frames.values())
    return ClassShares(
        classes, tuple(shares.tolist()), labelled, len(frames) - labelled
    )


def _frames_of(leaf: Any, loader: str) -> list[ListedFrame]:
    """The frames of a data set, without those that are read beside one only."""
    alone = {name: None for name in ("neighbour", "clip") if leaf.get(name)}
    frames = listed_of({**leaf, **alone})
    if frames is None:
        raise ValueError(
            f"the data set {type_name(leaf)} of {loader} does not list its frames, so "
            f"that its labels cannot be counted: it needs get_data_info with img_path "
            f"and seg_map_path, as data sets of MMSegmentation have"
        )
    return frames

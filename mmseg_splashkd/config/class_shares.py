"""How many pixels of the labels each class has."""

from typing import NamedTuple

import numpy as np
from mmengine.config import Config

from mmseg_splashkd.config.frames import listed_of
from mmseg_splashkd.config.leaf_coding import leaf_coding
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
        ValueError: A data set does not list its frames or has no class names, or a
            label is unreadable or holds a value outside its coding.
    """
    pixels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    labelled = unlabelled = 0
    for leaf in leaves(cfg[loader].dataset):
        frames = listed_of(leaf)
        if frames is None:
            raise ValueError(
                f"the data set {leaf.get('type')} of {loader} does not list its "
                f"frames, so that its labels cannot be counted"
            )
        coding = leaf_coding(leaf)
        classes = tuple(coding.classes)
        if pixels is None:
            pixels = np.zeros(len(classes), np.int64)
        for path in (frame.label for frame in frames):
            if path:
                ids = coding.to_train_ids(read_gray(path), path)
                pixels += coding.class_pixels(ids)
            labelled, unlabelled = labelled + bool(path), unlabelled + (not path)
    counts = np.zeros(len(classes)) if pixels is None else pixels.astype(float)
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum()
    return ClassShares(classes, tuple(shares.tolist()), labelled, unlabelled)

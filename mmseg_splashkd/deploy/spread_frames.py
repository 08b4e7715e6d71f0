"""Some frames of a part, spread evenly over it."""

import numpy as np
from mmengine.config import Config

from mmseg_splashkd.config.frames import listed_frames
from mmseg_splashkd.datasets.image_file import read_as_training


def spread_frames(cfg: Config, loader: str, count: int) -> list[np.ndarray]:
    """Frames (H, W, 3) uint8 of a part, as RGB.

    Args:
        cfg: Resolved config.
        loader: Such as ``'val_dataloader'``.
        count: Their number, from 1; fewer where there are not so many.

    Raises:
        ValueError: ``count`` is below 1, or the part lists no frames.
    """
    if count < 1:
        raise ValueError(f"frames={count} must be at least 1")
    if not cfg.get(loader):
        raise ValueError(f"the config has no {loader}, whose frames are read: add one")
    listed = listed_frames(cfg, loader)
    if not listed:
        raise ValueError(f"{loader} lists no frames that could be read")
    places = np.linspace(0, len(listed) - 1, min(count, len(listed))).round()
    return [read_as_training(listed[int(each)].image) for each in places]

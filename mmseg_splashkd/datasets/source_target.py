"""Frames of a labelled source, each beside a frame of a target without labels."""

from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.structures import PixelData
from mmseg.registry import DATASETS
from torch.utils.data import Dataset

TARGET = "target"  # field of a sample: (C, H, W), an image of the target


@DATASETS.register_module()
class SourceTargetDataset(Dataset):
    """A data set whose samples also carry a random image of another one.

    Indexing draws a frame of the source, and then a frame of the target by NumPy's
    random state. Inside a ``ViewDataset``, both are functions of the view, and the
    frame of the source is what it is without a target, bit by bit. Labels of the
    target, if it has any, are not passed on.

    Args:
        source: Data set with labels, or its config; an epoch is a pass over it.
        target: Data set, or its config. Both pipelines end with ``PackSegInputs``; the
            sizes may differ.

    Raises:
        ValueError: The target has no frames, or a pipeline does not pack.
        RuntimeError: A frame of the target cannot be loaded; the message names it.
    """

    def __init__(self, source: BaseDataset | dict, target: BaseDataset | dict) -> None:
        self.source: Any = (
            DATASETS.build(source) if isinstance(source, dict) else source
        )
        self.target: Any = (
            DATASETS.build(target) if isinstance(target, dict) else target
        )
        if not len(self.target):
            raise ValueError("target has no frames: check its data_root and split")
        self._tell_of_labels()

    def _tell_of_labels(self) -> None:
        infos = map(self.target.get_data_info, range(len(self.target)))
        labelled = sum(info.get("seg_map_path") is not None for info in infos)
        if labelled:
            print_log(
                f"{labelled} of {len(self.target)} frames of the target have a label, "
                f"which is not used in training",
                "current",
            )

    @property
    def metainfo(self) -> dict:
        """Classes and palette of the source."""
        return self.source.metainfo

    def full_init(self) -> None:
        """Load the annotations of both."""
        self.source.full_init()
        self.target.full_init()

    def get_data_info(self, index: int) -> dict:
        """Annotation of a frame of the source."""
        return self.source.get_data_info(index)

    def get_cat_ids(self, index: int) -> list[int]:
        """Classes in the label of a frame of the source."""
        return self.source.get_cat_ids(index)

    def get_class_pixels(self, index: int) -> np.ndarray:
        """(C,) pixels of the classes in the label of a frame of the source."""
        return self.source.get_class_pixels(index)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict:
        drawn = self.source[index]
        other = self._draw(np.random.randint(len(self.target)))  # noqa: NPY002
        for each, name in ((drawn, "source"), (other, "target")):
            if not {"inputs", "data_samples"} <= each.keys():
                raise ValueError(
                    f"the pipeline of {name} must end with dict(type='PackSegInputs')"
                )
        drawn["data_samples"].set_data({TARGET: PixelData(data=other["inputs"])})
        return drawn

    def _draw(self, index: int) -> dict:
        try:
            return self.target[index]
        except (OSError, AssertionError) as error:  # raised by mmcv without the path
            frame = self.target.get_data_info(index).get("img_path")
            raise RuntimeError(
                f"frame {frame} of the target cannot be used: {error}"
            ) from error

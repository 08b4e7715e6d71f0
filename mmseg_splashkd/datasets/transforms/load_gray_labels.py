"""Pipeline transform that loads gray-coded labels."""

from collections.abc import Mapping

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_splashkd.datasets.label_coding import (
    IGNORE,
    check_table,
    read_gray,
    to_train_ids,
)


@TRANSFORMS.register_module()
class LoadGrayLabels(BaseTransform):
    """Load a label and refuse values outside its table.

    mmseg's ``LoadAnnotations`` keeps unmapped values, which then count as a class or
    index past the logits. Requires ``seg_map_path`` and ``seg_fields``; adds
    ``gt_seg_map``, (H, W) uint8 trainIds. A sample without ``seg_map_path`` (mmseg's
    inference) passes unchanged; if its key ``ignore_missing_label`` is true, it gets a
    label of 255 (ignored) everywhere.

    Args:
        gray_to_train_id: Gray value in [0, 65535] -> trainId or 255 (ignored). Default:
            the table of the data set (key ``label_map`` of the sample), which
            ``TimeSplitDataset`` provides.
    """

    def __init__(self, gray_to_train_id: Mapping[int, int] | None = None) -> None:
        self.gray_to_train_id = (
            None if gray_to_train_id is None else check_table(gray_to_train_id, IGNORE)
        )

    def transform(self, results: dict) -> dict:
        """Add the label to a sample.

        Raises:
            ValueError: There is no table, or the label cannot be read, is not a
                one-channel 8-bit or 16-bit map, or has a value outside the table.
        """
        if "seg_map_path" not in results:
            if results.get("ignore_missing_label"):
                shape = results["img"].shape[:2]
                results["gt_seg_map"] = np.full(shape, IGNORE, np.uint8)
                results["seg_fields"].append("gt_seg_map")
            return results
        path, table, unknown = results["seg_map_path"], self.gray_to_train_id, None
        if table is None:
            table, unknown = results.get("label_map"), results.get("unknown_label")
        if table is None:
            raise ValueError("the data set has no label_map: give gray_to_train_id")
        results["gt_seg_map"] = to_train_ids(read_gray(path), table, path, unknown)
        results["seg_fields"].append("gt_seg_map")
        return results
